//! Packet tests: the loaded program under `BPF_PROG_TEST_RUN`, with every counter compared after every packet.
//!
//! Packets are built and checked with etherparse, which shares no code with the program. Needs root.

mod harness;
mod pass;
mod refuse;
mod steer;
mod truncate;
