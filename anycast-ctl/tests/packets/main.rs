//! Packet tests: the loaded program under `BPF_PROG_TEST_RUN`, with every counter compared after every packet.
//!
//! Packets are built and checked with etherparse, which shares no code with the program. Needs root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod harness;
mod linear;
mod pass;
mod refuse;
mod steer;
mod suspend;
mod transition;
mod truncate;
