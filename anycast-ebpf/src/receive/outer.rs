//! The outer IP header: IPv4 (RFC 791) or IPv6 (RFC 8200).

use anycast_common::{
    packet::{Copied, PacketBytes},
    parse::Link,
    receive::{Outcome, SenderKey},
};
use network_types::{
    eth::EtherType,
    ip::{Ipv4Hdr, Ipv6Hdr},
};

use crate::packet::Packet;

/// IANA protocol number of the IPv6 fragment header.
const FRAGMENT: u8 = 44;

/// Bytes of the IPv6 fragment header (RFC 8200 section 4.5).
const FRAGMENT_LENGTH: usize = 8;

/// What the walk needs of the outer header.
pub struct Outer {
    /// Offset of the header in the frame.
    start: usize,
    /// Bytes of its fixed part.
    fixed_length: usize,
    /// Offset of what follows the header and its options; too low in a malformed header.
    pub payload: usize,
    /// Offset of the packet's end, as the header states it.
    pub end: usize,
    /// Who sent it.
    pub source: SenderKey,
    /// What follows: an IANA protocol number.
    pub protocol: u8,
    /// Whether it is a fragment, the first one included.
    pub is_fragment: bool,
    /// Whether it is a fragment but the first, whose payload begins in the middle of something.
    pub is_later_fragment: bool,
    /// ECN in the low two bits.
    pub ecn: u8,
}

impl Outer {
    /// Whether the header's lengths fit each other.
    #[inline(always)]
    pub fn is_consistent(&self) -> bool {
        self.payload >= self.start + self.fixed_length && self.end >= self.payload
    }
}

/// The header behind the frame's.
#[inline(always)]
pub fn parse(packet: &Packet<'_>, link: &Link) -> Result<Outer, Outcome> {
    if link.ether_type == EtherType::Ipv4 as u16 {
        parse_v4(packet, link.length)
    } else if link.ether_type == EtherType::Ipv6 as u16 {
        parse_v6(packet, link.length)
    } else {
        Err(Outcome::NotIp)
    }
}

#[inline(always)]
fn parse_v4(packet: &Packet<'_>, start: usize) -> Result<Outer, Outcome> {
    let Copied(header): Copied<Ipv4Hdr> = packet.read(start).map_err(|_| Outcome::NotIp)?;
    if header.vihl >> 4 != 4 {
        return Err(Outcome::NotIp);
    }
    let fragment = u16::from_be_bytes(header.frags);
    Ok(Outer {
        start,
        fixed_length: Ipv4Hdr::LEN,
        payload: start + usize::from(header.vihl & 0xf) * 4,
        end: start + usize::from(u16::from_be_bytes(header.tot_len)),
        source: SenderKey::from_v4(header.src_addr),
        protocol: header.proto,
        // The "more fragments" flag and the fragment offset.
        is_fragment: fragment & 0x3fff != 0,
        is_later_fragment: fragment & 0x1fff != 0,
        ecn: header.tos,
    })
}

#[inline(always)]
fn parse_v6(packet: &Packet<'_>, start: usize) -> Result<Outer, Outcome> {
    let Copied(header): Copied<Ipv6Hdr> = packet.read(start).map_err(|_| Outcome::NotIp)?;
    let [first, second, ..] = header.vcf;
    if first >> 4 != 6 {
        return Err(Outcome::NotIp);
    }
    let payload = start + Ipv6Hdr::LEN;
    let mut outer = Outer {
        start,
        fixed_length: Ipv6Hdr::LEN,
        payload,
        end: payload + usize::from(u16::from_be_bytes(header.payload_len)),
        source: SenderKey::from_v6(header.src_addr),
        protocol: header.next_hdr,
        is_fragment: false,
        is_later_fragment: false,
        // The traffic class lies across the first two bytes, its low bits in the upper half of the second.
        ecn: second >> 4,
    };
    if outer.protocol == FRAGMENT {
        let Copied([next, _, high, low]): Copied<[u8; 4]> =
            packet.read(payload).map_err(|_| Outcome::NotTunnel)?;
        outer.protocol = next;
        outer.is_fragment = true;
        outer.is_later_fragment = u16::from_be_bytes([high, low]) & 0xfff8 != 0;
        outer.payload = payload + FRAGMENT_LENGTH;
    }
    Ok(outer)
}
