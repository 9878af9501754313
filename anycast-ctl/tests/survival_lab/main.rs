//! The dataplane outlives its daemon: sessions and datagrams through the real program while daemons die, end, start, and are
//! replaced by another build. Needs root. `ANYCAST_SURVIVAL_SECONDS` sets how long the flood lasts around each event (2).

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod faults;
#[path = "../steering_lab/flood.rs"]
#[allow(dead_code, reason = "of a flood of SYNs")]
mod flood;
mod held;
mod hook;
mod host;
mod instances;
mod kill;
mod refuse;
mod streams;
mod totals;
mod trial;
mod verdicts;
mod zero;
