//! The BIRD driver with the real BIRD, and what a router next to it hears by BGP. Needs root.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "what fails here fails the test"
)]

mod harness;
mod hostile;
mod include;
mod protocols;
mod seen;
mod withdraw;
