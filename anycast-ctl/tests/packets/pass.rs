//! Packets that are not a VIP's leave bit-identical, with XDP_PASS: the harness compares every byte.

use anycast_common::reason::Reason;
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, EtherType, Icmpv4Type, Icmpv6Type, IpNumber, PacketBuilder,
};

use crate::{
    harness::{Harness, Outcome},
    steer::{Shape, Transport},
};

const OTHER_V4: &str = "203.0.113.9";
const OTHER_V6: &str = "2001:db8:9::9";

#[test]
fn what_is_not_a_vips_passes_unchanged() {
    let mut harness = Harness::new();
    let rows = rows();
    assert!(rows.len() >= 20, "{} kinds", rows.len());
    for (name, packet, reason) in rows {
        assert_eq!(harness.run(name, &packet), Outcome::Passed { vip: 0, reason }, "{name}");
    }
}

/// Kinds of packets an edge host sees beside its VIPs'.
fn rows() -> Vec<(&'static str, Vec<u8>, Reason)> {
    let to = |vip, transport| Shape::new(vip, 80, transport).bytes();
    let edited = |vip, offset: usize, bytes: &[u8]| {
        let mut packet = to(vip, Transport::Ack);
        packet[offset..offset + bytes.len()].copy_from_slice(bytes);
        packet
    };
    let tagged = |tags| Shape { tags, ..Shape::new(OTHER_V4, 80, Transport::Ack) }.bytes();
    let (not_ip, not_vip) = (Reason::NotIp, Reason::NotVip);
    vec![
        ("tcp over v4", to(OTHER_V4, Transport::Syn), not_vip),
        ("tcp over v6", to(OTHER_V6, Transport::Syn), not_vip),
        ("udp over v4", to(OTHER_V4, Transport::Udp), not_vip),
        ("udp over v6", to(OTHER_V6, Transport::Udp), not_vip),
        ("v4 next to a vip", to("192.0.2.2", Transport::Ack), not_vip),
        ("v6 next to a vip", to("2001:db8:0:1::2", Transport::Ack), not_vip),
        ("a v4 vip, mapped into v6", to("::ffff:192.0.2.1", Transport::Ack), not_vip),
        ("arp request for a vip", arp(), not_ip),
        ("icmp echo", icmp_v4(), not_vip),
        ("icmpv6 echo", icmp_v6(), not_vip),
        ("first fragment", edited(OTHER_V4, 20, &[0x20, 0]), not_vip),
        ("later fragment", edited(OTHER_V4, 20, &[0, 5]), not_vip),
        ("v4 options", edited(OTHER_V4, 14, &[0x46]), not_vip),
        ("v4 header length below the minimum", edited(OTHER_V4, 14, &[0x41]), not_vip),
        ("v4 total length beyond the frame", edited(OTHER_V4, 16, &[0xff, 0xff]), not_vip),
        ("v4 with ttl 0", edited(OTHER_V4, 22, &[0]), not_vip),
        ("v4 with a bad checksum", edited(OTHER_V4, 24, &[0xba, 0xad]), not_vip),
        ("v6 hop-by-hop options", edited(OTHER_V6, 20, &[0]), not_vip),
        ("v6 fragment", edited(OTHER_V6, 20, &[44]), not_vip),
        ("v6 routing header", edited(OTHER_V6, 20, &[43]), not_vip),
        ("v6 with hop limit 1", edited(OTHER_V6, 21, &[1]), not_vip),
        ("one vlan tag", tagged(&[100]), not_vip),
        ("two vlan tags", tagged(&[100, 200]), not_vip),
        ("three vlan tags, to a vip", three_tags(), not_ip),
        ("v4 ethertype over a v6 header", edited("2001:db8:0:1::1", 12, &[0x08, 0x00]), not_ip),
        ("v6 ethertype over a v4 header", edited("192.0.2.1", 12, &[0x86, 0xdd]), not_ip),
        ("lldp", ethernet(0x88cc, &[2, 7, 4, 1, 2, 3, 4, 5, 6]), not_ip),
        ("mpls", ethernet(0x8847, &[0; 40]), not_ip),
        ("802.3 length instead of a type", ethernet(46, &[0x42, 0x42, 3, 0, 0, 0]), not_ip),
        ("nothing but an ethernet header", ethernet(0x0800, &[]), not_ip),
        ("a vip address where the source belongs", from_vip(), not_vip),
        ("garbage", (0..200u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect(), not_ip),
    ]
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 2, 2, 2, 2, 2, 0x02, 1, 1, 1, 1, 1];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

fn arp() -> Vec<u8> {
    let packet = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: [0x02, 1, 1, 1, 1, 1],
        sender_ipv4: [192, 0, 2, 254],
        target_mac: [0; 6],
        target_ipv4: [192, 0, 2, 1],
    };
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([0x02, 1, 1, 1, 1, 1], [0xff; 6]).arp(packet.into()).write(&mut bytes).unwrap();
    bytes
}

fn icmp_v4() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2])
        .ipv4([198, 51, 100, 7], [203, 0, 113, 9], 64)
        .icmpv4(Icmpv4Type::EchoRequest(etherparse::IcmpEchoHeader { id: 1, seq: 2 }))
        .write(&mut bytes, b"ping")
        .unwrap();
    bytes
}

fn icmp_v6() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2])
        .ipv6([0x20; 16], [0x30; 16], 64)
        .icmpv6(Icmpv6Type::EchoRequest(etherparse::IcmpEchoHeader { id: 1, seq: 2 }))
        .write(&mut bytes, b"ping")
        .unwrap();
    bytes
}

fn three_tags() -> Vec<u8> {
    let mut packet = Shape { tags: &[100, 200], ..Shape::new("192.0.2.1", 80, Transport::Ack) }.bytes();
    packet.splice(12..12, [0x88, 0xa8, 0, 50]);
    packet
}

fn from_vip() -> Vec<u8> {
    let source = "192.0.2.1".parse().unwrap();
    Shape { source, ..Shape::new(OTHER_V4, 80, Transport::SynAck) }.bytes()
}

#[test]
fn names_used_here_are_what_they_say() {
    assert_eq!(EtherType::IPV4.0, 0x0800);
    assert_eq!(IpNumber::IPV6_FRAGMENTATION_HEADER.0, 44);
}
