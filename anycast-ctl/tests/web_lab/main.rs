//! The read-only HTTP port of the real daemon, on the edge of a lab. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod crowd;
mod harness;
mod names;
mod port;
mod read;
