//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, as one type.

use anycast_common::{address::Address, reason::Reason};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::packet::Packet;

/// What the walk needs of an IP header.
pub struct Ip {
    /// Which of both.
    pub version: Version,
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
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Whether it is a fragment, the first one included.
    pub is_fragment: bool,
}

/// IP version, with what its rewrite needs.
#[derive(Clone, Copy)]
pub enum Version {
    /// IPv4 and its header checksum, host order.
    V4 {
        /// Header checksum.
        checksum: u16,
    },
    /// IPv6, which has none.
    V6,
}

/// Mask of the "more fragments" flag and the fragment offset.
const FRAGMENT: u16 = 0x3fff;

/// The IPv4 header at `offset`.
#[inline(always)]
pub fn v4(packet: &Packet<'_>, offset: usize) -> Result<Ip, Reason> {
    let header: Ipv4Hdr = packet.read(offset).map_err(|_| Reason::NotIp)?;
    if header.vihl >> 4 != 4 {
        return Err(Reason::NotIp);
    }
    Ok(Ip {
        version: Version::V4 { checksum: u16::from_be_bytes(header.check) },
        offset,
        header_length: usize::from(header.vihl & 0xf) * 4,
        length: usize::from(u16::from_be_bytes(header.tot_len)),
        source: Address::from_v4(header.src_addr),
        destination: Address::from_v4(header.dst_addr),
        protocol: header.proto,
        hop_limit: header.ttl,
        is_fragment: u16::from_be_bytes(header.frags) & FRAGMENT != 0,
    })
}

/// The IPv6 header at `offset`.
#[inline(always)]
pub fn v6(packet: &Packet<'_>, offset: usize) -> Result<Ip, Reason> {
    let header: Ipv6Hdr = packet.read(offset).map_err(|_| Reason::NotIp)?;
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
        version: Version::V6,
        offset,
        header_length: Ipv6Hdr::LEN,
        length: Ipv6Hdr::LEN + usize::from(u16::from_be_bytes(header.payload_len)),
        source: Address::from_v6(header.src_addr),
        destination,
        protocol: header.next_hdr,
        hop_limit: header.hop_limit,
        is_fragment: false,
    })
}
