//! Checks through the dataplane, live: marked sockets on the edge, the program on the way out of `lo`, the real
//! `anycast-ctl receive` on the backends, and real servers.
//!
//! Needs root. `--nocapture` shows in how many pieces large requests were sent.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod broken;
mod deliver;
mod harness;
mod killed;
mod large;
mod lifecycle;
mod socket;
mod this_host;
