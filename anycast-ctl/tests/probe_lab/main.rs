//! Layer 3: what checks put on the wire, and what they need rights for. Needs root.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]
#![allow(clippy::indexing_slicing, reason = "what fails here fails the test")]

#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "../namespace/mod.rs"]
mod namespace;

mod capture;
mod echo;
mod full_size;
mod way;

use std::{net::IpAddr, time::Duration};

use anycast_ctl::health::{
    probe::{Context, Outcome, Target, probe},
    spec::Probe,
};

/// For checks that are not meant to run out of time.
const LONG: Duration = Duration::from_secs(20);
/// For those that are.
const SHORT: Duration = Duration::from_millis(300);

async fn ask(what: &Probe, full_size: bool, target: &Target, timeout: Duration) -> Outcome {
    probe(what, full_size, target, timeout, &Context::new()).await
}

fn target(address: &str, port: u16) -> Target {
    let address: IpAddr = address.parse().unwrap();
    Target::new((address, port).into(), "")
}
