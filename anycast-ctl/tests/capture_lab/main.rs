//! Captures of real traffic through the real program, daemon and kernel, read by tshark. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod arms;
mod edge;
mod filters;
mod flood;
#[path = "../steering_lab/flood.rs"]
#[allow(dead_code, reason = "of the steering")]
mod generator;
#[path = "../survival_lab/held.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod held;
#[path = "../survival_lab/host.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod host;
mod killed;
mod memory;
mod refuse;
mod sampling;
mod tshark;
