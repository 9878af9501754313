//! `anycast-ctl top` in a real terminal (tmux), over a real daemon with real traffic; and its lines without one. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod away;
mod clients;
#[path = "../survival_lab/edge.rs"]
mod edge;
#[path = "../survival_lab/host.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod host;
mod keys;
mod lines;
mod poor;
mod restore;
mod sizes;
mod tmux;
mod traffic;
