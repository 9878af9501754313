//! What the daemon tells: events as they happen and as they are kept, and its log. The real daemon, real backends that fail,
//! real drains, drops, restarts, and the real journald. Needs root.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod command;
mod edge;
#[path = "../survival_lab/host.rs"]
#[allow(dead_code, reason = "of the survival of the dataplane")]
mod host;
mod journal;
mod log;
mod packets;
mod restart;
mod slow;
mod story;
mod watcher;
