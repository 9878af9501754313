//! Routes and addresses of the kernel, redistributed by the real BIRD and the real FRR to a BIRD in another autonomous system.
//! Needs root, and Debian's packages bird2 and frr.
//!
//! `--nocapture` shows how long withdrawals take.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod addresses;
#[path = "../border/mod.rs"]
mod border;
mod faults;
mod harness;
mod levels;
mod quick;
