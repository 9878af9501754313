//! What is no tunnel passes bit-identical; what becomes of it is the stack's affair.

use anycast_common::receive::Outcome;
use etherparse::{EtherType, PacketBuilder};

use crate::{
    decapsulate::every_kind,
    harness::{Harness, Row, Setup, USUAL},
    packet::{Carrier, EDGE_V4, EDGE_V6, GUE, Tunnel, V4, V6, Version, frame},
};

fn passed(name: impl Into<String>, packet: Vec<u8>, outcome: Outcome) -> Row {
    Row::unchanged(name, packet, outcome)
}

#[test]
fn what_is_no_tunnel_passes() {
    let mut rows = Vec::new();
    for version in Version::BOTH {
        for tags in [&[][..], &[100], &[100, 200]] {
            for udp in [false, true] {
                // What is inside a tunnel, on its own.
                let plain = Tunnel { tags, udp, ..Tunnel::new(version, Carrier::Ipip, version) }.expected(0);
                rows.push(passed(
                    format!("{version:?}, tags {tags:?}, udp {udp}"),
                    plain,
                    Outcome::NotTunnel,
                ));
            }
        }
        let tunnel = Tunnel::new(version, Carrier::Gue { port: 6081, checksum: true }, V4);
        rows.push(passed(format!("another port, {version:?}"), tunnel.bytes(), Outcome::NotTunnel));
        let port_0 = Tunnel::new(version, Carrier::Gue { port: 0, checksum: true }, V4);
        for gue_port in [None, Some(5555)] {
            let setup = Setup { gue_port, ..USUAL };
            let gue = Tunnel::new(version, GUE, V4);
            rows.push(passed(format!("GUE at {gue_port:?}"), gue.bytes(), Outcome::NotTunnel).with(setup));
            rows.push(passed("port 0", port_0.bytes(), Outcome::NotTunnel).with(setup));
        }
        // From the port of GUE is not to it.
        let mut swapped = Tunnel::new(version, GUE, V4).bytes();
        let at = Tunnel::new(version, GUE, V4).carrier_at();
        swapped.copy_within(at + 2..at + 4, at);
        swapped[at + 2..at + 4].copy_from_slice(&[0xc0, 0]);
        rows.push(passed(format!("from the port of GUE, {version:?}"), swapped, Outcome::NotTunnel));
    }
    rows.push(passed("ping", ping_v4(), Outcome::NotTunnel));
    rows.push(passed("ping over v6", ping_v6(), Outcome::NotTunnel));
    Harness::new().run_all(&rows);
}

#[test]
fn other_protocols_pass_even_from_senders() {
    let mut rows = Vec::new();
    for version in Version::BOTH {
        let at = match version {
            V4 => 14 + 9,
            V6 => 14 + 6,
        };
        // ICMP, TCP, GRE, ESP, OSPF, SCTP; hop-by-hop, routing and destination options, which are not looked behind.
        for protocol in [1, 6, 47, 50, 89, 132, 0, 43, 51, 60] {
            let mut packet = Tunnel::new(version, Carrier::Ipip, V4).bytes();
            packet[at] = protocol;
            rows.push(passed(format!("protocol {protocol}, {version:?}"), packet, Outcome::NotTunnel));
        }
    }
    Harness::new().run_all(&rows);
}

#[test]
fn what_is_no_ip_passes() {
    let tunnel = Tunnel::new(V4, Carrier::Ipip, V4);
    let ethernet = |ether_type: u16, payload: &[u8]| [&frame(&[], EtherType(ether_type)), payload].concat();
    let three_tags = {
        let mut packet = frame(&[1, 2], EtherType::VLAN_TAGGED_FRAME);
        packet.extend([0, 3]);
        packet.extend(&tunnel.bytes()[12..]);
        packet
    };
    let other_version = |version: Version| {
        let mut packet = Tunnel::new(version, Carrier::Ipip, V4).bytes();
        packet[14] = packet[14] & 0xf | if version == V4 { 0x60 } else { 0x40 };
        packet
    };
    let mut rows = vec![
        passed("arp", ethernet(0x0806, &[0; 28]), Outcome::NotIp),
        passed("lldp", ethernet(0x88cc, &[2, 7, 4, 1, 2, 3, 4, 5, 6]), Outcome::NotIp),
        passed("mpls around a tunnel", ethernet(0x8847, &tunnel.bytes()[14..]), Outcome::NotIp),
        passed("nothing but an ethernet header", ethernet(0x0800, &[]), Outcome::NotIp),
        passed("three tags", three_tags, Outcome::NotIp),
        passed("v6 header under the EtherType of v4", other_version(V4), Outcome::NotIp),
        passed("v4 header under the EtherType of v6", other_version(V6), Outcome::NotIp),
        passed("v6 EtherType over a v4 packet", ethernet(0x86dd, &tunnel.bytes()[14..]), Outcome::NotIp),
    ];
    // Cut anywhere in front of the outer header's end.
    for (name, tunnel) in every_kind() {
        for tags in [&[][..], &[100], &[100, 200]] {
            let tunnel = Tunnel { tags, ..tunnel };
            for length in 14..tunnel.carrier_at() {
                let packet = tunnel.bytes()[..length].to_owned();
                rows.push(passed(format!("{name}, tags {tags:?}, cut to {length}"), packet, Outcome::NotIp));
            }
        }
    }
    Harness::new().run_all(&rows);
}

#[test]
fn udp_that_ends_before_its_ports_passes() {
    let mut rows = Vec::new();
    for (name, tunnel) in every_kind().filter(|(_, tunnel)| tunnel.carrier == GUE) {
        for length in tunnel.carrier_at()..tunnel.carrier_at() + 8 {
            let packet = tunnel.bytes()[..length].to_owned();
            rows.push(passed(format!("{name}, cut to {length}"), packet, Outcome::NotTunnel));
        }
        // The IP header states less than a UDP header takes.
        for room in 0..8 {
            let mut packet = tunnel.bytes();
            let (at, stated) = match tunnel.outer {
                V4 => (16, 20 + room),
                V6 => (18, room),
            };
            packet[at..at + 2].copy_from_slice(&u16::to_be_bytes(stated));
            rows.push(passed(format!("{name} with room for {room}"), packet, Outcome::NotTunnel));
        }
    }
    Harness::new().run_all(&rows);
}

fn ping_v4() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2])
        .ipv4(EDGE_V4, [203, 0, 113, 11], 64)
        .icmpv4_echo_request(1, 2)
        .write(&mut bytes, b"ping")
        .unwrap();
    bytes
}

fn ping_v6() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2])
        .ipv6(EDGE_V6, [0x30; 16], 64)
        .icmpv6_echo_request(1, 2)
        .write(&mut bytes, b"ping")
        .unwrap();
    bytes
}
