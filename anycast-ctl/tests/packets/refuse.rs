//! Packets to a VIP that are not delivered: each for its reason, none changed.

use anycast_common::reason::Reason;

use crate::{
    harness::{Harness, Outcome},
    steer::{Shape, Transport},
};

const V4: (u16, &str) = (1, "192.0.2.1");
const V6: (u16, &str) = (2, "2001:db8:0:1::1");

fn assert_refused(harness: &mut Harness, name: &str, packet: &[u8], vip: u16, reason: Reason) {
    let expected = match reason.verdict() {
        anycast_common::reason::Verdict::Pass => Outcome::Passed { vip, reason },
        anycast_common::reason::Verdict::Drop => Outcome::Dropped { vip, reason },
        anycast_common::reason::Verdict::Answer => panic!("{reason:?} is no refusal"),
    };
    assert_eq!(harness.run(name, packet), expected, "{name}");
}

/// For both transports: the port a packet goes to, and the transport.
const TRANSPORTS: [(u16, Transport); 2] = [(80, Transport::Syn), (53, Transport::Udp)];

#[test]
fn unknown_ports_pass_or_drop_as_the_vip_says() {
    let mut harness = Harness::new();
    for (vip, reason) in [
        (V4, Reason::UnknownPortPassed),
        (V6, Reason::UnknownPortPassed),
        ((5, "192.0.2.5"), Reason::UnknownPortDropped),
        ((6, "2001:db8:0:1::5"), Reason::UnknownPortDropped),
    ] {
        // The other protocol's port is as unknown as any other.
        for (port, transport) in [(81, Transport::Syn), (53, Transport::Ack), (80, Transport::Udp)] {
            let name = format!("{} {port} {transport:?}", vip.1);
            assert_refused(&mut harness, &name, &Shape::new(vip.1, port, transport).bytes(), vip.0, reason);
        }
    }
}

#[test]
fn protocols_without_ports_are_unknown_ports() {
    let mut harness = Harness::new();
    // SCTP, GRE, ESP; on a VIP with any-port services too, which are TCP's and UDP's.
    for protocol in [132, 47, 50] {
        for (vip, address, offset, reason) in [
            (1, "192.0.2.1", 23, Reason::UnknownPortPassed),
            (5, "192.0.2.5", 23, Reason::UnknownPortDropped),
            (3, "192.0.2.3", 23, Reason::UnknownPortPassed),
            (2, "2001:db8:0:1::1", 20, Reason::UnknownPortPassed),
        ] {
            let mut packet = Shape::new(address, 80, Transport::Syn).bytes();
            packet[offset] = protocol;
            assert_refused(&mut harness, &format!("protocol {protocol} to {address}"), &packet, vip, reason);
        }
    }
}

#[test]
fn a_pool_without_a_backend_drops() {
    let mut harness = Harness::new();
    for (vip, address, reason) in [
        (7, "192.0.2.7", Reason::NoBackend),
        (8, "2001:db8:0:1::7", Reason::NoBackend),
        (9, "192.0.2.9", Reason::BackendUnusable),
        (10, "2001:db8:0:1::9", Reason::BackendUnusable),
        (11, "192.0.2.11", Reason::NoDevice),
        (12, "2001:db8:0:1::11", Reason::NoDevice),
    ] {
        for (port, transport) in TRANSPORTS {
            let packet = Shape::new(address, port, transport).bytes();
            assert_refused(&mut harness, &format!("{address} {transport:?}"), &packet, vip, reason);
        }
    }
}

#[test]
fn a_routing_loop_dies() {
    let mut harness = Harness::new();
    for (vip, address) in [V4, V6] {
        for hop_limit in [0, 1] {
            for (port, transport) in TRANSPORTS {
                let packet = Shape { hop_limit, ..Shape::new(address, port, transport) }.bytes();
                let name = format!("{address} {transport:?} hop limit {hop_limit}");
                assert_refused(&mut harness, &name, &packet, vip, Reason::TtlExpired);
            }
        }
    }
}

#[test]
fn lengths_that_contradict_each_other_drop() {
    let mut harness = Harness::new();
    let rows: [(&str, usize, &[u8], Reason); 5] = [
        ("header length below the minimum", 14, &[0x44], Reason::BadHeader),
        ("header length beyond the packet's", 14, &[0x4f], Reason::BadHeader),
        ("total length below the header's", 16, &[0, 19], Reason::BadHeader),
        ("total length beyond the frame", 16, &[0x10, 0], Reason::BadHeader),
        ("total length that cuts the TCP header", 16, &[0, 39], Reason::Truncated),
    ];
    for (name, offset, bytes, reason) in rows {
        let mut packet = Shape { payload: b"", ..Shape::new(V4.1, 80, Transport::Ack) }.bytes();
        packet[offset..offset + bytes.len()].copy_from_slice(bytes);
        assert_refused(&mut harness, name, &packet, V4.0, reason);
    }
    for (name, length, reason) in [
        ("payload length beyond the frame", 2000u16, Reason::BadHeader),
        ("payload length that cuts the TCP header", 19, Reason::Truncated),
        ("no payload", 0, Reason::Truncated),
    ] {
        let mut packet = Shape::new(V6.1, 80, Transport::Ack).bytes();
        packet[18..20].copy_from_slice(&length.to_be_bytes());
        assert_refused(&mut harness, name, &packet, V6.0, reason);
    }
}
