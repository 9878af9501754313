//! Outer headers of tunnels: the controller prepares one per backend, the program copies it and fills in what differs from
//! packet to packet.

use core::net::{Ipv4Addr, Ipv6Addr};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::checksum;

/// UDP destination port of GUE: IANA's.
pub const GUE_PORT: u16 = 6080;

/// Bytes of the longest outer headers, IPv6 and UDP.
pub const MAX_OUTER: usize = 48;

/// Outer headers of the packets to one backend, from the first byte on. What depends on the packet is 0: type of service or
/// traffic class, flow label, lengths, the inner packet's protocol, UDP source port. An IPv4 header's checksum is right for
/// these zeroes.
///
/// The IPv4 header has the "don't fragment" flag and identification 0 (RFC 6864 section 4.1): what decapsulates reassembles
/// nothing. UDP has checksum 0, over IPv6 too: the payload's own covers what matters (RFC 6935, RFC 6936).
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Tunnel {
    /// The headers, and zeroes behind shorter ones.
    pub outer: [u8; MAX_OUTER],
}

impl Default for Tunnel {
    fn default() -> Self {
        Self { outer: [0; MAX_OUTER] }
    }
}

/// IANA protocol number of UDP.
const UDP: u8 = 17;

impl Tunnel {
    /// Number of words.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// Its words, as the map stores them.
    pub fn to_words(self) -> [u64; Self::WORDS] {
        zerocopy::transmute!(self)
    }

    /// From its words.
    pub fn from_words(words: [u64; Self::WORDS]) -> Self {
        zerocopy::transmute!(words)
    }

    /// An outer IPv4 header; with a UDP header for that port behind it, if there is one.
    pub fn v4(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8, udp_port: Option<u16>) -> Self {
        let mut outer = [0; MAX_OUTER];
        outer[0] = 0x45;
        outer[6] = 0x40;
        outer[8] = ttl;
        outer[9] = if udp_port.is_some() { UDP } else { 0 };
        outer[12..16].copy_from_slice(&source.octets());
        outer[16..20].copy_from_slice(&destination.octets());
        let sum = checksum::of(&outer[..20]);
        outer[10..12].copy_from_slice(&sum.to_be_bytes());
        Self::with_port(outer, 20, udp_port)
    }

    /// An outer IPv6 header; with a UDP header for that port behind it, if there is one.
    pub fn v6(source: Ipv6Addr, destination: Ipv6Addr, hop_limit: u8, udp_port: Option<u16>) -> Self {
        let mut outer = [0; MAX_OUTER];
        outer[0] = 0x60;
        outer[6] = if udp_port.is_some() { UDP } else { 0 };
        outer[7] = hop_limit;
        outer[8..24].copy_from_slice(&source.octets());
        outer[24..40].copy_from_slice(&destination.octets());
        Self::with_port(outer, 40, udp_port)
    }

    fn with_port(mut outer: [u8; MAX_OUTER], ip_length: usize, udp_port: Option<u16>) -> Self {
        let port = outer.get_mut(ip_length + 2..ip_length + 4);
        if let (Some(port), Some(number)) = (port, udp_port) {
            port.copy_from_slice(&number.to_be_bytes());
        }
        Self { outer }
    }
}

const _: () = assert!(size_of::<Tunnel>() == 48);
