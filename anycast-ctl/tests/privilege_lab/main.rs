//! The daemon as a user of its own, with the capabilities of its unit and no other right. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod missing;
mod readers;
mod root;
mod service;
mod stage;
mod withdrawal;
