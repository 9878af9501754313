//! Drains to their end: live sessions through the real program, with the real daemon, until no flow is left, the deadline
//! passes, or somebody thinks better of it. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod backup;
#[path = "../survival_lab/edge.rs"]
mod edge;
mod end;
mod held;
#[path = "../survival_lab/host.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod host;
mod last;
mod many;
mod pinned;
mod turn;
