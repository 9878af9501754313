//! The FRR driver against the real FRR, with BIRD as its neighbour. Needs root, and Debian's packages frr and bird2.
//!
//! `--nocapture` shows how long withdrawals take.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

#[path = "../border/mod.rs"]
mod border;
mod harness;
mod hostile;
mod levels;
mod quick;
mod theirs;
mod trouble;
mod vtysh;
