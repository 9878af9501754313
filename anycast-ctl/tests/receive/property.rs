//! Whatever arrives: the program never faults, counts exactly once, and leaves alone what is no tunnel. The harness checks
//! counters, verdict and bytes of every packet.

use std::cell::RefCell;

use anycast_common::receive::Verdict;
use proptest::{prelude::*, test_runner::TestRunner};
use xtask::share::share;

use crate::{
    decapsulate::every_kind,
    harness::{Harness, USUAL},
    packet::Tunnel,
};

const CASES: u32 = 3000;

fn hold(strategy: impl Strategy<Value = Vec<u8>>) {
    let mut harness = Harness::new();
    harness.set_up(USUAL);
    let harness = RefCell::new(harness);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: share(CASES),
        failure_persistence: None,
        ..Default::default()
    });
    let result = runner.run(&strategy, |packet| {
        let (outcome, output) = harness.borrow_mut().run_any(&format!("{packet:02x?}"), &packet);
        if outcome.verdict() == Verdict::Decapsulate {
            prop_assert_eq!(remnant(&output, output.len()), remnant(&packet, output.len()));
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// The frame's header but for the EtherType, and the bytes at the end of the packet that are the inner packet in a frame of
/// that length, but for what a mark changes: the ECN field, and the checksum of IPv4.
fn remnant(packet: &[u8], frame_length: usize) -> (Vec<u8>, Vec<u8>) {
    let is_tag = |at: usize| matches!(packet[at..at + 2], [0x81, 0x00] | [0x88, 0xa8]);
    let header = match (is_tag(12), is_tag(16)) {
        (false, _) => 14,
        (true, false) => 18,
        (true, true) => 22,
    };
    let mut inner = packet[packet.len() - (frame_length - header)..].to_owned();
    if inner[0] >> 4 == 4 {
        inner[1] &= !0x03;
        inner[10..12].fill(0);
    } else {
        inner[1] &= !0x30;
    }
    (packet[..header - 2].to_owned(), inner)
}

#[test]
fn any_bytes_are_counted_once() {
    hold(prop::collection::vec(any::<u8>(), 14..200));
}

#[test]
fn any_bytes_behind_an_ip_ether_type_are_counted_once() {
    let ether_type =
        prop_oneof![Just([0x08, 0x00, 0x45]), Just([0x86, 0xdd, 0x60]), Just([0x81, 0x00, 0x00])];
    let packet = (ether_type, prop::collection::vec(any::<u8>(), 15..200));
    hold(packet.prop_map(|(ether_type, mut packet)| {
        packet[12..15].copy_from_slice(&ether_type);
        packet
    }));
}

#[test]
fn damaged_tunnels_are_counted_once() {
    let kinds: Vec<Tunnel<'static>> = every_kind().map(|(_, tunnel)| tunnel).collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let packet =
        (prop::sample::select(kinds), 0..3_usize, damage, any::<prop::sample::Index>(), any::<bool>());
    hold(packet.prop_map(|(tunnel, tags, damage, end, cut)| {
        let mut packet = Tunnel { tags: &[100, 200][..tags], outer_ecn: 3, inner_ecn: 2, ..tunnel }.bytes();
        for (at, byte) in damage {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        if cut {
            packet.truncate(14 + end.index(packet.len() - 13));
        }
        packet
    }));
}
