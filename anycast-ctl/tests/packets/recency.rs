//! The one thing that foretelling leaves behind: an entry of an LRU map that it looked at counts as used.

use anycast_common::{address::Address, flow::Flow, pin::Pin, slot::Slot};
use anycast_ctl::dataplane::now_ticks;
use etherparse::TcpHeader;

use crate::{
    harness::Harness,
    packet::{L4, V4, client, to},
    site::{L2, State},
};

/// Flows that can be pinned.
const CAPACITY: u16 = 4_096;

/// Of the flows that were pinned first, every so manieth is foretold.
const EVERY: u16 = 8;

fn flow(port: u16) -> Flow {
    let [source, destination] = [client(V4), V4.parse().unwrap()].map(Address::from);
    Flow { source, destination, source_port: port, destination_port: 80, protocol: 6 }
}

fn pin(harness: &mut Harness, port: u16) {
    harness.dataplane.pin(&flow(port), Pin::new(1, 0, now_ticks())).unwrap();
}

/// Fills the map, has some of the first half foretold or none, and pins half as many more: per mille of those and of the others of
/// that half that are still there.
fn left(foretells: bool) -> [usize; 2] {
    let mut harness = Harness::with_pins(CAPACITY.into());
    harness.set(&State { slot: Some(Slot::in_transition(1, 0)), ..L2 });
    let first = 1..=CAPACITY / 2;
    (1..=CAPACITY).for_each(|port| pin(&mut harness, port));
    let mut there: Vec<u16> = first.clone().collect();
    let is_there = |harness: &Harness, port: u16| {
        harness.dataplane.pins.get(harness.dataplane.key(&flow(port))).unwrap().is_some()
    };
    there.retain(|port| is_there(&harness, *port));
    let (some, others): (Vec<u16>, Vec<u16>) = there.into_iter().partition(|port| port % EVERY == 0);
    if foretells {
        for &port in &some {
            let header = TcpHeader { ack: true, ..TcpHeader::new(port, 80, 1, 1) };
            let walk = harness.foretell(&to(V4, L4::Tcp(Box::new(header))).bytes()).walk;
            assert!(walk.pin().is_some(), "{walk:?}");
        }
    }
    (1..=CAPACITY / 2).for_each(|port| pin(&mut harness, 30_000 + port));
    [some, others]
        .map(|ports| ports.iter().filter(|port| is_there(&harness, **port)).count() * 1_000 / ports.len())
}

#[test]
fn a_pin_that_was_foretold_is_evicted_later() {
    let [untouched, beside] = left(false);
    let [foretold, others] = left(true);
    println!(
        "of the oldest pins, per mille left after as many others came: {untouched} and {beside} if none was foretold; {foretold} \
         of those foretold, {others} of the others"
    );
    assert!(foretold > others + 200, "{foretold} of those foretold, {others} of the others");
    assert!(untouched.abs_diff(beside) < 200, "{untouched} {beside}");
}
