//! Layer 3: the real daemon, native XDP on veth and real web servers, in network namespaces. Needs root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod access;
mod apply;
mod attach;
mod clients;
mod control;
mod delivery;
mod drift;
mod edit;
mod empty;
mod examples;
mod harness;
mod http;
mod interface;
mod lifecycle;
mod next_hop;
mod refuse;
mod steer;
mod untouched;
