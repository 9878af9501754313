//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers behind one trait.
//!
//! The walk is compiled once for each: a program that keeps both in one value carries twice the state through every step, and
//! the machine has ten registers.

use core::marker::PhantomData;

use anycast_common::{address::Address, checksum, reason::Reason};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::packet::{Packet, Wire};

/// What the walk needs of an IP header of that kind. What only delivery needs stays in the packet until then.
pub struct Ip<H> {
    /// Offset of the header in the packet.
    pub offset: usize,
    /// Bytes of the header with its options; below the minimum in a malformed header.
    pub header_length: usize,
    /// Bytes from the header on, as it states them.
    pub length: usize,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// IPv4 protocol or IPv6 next header: an IANA protocol number.
    pub protocol: u8,
    /// Whether it is a fragment, the first one included. IPv6 tells fragments by a header of their own.
    pub is_fragment: bool,
    kind: PhantomData<H>,
}

/// A kind of IP header.
pub trait IpHeader: Wire {
    /// Bytes of the fixed part.
    const LENGTH: usize;
    /// The bytes that change with each hop.
    type Hop: Wire;
    /// Where they lie in the header.
    const HOP_OFFSET: usize;

    /// The header at `offset`.
    fn parse(packet: &Packet<'_>, offset: usize) -> Result<Ip<Self>, Reason>;
    /// TTL or hop limit.
    fn hop_limit(hop: Self::Hop) -> u8;
    /// The same bytes one hop on. The hop limit must not be 0.
    fn next_hop(hop: Self::Hop) -> Self::Hop;
}

impl IpHeader for Ipv4Hdr {
    const LENGTH: usize = Self::LEN;
    /// TTL, protocol, and the checksum over both.
    type Hop = [u8; 4];
    const HOP_OFFSET: usize = 8;

    #[inline(always)]
    fn parse(packet: &Packet<'_>, offset: usize) -> Result<Ip<Self>, Reason> {
        let header: Self = packet.read(offset).map_err(|_| Reason::NotIp)?;
        if header.vihl >> 4 != 4 {
            return Err(Reason::NotIp);
        }
        Ok(Ip {
            offset,
            header_length: usize::from(header.vihl & 0xf) * 4,
            length: usize::from(u16::from_be_bytes(header.tot_len)),
            source: Address::from_v4(header.src_addr),
            destination: Address::from_v4(header.dst_addr),
            protocol: header.proto,
            // The "more fragments" flag and the fragment offset.
            is_fragment: u16::from_be_bytes(header.frags) & 0x3fff != 0,
            kind: PhantomData,
        })
    }

    #[inline(always)]
    fn hop_limit([ttl, ..]: Self::Hop) -> u8 {
        ttl
    }

    #[inline(always)]
    fn next_hop([ttl, protocol, high, low]: Self::Hop) -> Self::Hop {
        // TTL and protocol share a 16-bit word of the header; the checksum is the next one.
        let (old, new) = (u16::from_be_bytes([ttl, protocol]), u16::from_be_bytes([ttl - 1, protocol]));
        let [high, low] = checksum::update(u16::from_be_bytes([high, low]), old, new).to_be_bytes();
        [ttl - 1, protocol, high, low]
    }
}

impl IpHeader for Ipv6Hdr {
    const LENGTH: usize = Self::LEN;
    /// Next header and hop limit. LLVM turns the bounds check of a single byte into one that the verifier does not take.
    type Hop = [u8; 2];
    const HOP_OFFSET: usize = 6;

    #[inline(always)]
    fn parse(packet: &Packet<'_>, offset: usize) -> Result<Ip<Self>, Reason> {
        let header: Self = packet.read(offset).map_err(|_| Reason::NotIp)?;
        let [version_and_class, ..] = header.vcf;
        if version_and_class >> 4 != 6 {
            return Err(Reason::NotIp);
        }
        let destination = Address::from_v6(header.dst_addr);
        // A mapped address is no destination on a wire (RFC 6890 table 20), and must not be taken for an IPv4 VIP.
        if destination.is_v4() {
            return Err(Reason::NotVip);
        }
        Ok(Ip {
            offset,
            header_length: Self::LEN,
            length: Self::LEN + usize::from(u16::from_be_bytes(header.payload_len)),
            source: Address::from_v6(header.src_addr),
            destination,
            protocol: header.next_hdr,
            is_fragment: false,
            kind: PhantomData,
        })
    }

    #[inline(always)]
    fn hop_limit([_, hop_limit]: Self::Hop) -> u8 {
        hop_limit
    }

    #[inline(always)]
    fn next_hop([next_header, hop_limit]: Self::Hop) -> Self::Hop {
        [next_header, hop_limit - 1]
    }
}
