//! `anycast-ctl doctor` on a host where everything is right, and with each thing broken on purpose. Needs root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod break_and_mend;
mod daemon;
#[allow(dead_code, reason = "shared with the tests of `receive`, which need more of it")]
#[path = "../receive_lab/harness.rs"]
mod harness;
mod host;
#[path = "../namespace/xdp.rs"]
mod xdp;
