//! What the XDP program and its controller must agree on: map layouts, numbering, and the pure functions both compute.
//!
//! Nothing here allocates or does IO, so that the program runs exactly the code the controller explains and tests.
//! Layouts are shared by value through BPF maps: every type is `repr(C)` without padding, and
//! [`LAYOUT_VERSION`] changes whenever one of them does.

#![no_std]

pub mod address;
pub mod backend;
pub mod bench;
pub mod checksum;
pub mod clock;
pub mod counter;
pub mod detail;
pub mod directory;
pub mod ecn;
pub mod flow;
pub mod fragment;
pub mod hash;
pub mod identity;
pub mod limits;
pub mod lookups;
mod numbered;
pub mod packet;
pub mod parse;
pub mod pin;
pub mod probe;
pub mod reason;
pub mod receive;
pub mod reset;
pub mod slot;
pub mod steer;
pub mod tap;
pub mod tunnel;
pub mod walk;

#[cfg(feature = "user")]
mod pod;

/// Version of the map layouts below. A controller may only adopt maps of its own version.
pub const LAYOUT_VERSION: u32 = 6;
