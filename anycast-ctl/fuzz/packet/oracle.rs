//! The same frame, read by another codec.

use std::net::IpAddr;

use anycast_common::{
    address::Address,
    flow::Flow,
    parse::{Upper, protocol},
    reason::Reason,
    steer::Kind,
};
use etherparse::{
    EtherType, Ipv4HeaderSlice, Ipv6HeaderSlice, LinkExtSlice, NetSlice, SlicedPacket, TransportSlice,
};

use super::properties::{Outcome, Parsed};

/// What etherparse takes for a whole TCP or UDP packet must be the same here, or refused for a reason that it need not have.
pub fn compare(frame: &[u8], parsed: &Result<Parsed, Reason>) {
    if let Ok(Parsed { upper, outcome: Ok(Outcome::Error(flow, _)) }) = parsed {
        compare_quote(frame, upper, flow);
    }
    let Ok(sliced) = SlicedPacket::from_ethernet(frame) else { return };
    let Some((expected, has_extensions)) = decode(&sliced) else { return };
    match parsed {
        Ok(Parsed { outcome: Ok(Outcome::Packet(flow, kind)), .. }) if flow.protocol == expected.protocol => {
            assert_eq!(*flow, expected);
            if let Some(TransportSlice::Tcp(tcp)) = &sliced.transport {
                let expected = match (tcp.syn() && !tcp.ack(), tcp.rst() || tcp.fin()) {
                    (true, _) => Kind::Opens,
                    (false, true) => Kind::Ends,
                    (false, false) => Kind::Continues,
                };
                assert_eq!(*kind, expected);
            }
        }
        // A walk has an end; and IPv4's authentication header is not looked behind.
        Err(Reason::ExtensionHeader) | Ok(Parsed { outcome: Ok(Outcome::Packet(..)), .. })
            if has_extensions => {}
        Err(Reason::NotVip) if frame_is_v6(&sliced) && expected.destination.is_v4() => {}
        _ => panic!("{parsed:?}, but it is a packet of {expected:?}"),
    }
}

/// Flow of a TCP or UDP packet, and whether there are headers in between, if it is one that the program should know.
fn decode(sliced: &SlicedPacket<'_>) -> Option<(Flow, bool)> {
    let is_tag = |link: &LinkExtSlice<'_>| matches!(link, LinkExtSlice::Vlan(_));
    if sliced.link_exts.len() > 2 || !sliced.link_exts.iter().all(is_tag) {
        return None;
    }
    let mut types = vec![sliced.link.as_ref()?.to_header()?.ethernet2()?.ether_type];
    types.extend(sliced.link_exts.iter().filter_map(|link| match link {
        LinkExtSlice::Vlan(tag) => Some(tag.ether_type()),
        LinkExtSlice::Macsec(_) => None,
    }));
    // etherparse takes QinQ's old type for a tag too.
    if types.contains(&EtherType::VLAN_DOUBLE_TAGGED_FRAME) {
        return None;
    }
    let (source, destination, has_extensions) = match sliced.net.as_ref()? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            let (source, destination) = (header.source_addr(), header.destination_addr());
            (IpAddr::from(source), IpAddr::from(destination), ip.extensions().auth.is_some())
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            // Taken for a jumbogram by etherparse, which no link of an edge host carries.
            if header.payload_length() == 0 {
                return None;
            }
            let (source, destination) = (header.source_addr(), header.destination_addr());
            (source.into(), destination.into(), !ip.extensions().is_empty())
        }
        NetSlice::Arp(_) => return None,
    };
    let (protocol, source_port, destination_port) = match sliced.transport.as_ref()? {
        TransportSlice::Tcp(tcp) => (protocol::TCP, tcp.source_port(), tcp.destination_port()),
        TransportSlice::Udp(udp) => (protocol::UDP, udp.source_port(), udp.destination_port()),
        TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_) | TransportSlice::Igmp(_) => return None,
    };
    let (source, destination) = (Address::from(source), Address::from(destination));
    Some((Flow { source, destination, source_port, destination_port, protocol }, has_extensions))
}

fn frame_is_v6(sliced: &SlicedPacket<'_>) -> bool {
    matches!(sliced.net, Some(NetSlice::Ipv6(_)))
}

/// The flow is the quoted packet's, turned round.
fn compare_quote(frame: &[u8], upper: &Upper, flow: &Flow) {
    let quote = &frame[upper.offset + 8..];
    let (source, destination, ports): (Address, Address, usize) = if upper.protocol == protocol::ICMP {
        let header = Ipv4HeaderSlice::from_slice(quote).expect("a quote that was understood has a header");
        assert_eq!(header.protocol().0, flow.protocol);
        let (source, destination) = (header.source_addr(), header.destination_addr());
        (IpAddr::from(source).into(), IpAddr::from(destination).into(), header.slice().len())
    } else {
        let header = Ipv6HeaderSlice::from_slice(quote).expect("a quote that was understood has a header");
        let (source, destination) = (header.source_addr(), header.destination_addr());
        // Where the ports lie behind extension headers is the walk's own knowledge.
        let ports = if header.next_header().0 == flow.protocol { 40 } else { usize::MAX };
        (IpAddr::from(source).into(), IpAddr::from(destination).into(), ports)
    };
    assert_eq!((flow.source, flow.destination), (destination, source));
    if let Some(&[a, b, c, d]) = quote.get(ports..).and_then(|ports| ports.first_chunk()) {
        assert_eq!(flow.destination_port, u16::from_be_bytes([a, b]));
        assert_eq!(flow.source_port, u16::from_be_bytes([c, d]));
    }
}
