//! Every kind of check against real servers on loopback: good ones, bad ones, and hostile ones.
//!
//! No test needs root. Each says in its words why a check failed, and after each there are as many descriptors as before, and
//! no child process.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod certificates;
mod dns;
mod exec;
mod exhaustion;
mod feedback;
mod grpc;
mod harness;
mod http;
mod server;
mod tcp;
mod tls;
mod udp;
