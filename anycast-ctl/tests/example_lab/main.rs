//! The worked examples of docs/examples, as they stand there, in the lab of two sites. Needs root, and Debian's packages bird2,
//! frr, nsd, nginx-light and bind9-dnsutils.
//!
//! `--nocapture` shows what failovers and drains cost.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test panics when it is wrong"
)]

#[path = "../border/mod.rs"]
mod border;
mod cdn;
mod dns;
mod downloads;
mod page;
mod queries;
mod stage;
mod stream;

/// What is tested.
const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
