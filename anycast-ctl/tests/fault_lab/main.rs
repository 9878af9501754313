//! The daemon goes on through faults: what it asks of the kernel, the disk and its sockets fails or takes its time, and what is
//! desired, stored and in the kernel's maps agrees afterwards. The program is the one that is shipped; its system calls are
//! answered by the test (docs/faults.md). Needs root.
//!
//! `ANYCAST_FAULT_SEED` repeats a run, `ANYCAST_FAULT_OPERATIONS` sets how long it is (10,000), `ANYCAST_FAULT_LOG` names a file for
//! what the daemons said.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod agree;
mod client;
mod descriptor;
mod held;
mod host;
#[path = "../store_lab/http.rs"]
#[allow(dead_code, reason = "of writers for a revision")]
mod http;
mod injector;
mod ledger;
mod mirror;
mod operation;
mod peek;
mod plan;
mod point;
mod rest;
mod run;
mod seccomp;
mod single;
mod site;
