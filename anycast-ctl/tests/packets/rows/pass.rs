//! Packets that are not a VIP's leave bit-identical, with XDP_PASS.

use anycast_common::reason::Reason;
use etherparse::{ArpEthIpv4Packet, ArpOperation, PacketBuilder};

use crate::{
    harness::Harness,
    packet::{Extension, L4, Packet, V4, V6, icmp, raw, syn, tcp, to, udp},
    site::L2,
    table::{Expect, Row, check, row},
};

const OTHER_V4: &str = "203.0.113.9";
const OTHER_V6: &str = "2001:db8:9::9";

#[test]
fn what_is_not_a_vips_passes_unchanged() {
    check(&mut Harness::new(), &rows());
}

/// Kinds of packets an edge host sees beside its VIPs'.
pub fn rows() -> Vec<Row> {
    let fragment = |packet: Packet, more, steps| Packet { fragment: (steps, more), ..packet };
    let extension = |extension| Packet { extensions: vec![extension], ..udp(OTHER_V6) };
    let edited = |vip, offset, bytes: &[u8]| tcp(vip).edited(offset, bytes);
    let not_vip = [
        ("tcp over v4", syn(OTHER_V4)),
        ("tcp over v6", syn(OTHER_V6)),
        ("udp over v4", udp(OTHER_V4)),
        ("udp over v6", udp(OTHER_V6)),
        ("v4 next to a vip", tcp("192.0.2.2")),
        ("v6 next to a vip", tcp("2001:db8:0:1::2")),
        ("a v4 vip, mapped into v6", tcp("::ffff:192.0.2.1")),
        ("icmp echo", icmp(OTHER_V4, 8, 0, [0; 4], b"ping")),
        ("icmpv6 echo", icmp(OTHER_V6, 128, 0, [0; 4], b"ping")),
        ("icmp error", icmp(OTHER_V4, 3, 4, [0; 4], &tcp(V4).ip())),
        ("icmpv6 error", icmp(OTHER_V6, 2, 0, [0; 4], &tcp(V6).ip())),
        ("neighbour solicitation", icmp("ff02::1:ff00:1", 135, 0, [0; 4], &[0x20; 16])),
        ("first fragment", fragment(udp(OTHER_V4), true, 0)),
        ("later fragment", fragment(udp(OTHER_V4), false, 5)),
        ("fragment beyond 65,535 bytes", fragment(udp(OTHER_V4), true, 8191)),
        ("v4 options", Packet { options: vec![1; 8], ..udp(OTHER_V4) }),
        ("v4 header length below the minimum", edited(OTHER_V4, 0, &[0x41])),
        ("v4 header length beyond the packet", edited(OTHER_V4, 0, &[0x4f])),
        ("v4 total length beyond the frame", edited(OTHER_V4, 2, &[0xff, 0xff])),
        ("v4 total length 0", edited(OTHER_V4, 2, &[0, 0])),
        ("v4 with ttl 0", edited(OTHER_V4, 8, &[0])),
        ("v4 with a bad checksum", edited(OTHER_V4, 10, &[0xba, 0xad])),
        ("v6 payload length beyond the frame", edited(OTHER_V6, 4, &[0xff, 0xff])),
        ("v6 payload length 0", edited(OTHER_V6, 4, &[0, 0])),
        ("v6 hop-by-hop options", extension(Extension::HopByHop(8))),
        ("v6 fragment", extension(Extension::Fragment { steps: 5, more: true, id: 9 })),
        ("v6 routing header", extension(Extension::Routing(24))),
        ("v6 extension header that is cut short", Packet { cut: 22, ..extension(Extension::HopByHop(8)) }),
        ("v6 with hop limit 1", edited(OTHER_V6, 7, &[1])),
        ("an ip packet in an ip packet", Packet { payload: tcp(V4).ip(), ..to(OTHER_V4, L4::Raw(4)) }),
        ("one vlan tag", tcp(OTHER_V4).tagged(&[100])),
        ("two vlan tags", tcp(OTHER_V4).tagged(&[100, 200])),
        ("a vip address where the source belongs", Packet { source: V4.parse().unwrap(), ..tcp(OTHER_V4) }),
    ];
    let ether_type = |vip, ether_type: [u8; 2]| {
        let mut bytes = tcp(vip).bytes();
        bytes[12..14].copy_from_slice(&ether_type);
        bytes
    };
    let not_ip = [
        ("arp request for a vip", arp()),
        ("three vlan tags, to a vip", three_tags()),
        ("v4 ethertype over a v6 header", ether_type(V6, [0x08, 0x00])),
        ("v6 ethertype over a v4 header", ether_type(V4, [0x86, 0xdd])),
        ("lldp", ethernet(0x88cc, &[2, 7, 4, 1, 2, 3, 4, 5, 6])),
        ("mpls", ethernet(0x8847, &[0; 40])),
        ("pppoe", ethernet(0x8864, &tcp(V4).ip())),
        ("802.3 length instead of a type", ethernet(46, &[0x42, 0x42, 3, 0, 0, 0])),
        ("nothing but an ethernet header", ethernet(0x0800, &[])),
        ("half a vlan tag", ethernet(0x8100, &[0, 7])),
        ("half an ipv4 header", ethernet(0x0800, &tcp(V4).ip()[..19])),
        ("half an ipv6 header", ethernet(0x86dd, &tcp(V6).ip()[..39])),
        ("garbage", (0..200u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
    ];
    let passes = |reason| Expect::Refused(reason);
    let not_vip = not_vip.map(|(name, packet)| row(name, L2, packet, passes(Reason::NotVip)));
    let not_ip = not_ip.map(|(name, bytes)| row(name, L2, raw(bytes), passes(Reason::NotIp)));
    not_vip.into_iter().chain(not_ip).collect()
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

fn three_tags() -> Vec<u8> {
    let mut packet = tcp(V4).tagged(&[100, 200]).bytes();
    packet.splice(12..12, [0x88, 0xa8, 0, 50]);
    packet
}
