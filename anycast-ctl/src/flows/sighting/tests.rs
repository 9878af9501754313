use std::net::IpAddr;

use etherparse::{IpHeaders, IpNumber, Ipv4Header, PacketBuilder, SingleVlanHeader, VlanHeader, VlanId};
use proptest::prelude::*;

use super::*;

fn syn_v4(ttl: u8, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([198, 51, 100, 7], [192, 0, 2, 1], ttl);
    let mut frame = Vec::new();
    builder.tcp(40_000, 443, 1_000, 512).syn().write(&mut frame, payload).unwrap();
    frame
}

#[test]
fn a_syn_is_read_from_its_first_bytes() {
    let frame = syn_v4(57, &[0; 900]);
    let seen = Sighting::of(&frame[..54], frame.len(), 5).unwrap();
    assert_eq!(IpAddr::from(seen.flow.source), IpAddr::from([198, 51, 100, 7]));
    assert_eq!((seen.flow.source_port, seen.flow.destination_port, seen.flow.protocol), (40_000, 443, 6));
    assert_eq!((seen.at_ns, seen.hop_limit, seen.bytes), (5, 57, 940));
    let tcp = seen.tcp.unwrap();
    assert!(tcp.opens() && !tcp.grants() && !tcp.goes_on());
    assert_eq!((tcp.sequence, tcp.payload), (1_000, 900));
    // Too few of them, or a frame that is shorter than its packet.
    assert_eq!(Sighting::of(&frame[..47], frame.len(), 5), None);
    assert_eq!(Sighting::of(&frame[..54], frame.len() - 1, 5), None);
}

#[test]
fn an_ack_over_ipv6_behind_a_tag_and_an_extension_header_is_read() {
    let vlan = VlanHeader::Single(SingleVlanHeader {
        vlan_id: VlanId::try_new(7).unwrap(),
        ..SingleVlanHeader::default()
    });
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).vlan(vlan);
    let (source, destination) = ([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], [7; 16]);
    let mut frame = Vec::new();
    builder.ipv6(source, destination, 250).tcp(1, 2, 77, 9).ack(88).write(&mut frame, b"x").unwrap();
    // Destination options (RFC 8200 section 4.6), eight bytes of padding, go between the two.
    let at = 14 + 4 + 40;
    frame.splice(at..at, [6, 0, 1, 4, 0, 0, 0, 0]);
    frame[14 + 4 + 6] = 60;
    frame[14 + 4 + 5] += 8;
    let seen = Sighting::of(&frame, frame.len(), 0).unwrap();
    assert_eq!(seen.flow.source.octets(), source);
    assert_eq!((seen.flow.source_port, seen.flow.destination_port, seen.hop_limit), (1, 2, 250));
    let tcp = seen.tcp.unwrap();
    assert!(tcp.goes_on() && !tcp.opens());
    assert_eq!((tcp.sequence, tcp.acknowledgement, tcp.payload), (77, 88, 1));
}

#[test]
fn a_later_fragment_has_no_ports() {
    let mut header = Ipv4Header::new(32, 64, IpNumber::TCP, [198, 51, 100, 7], [192, 0, 2, 1]).unwrap();
    header.fragment_offset = 100.try_into().unwrap();
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let ip = IpHeaders::Ipv4(header, Default::default());
    builder.ip(ip).write(&mut frame, IpNumber::TCP, &[9; 32]).unwrap();
    let seen = Sighting::of(&frame, frame.len(), 0).unwrap();
    assert_eq!((seen.flow.source_port, seen.flow.destination_port, seen.tcp), (0, 0, None));
    assert_eq!(seen.bytes, 52);
}

#[test]
fn what_is_not_ip_says_nothing() {
    let mut arp = vec![0xff; 60];
    arp[12..14].copy_from_slice(&[8, 6]);
    assert_eq!(Sighting::of(&arp, 60, 0), None);
    assert_eq!(Sighting::of(&[], 0, 0), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200), more in 0_usize..2_000) {
        let _ = Sighting::of(&bytes, bytes.len() + more, 0);
    }

    #[test]
    fn a_damaged_packet_is_read_or_not(at in 12_usize..54, byte: u8, cut in 0_usize..54) {
        let mut frame = syn_v4(64, &[]);
        frame[at] = byte;
        let _ = Sighting::of(&frame[..cut], frame.len(), 0);
    }
}
