//! Another parser's view of what came out.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use crate::packet::MACS;

/// Reads a decapsulated frame with etherparse: all its lengths, and every checksum in it.
pub fn check(name: &str, frame: &[u8]) {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (source, destination) = MACS;
    let ethernet = sliced.link.as_ref().unwrap().to_header().unwrap().ethernet2().unwrap();
    assert_eq!((ethernet.source, ethernet.destination), (source, destination), "{name}");
    let (net, transport) = (sliced.net.as_ref().unwrap(), sliced.transport.as_ref().unwrap());
    if let NetSlice::Ipv4(ip) = net {
        let header = ip.header();
        assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum(), "{name}");
    }
    let (stated, computed) = match (net, transport) {
        (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            (tcp.checksum(), tcp.calc_checksum_ipv4(source, destination).unwrap())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Tcp(tcp)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            (tcp.checksum(), tcp.calc_checksum_ipv6(source, destination).unwrap())
        }
        (NetSlice::Ipv4(ip), TransportSlice::Udp(udp)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            let computed = udp.to_header().calc_checksum_ipv4_raw(source, destination, udp.payload());
            (udp.checksum(), computed.unwrap())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Udp(udp)) => {
            let (source, destination) = (ip.header().source(), ip.header().destination());
            let computed = udp.to_header().calc_checksum_ipv6_raw(source, destination, udp.payload());
            (udp.checksum(), computed.unwrap())
        }
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(stated, computed, "{name}: checksum of the transport header");
}
