//! Flows as the program tells of them, through the real program with the real daemon. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

#[path = "../survival_lab/edge.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod edge;
#[path = "../steering_lab/flood.rs"]
#[allow(dead_code, reason = "of sessions beside a flood")]
mod flood;
#[path = "../drain_lab/held.rs"]
#[allow(dead_code, reason = "of drains")]
mod held;
#[path = "../survival_lab/host.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod host;
mod remembered;
mod sampled;
mod strangers;
mod wire;
