//! The web page of the real daemon in a real browser, headless Chromium, on the edge of a lab. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod announced;
mod browser;
mod explain;
mod harness;
mod hostile;
mod live;
mod look;
mod many;
mod numbers;
mod pictures;
mod restart;
mod slots;
