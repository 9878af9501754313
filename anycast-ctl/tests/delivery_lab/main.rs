//! Every way of delivery, live: the real daemon and the program in native mode on the edge, the real `anycast-ctl receive`
//! on the backends, and on the path what real paths have: links that take less, routers that say so, fragments.
//!
//! Needs root. `--nocapture` shows what traceroute sees and how fast uploads are.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod arms;
mod follow;
mod fragments;
mod harness;
mod modes;
mod narrow;
mod ping;
mod trace;
mod upload;
