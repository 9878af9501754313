//! Layer 3: `anycast-ctl receive` on a backend in a network namespace, and tunnel packets from its neighbour. Needs root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod check;
mod deliver;
mod harness;
mod lifecycle;
mod refuse;
mod tcp;
mod traffic;
