//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers behind one trait.
//!
//! The walk is compiled once for each: a program that keeps both in one value carries twice the state through every step, and
//! the machine has ten registers.

use core::marker::PhantomData;

use network_types::{
    eth::EtherType,
    ip::{Ipv4Hdr, Ipv6Hdr},
};

use super::{Upper, protocol};
use crate::{
    address::Address,
    checksum,
    fragment::FragmentKey,
    packet::{Copied, OutOfBounds, PacketBytes, Wire},
    reason::Reason,
};

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
    /// 0 in a packet that is no fragment; else the "more fragments" flag as bit 13, and the fragment's offset in steps of 8
    /// bytes. IPv6 tells fragments by a header of their own, see [`super::Upper::fragment`].
    pub fragment: u16,
    kind: PhantomData<H>,
}

impl<H> Ip<H> {
    /// Where in the packet its last byte is followed by something else.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.offset + self.length
    }
}

/// A kind of IP header.
pub trait IpHeader: Wire {
    /// Bytes of the fixed part.
    const LENGTH: usize;
    /// The bytes that change with each hop.
    type Hop: Wire;
    /// Where they lie in the header.
    const HOP_OFFSET: usize;

    /// Source and destination address, as they lie in the header.
    type Addresses: Wire;
    /// Where they lie in the header.
    const ADDRESSES_OFFSET: usize;
    /// Its EtherType, in network order as network-types keeps it.
    const ETHER_TYPE: u16;
    /// Its number as the payload of another IP header.
    const PROTOCOL: u8;
    /// IANA protocol number of its ICMP.
    const ICMP: u8;
    /// ICMP type of echo requests, and of the replies.
    const ECHO_REQUEST: u8;
    /// ICMP type of echo replies.
    const ECHO_REPLY: u8;

    /// The header at `offset`.
    ///
    /// # Errors
    ///
    /// [`Reason::NotIp`] without a complete fixed header of that version, [`Reason::NotVip`] for an impossible destination.
    fn parse(packet: &impl PacketBytes, offset: usize) -> Result<Ip<Self>, Reason>;
    /// Whether ICMP messages of that type are errors that quote a packet.
    fn is_error(icmp_type: u8) -> bool;
    /// Type of service or traffic class, from the header's first two bytes.
    fn class(first: [u8; 2]) -> u8;
    /// What the fragments of this one's datagram share.
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`], when the packet is not the one that was parsed.
    fn fragment_key(
        packet: &impl PacketBytes,
        ip: &Ip<Self>,
        upper: &Upper,
    ) -> Result<FragmentKey, OutOfBounds>;
    /// TTL or hop limit.
    fn hop_limit(hop: Self::Hop) -> u8;
    /// The same bytes with another hop limit.
    fn with_hop_limit(hop: Self::Hop, hop_limit: u8) -> Self::Hop;
    /// The same bytes with a hop limit that is one less. It must not be 0.
    fn one_hop_less(hop: Self::Hop) -> Self::Hop;
}

impl IpHeader for Ipv4Hdr {
    const LENGTH: usize = Self::LEN;
    /// TTL, protocol, and the checksum over both.
    type Hop = [u8; 4];
    const HOP_OFFSET: usize = 8;
    type Addresses = [[u8; 4]; 2];
    const ADDRESSES_OFFSET: usize = 12;
    const ETHER_TYPE: u16 = EtherType::Ipv4 as u16;
    const PROTOCOL: u8 = protocol::IPV4;
    const ICMP: u8 = protocol::ICMP;
    const ECHO_REQUEST: u8 = 8;
    const ECHO_REPLY: u8 = 0;

    #[inline(always)]
    fn parse(packet: &impl PacketBytes, offset: usize) -> Result<Ip<Self>, Reason> {
        let Copied(header): Copied<Self> = packet.read(offset).map_err(|_| Reason::NotIp)?;
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
            fragment: u16::from_be_bytes(header.frags) & 0x3fff,
            kind: PhantomData,
        })
    }

    /// Destination unreachable, time exceeded, parameter problem. Source quench and redirects are obsolete or no errors.
    #[inline(always)]
    fn is_error(icmp_type: u8) -> bool {
        matches!(icmp_type, 3 | 11 | 12)
    }

    #[inline(always)]
    fn class([_, class]: [u8; 2]) -> u8 {
        class
    }

    #[inline(always)]
    fn fragment_key(
        packet: &impl PacketBytes,
        ip: &Ip<Self>,
        upper: &Upper,
    ) -> Result<FragmentKey, OutOfBounds> {
        let Copied(identification) = packet.read(ip.offset + 4)?;
        let identification = u16::from_be_bytes(identification);
        Ok(FragmentKey::v4(ip.source, ip.destination, identification, upper.protocol))
    }

    #[inline(always)]
    fn hop_limit([ttl, ..]: Self::Hop) -> u8 {
        ttl
    }

    #[inline(always)]
    fn with_hop_limit([ttl, protocol, high, low]: Self::Hop, hop_limit: u8) -> Self::Hop {
        // TTL and protocol share a 16-bit word of the header; the checksum is the next one.
        let (old, new) = (u16::from_be_bytes([ttl, protocol]), u16::from_be_bytes([hop_limit, protocol]));
        let [high, low] = checksum::update(u16::from_be_bytes([high, low]), old, new).to_be_bytes();
        [hop_limit, protocol, high, low]
    }

    #[inline(always)]
    fn one_hop_less(hop: Self::Hop) -> Self::Hop {
        checksum::decrement_ttl(hop)
    }
}

impl IpHeader for Ipv6Hdr {
    const LENGTH: usize = Self::LEN;
    /// Next header and hop limit. LLVM turns the bounds check of a single byte into one that the verifier does not take.
    type Hop = [u8; 2];
    const HOP_OFFSET: usize = 6;
    type Addresses = [[u8; 16]; 2];
    const ADDRESSES_OFFSET: usize = 8;
    const ETHER_TYPE: u16 = EtherType::Ipv6 as u16;
    const PROTOCOL: u8 = protocol::IPV6;
    const ICMP: u8 = protocol::ICMP_V6;
    const ECHO_REQUEST: u8 = 128;
    const ECHO_REPLY: u8 = 129;

    #[inline(always)]
    fn parse(packet: &impl PacketBytes, offset: usize) -> Result<Ip<Self>, Reason> {
        let Copied(header): Copied<Self> = packet.read(offset).map_err(|_| Reason::NotIp)?;
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
            fragment: 0,
            kind: PhantomData,
        })
    }

    /// Destination unreachable, packet too big, time exceeded, parameter problem.
    #[inline(always)]
    fn is_error(icmp_type: u8) -> bool {
        matches!(icmp_type, 1..=4)
    }

    #[inline(always)]
    fn class([first, second]: [u8; 2]) -> u8 {
        first << 4 | second >> 4
    }

    #[inline(always)]
    fn fragment_key(
        packet: &impl PacketBytes,
        ip: &Ip<Self>,
        upper: &Upper,
    ) -> Result<FragmentKey, OutOfBounds> {
        let Copied(identification) = packet.read(upper.fragment_at + 4)?;
        Ok(FragmentKey::v6(ip.source, ip.destination, u32::from_be_bytes(identification)))
    }

    #[inline(always)]
    fn hop_limit([_, hop_limit]: Self::Hop) -> u8 {
        hop_limit
    }

    #[inline(always)]
    fn with_hop_limit([next_header, _]: Self::Hop, hop_limit: u8) -> Self::Hop {
        [next_header, hop_limit]
    }

    #[inline(always)]
    fn one_hop_less([next_header, hop_limit]: Self::Hop) -> Self::Hop {
        [next_header, hop_limit.wrapping_sub(1)]
    }
}
