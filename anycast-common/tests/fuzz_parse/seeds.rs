//! Where fuzzing starts: one input for each thing the parser tells apart.

use std::{env, fs, path::Path};

use anycast_common::directory::Vip;
use etherparse::{
    IcmpEchoHeader, Icmpv4Type, Icmpv6Type, IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader,
    Ipv6Header, Ipv6RawExtHeader, PacketBuilder, SingleVlanHeader, TcpHeader, VlanId,
    icmpv4::DestUnreachableHeader,
};

use crate::FRAGMENTS;

/// Directory to write to.
const DIRECTORY: &str = "ANYCAST_FUZZ_SEEDS";

const V4: ([u8; 4], [u8; 4]) = ([10, 0, 0, 1], [192, 0, 2, 1]);
const V6: ([u8; 16], [u8; 16]) = ([0x20; 16], [0x26; 16]);
const ETHERNET: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/// Writes all of them, if a directory is named.
pub fn write() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    for (name, flags, frame) in frames() {
        let path = Path::new(&directory).join(name);
        fs::write(path, [&[flags as u8][..], &frame].concat()).expect("write a seed");
    }
    let fragments = [FRAGMENTS, 10, 0, 10, 4, 0, 20, 9, 0, 14, 5, 0, 3, 1];
    fs::write(Path::new(&directory).join("fragments"), fragments).expect("write a seed");
}

fn frames() -> Vec<(&'static str, u32, Vec<u8>)> {
    let tcp = |syn: bool| {
        let mut header = TcpHeader::new(1024, 443, 1, 512);
        (header.syn, header.ack) = (syn, !syn);
        header.to_bytes().to_vec()
    };
    // Long header, version 1: an Initial.
    let quic = [0xc0, 0, 0, 0, 1, 8];
    let udp = |payload: &[u8]| {
        let [high, low] = (8 + payload.len() as u16).to_be_bytes();
        [&[4, 0, 1, 0xbb, high, low, 0, 0], payload].concat()
    };
    let whole = IpFragOffset::ZERO;
    let v4_tcp = v4(IpNumber::TCP, &[], false, whole, &tcp(false));
    let v6_tcp = v6(IpNumber::TCP, &tcp(false));
    let with_options =
        v6(IpNumber::IPV6_HEADER_HOP_BY_HOP, &[&options(IpNumber::TCP)[..], &tcp(true)].concat());
    let mut all = vec![
        ("v4-tcp", 0, ethernet(&[], 0x0800, &v4_tcp)),
        ("v4-syn", 0, ethernet(&[], 0x0800, &v4(IpNumber::TCP, &[], false, whole, &tcp(true)))),
        ("v4-options", 0, ethernet(&[], 0x0800, &v4(IpNumber::TCP, &[1; 8], false, whole, &tcp(true)))),
        (
            "v4-udp",
            Vip::UDP_PINNED,
            ethernet(&[], 0x0800, &v4(IpNumber::UDP, &[], false, whole, &udp(b"dns"))),
        ),
        ("v4-quic", Vip::UDP_QUIC, ethernet(&[], 0x0800, &v4(IpNumber::UDP, &[], false, whole, &udp(&quic)))),
        ("v4-first", 0, ethernet(&[], 0x0800, &v4(IpNumber::UDP, &[], true, whole, &udp(&[7; 16])))),
        ("v4-later", 0, ethernet(&[], 0x0800, &v4(IpNumber::UDP, &[], false, offset(3), &[7; 9]))),
        ("v4-sctp", 0, ethernet(&[], 0x0800, &v4(IpNumber::SCTP, &[], false, whole, &[1; 12]))),
        ("v6-tcp", 0, ethernet(&[], 0x86dd, &v6_tcp)),
        ("v6-quic", Vip::UDP_QUIC, ethernet(&[], 0x86dd, &v6(IpNumber::UDP, &udp(&quic)))),
        ("v6-options", 0, ethernet(&[], 0x86dd, &with_options)),
        (
            "v6-ah",
            0,
            ethernet(
                &[],
                0x86dd,
                &v6(IpNumber::AUTHENTICATION_HEADER, &[&ah(IpNumber::TCP)[..], &tcp(true)].concat()),
            ),
        ),
        ("v6-first", 0, ethernet(&[], 0x86dd, &fragment(0, true, &udp(&[7; 16])))),
        ("v6-later", 0, ethernet(&[], 0x86dd, &fragment(3, false, &[7; 9]))),
        ("v6-atomic", 0, ethernet(&[], 0x86dd, &fragment(0, false, &udp(&quic)))),
        ("vlan", 0, ethernet(&[0x8100], 0x0800, &v4_tcp)),
        ("vlan-twice", 0, ethernet(&[0x88a8, 0x8100], 0x86dd, &v6_tcp)),
        ("padded", 0, [&ethernet(&[], 0x0800, &v4_tcp)[..], &[0; 9]].concat()),
    ];
    all.extend(icmp());
    all
}

/// Echo requests, and errors about packets of the VIP's.
fn icmp() -> Vec<(&'static str, u32, Vec<u8>)> {
    let echo = IcmpEchoHeader { id: 1, seq: 1 };
    let needed = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: 1400 };
    let mut quote_v4 = Vec::new();
    let quoted = PacketBuilder::ipv4(V4.1, V4.0, 60).tcp(443, 1024, 1, 512);
    quoted.write(&mut quote_v4, &[]).expect("a packet in memory");
    let mut quote_v6 = Vec::new();
    let quoted = PacketBuilder::ipv6(V6.1, V6.0, 60).udp(443, 1024);
    quoted.write(&mut quote_v6, b"quoted").expect("a packet in memory");
    let v4 = |kind, payload: &[u8]| {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv4(V4.0, V4.1, 64).icmpv4(kind);
        builder.write(&mut bytes, payload).expect("a packet in memory");
        ethernet(&[], 0x0800, &bytes)
    };
    let v6 = |kind, payload: &[u8]| {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv6(V6.0, V6.1, 64).icmpv6(kind);
        builder.write(&mut bytes, payload).expect("a packet in memory");
        ethernet(&[], 0x86dd, &bytes)
    };
    vec![
        ("v4-echo", Vip::ANSWER_ECHO, v4(Icmpv4Type::EchoRequest(echo), b"ping")),
        ("v6-echo", Vip::ANSWER_ECHO, v6(Icmpv6Type::EchoRequest(echo), b"ping")),
        ("v4-error", 0, v4(Icmpv4Type::DestinationUnreachable(needed), &quote_v4[..28])),
        ("v6-error", Vip::UDP_PINNED, v6(Icmpv6Type::PacketTooBig { mtu: 1280 }, &quote_v6)),
    ]
}

fn ethernet(tags: &[u16], ether_type: u16, ip: &[u8]) -> Vec<u8> {
    let mut frame = ETHERNET.to_vec();
    for (place, tag) in tags.iter().enumerate() {
        frame.extend(tag.to_be_bytes());
        if place + 1 < tags.len() {
            frame.extend([0, 7]);
        }
    }
    if !tags.is_empty() {
        let vlan_id = VlanId::try_new(9).expect("a VLAN");
        let tag = SingleVlanHeader { vlan_id, ether_type: ether_type.into(), ..SingleVlanHeader::default() };
        frame.extend(tag.to_bytes());
    } else {
        frame.extend(ether_type.to_be_bytes());
    }
    frame.extend(ip);
    frame
}

fn v4(protocol: IpNumber, options: &[u8], more: bool, offset: IpFragOffset, payload: &[u8]) -> Vec<u8> {
    let mut header =
        Ipv4Header::new((payload.len() + options.len()) as u16, 64, protocol, V4.0, V4.1).expect("a header");
    header.options = options.try_into().expect("options");
    (header.more_fragments, header.fragment_offset, header.dont_fragment) = (more, offset, false);
    header.total_len = (header.header_len() + payload.len()) as u16;
    [&header.to_bytes()[..], payload].concat()
}

fn v6(next_header: IpNumber, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        payload_length: payload.len() as u16,
        next_header,
        hop_limit: 64,
        source: V6.0,
        destination: V6.1,
        ..Ipv6Header::default()
    };
    [&header.to_bytes()[..], payload].concat()
}

/// Hop-by-hop options in front of destination options in front of that.
fn options(next: IpNumber) -> Vec<u8> {
    let last = Ipv6RawExtHeader::new_raw(next, &[1, 4, 0, 0, 0, 0]).expect("a header");
    let first =
        Ipv6RawExtHeader::new_raw(IpNumber::IPV6_DESTINATION_OPTIONS, &[1, 4, 0, 0, 0, 0]).expect("a header");
    [first.to_bytes(), last.to_bytes()].concat()
}

fn ah(next: IpNumber) -> Vec<u8> {
    [&[next.0, 4, 0, 0][..], &[0; 20]].concat()
}

fn fragment(steps: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6FragmentHeader::new(IpNumber::UDP, offset(steps), more, 0x1234_5678);
    v6(IpNumber::IPV6_FRAGMENTATION_HEADER, &[&header.to_bytes()[..], payload].concat())
}

fn offset(steps: u16) -> IpFragOffset {
    IpFragOffset::try_new(steps).expect("an offset")
}
