//! Packet tests: the loaded program under `BPF_PROG_TEST_RUN`, with every counter compared after every packet.
//!
//! Packets are built and checked with etherparse, which shares no code with the program. Needs root.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod batches;
mod counters;
mod decode;
mod difference;
mod harness;
mod linear;
mod packet;
mod property;
mod recency;
mod rows;
mod site;
mod steer;
mod suspend;
mod sweep;
mod table;
mod taps;
mod transition;
mod truncate;
