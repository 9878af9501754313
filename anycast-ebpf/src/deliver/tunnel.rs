//! Tunnel delivery: the packet gets outer headers, from its backend's template.

use anycast_common::{
    backend::{Delivery, LinkTag},
    checksum::fold,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::{Ip, IpHeader},
    reason::Reason,
};
use network_types::{
    eth::EtherType,
    ip::{Ipv4Hdr, Ipv6Hdr},
    udp::UdpHdr,
};

use super::link::Link;
use crate::{
    backend::{self, Manner, Template},
    packet::Packet,
    steer::Target,
};

/// What the outer headers have of the packet.
struct Inner {
    /// Bytes from the IP header on.
    length: usize,
    /// Number of IPv4 or IPv6 as a payload.
    protocol: u8,
    /// Type of service or traffic class: copied as it is (RFC 6040 section 4.1, normal mode; RFC 2983 section 4).
    class: u8,
    /// Flow hash.
    hash: u32,
}

/// Puts outer headers on a packet that fits.
#[inline(always)]
pub fn deliver<H: IpHeader>(
    packet: &Packet<'_>,
    ip: &Ip<H>,
    hop: H::Hop,
    target: &Target,
) -> Result<(), Reason> {
    let (way, manner) = (&target.way, target.way.manner());
    let Copied(first) = packet.read(ip.offset).map_err(|_| Reason::BadHeader)?;
    let inner = Inner { length: ip.length, protocol: H::PROTOCOL, class: H::class(first), hash: target.hash };
    let link = link(packet, ip.offset, manner).map_err(|_| Reason::BadHeader)?;
    let new_offset = link.length + (manner.overhead() & 63);
    packet.grow_head(new_offset - ip.offset).map_err(|_| Reason::NoHeadroom)?;
    let written = link
        .write(packet, way.addresses())
        .and_then(|()| packet.write(new_offset + H::HOP_OFFSET, hop))
        .and_then(|()| write_outer(packet, link.length, way.index(), manner, &inner));
    written.map_err(|_| Reason::NoHeadroom)
}

/// Whether the outer IP header is IPv6's: the codes of [`Delivery`] alternate.
#[inline(always)]
fn is_v6(manner: Manner) -> bool {
    manner.delivery() & 1 != 0
}

/// Whether there is an outer UDP header.
#[inline(always)]
fn has_udp(manner: Manner) -> bool {
    manner.delivery() >= Delivery::GueV4.code()
}

/// The new frame's header, made of what the packet has now in front of its IP header.
#[inline(always)]
fn link(packet: &Packet<'_>, ip: usize, manner: Manner) -> Result<Link, OutOfBounds> {
    let ether_type = if is_v6(manner) { EtherType::Ipv6 } else { EtherType::Ipv4 } as u16;
    if manner.link_tag() == LinkTag::Strip.code() {
        Ok(Link::untagged(ether_type))
    } else if manner.link_tag() == LinkTag::Set.code() {
        Ok(Link::tagged(manner.vlan(), ether_type))
    } else {
        Ok(Link::read(packet, ip)?.with_ether_type(ether_type))
    }
}

/// Writes the outer headers, in words as they lie in memory, little end first: the template is 0 where the packet's values go.
#[inline(always)]
fn write_outer(
    packet: &Packet<'_>,
    at: usize,
    index: u16,
    manner: Manner,
    inner: &Inner,
) -> Result<(), OutOfBounds> {
    let template = backend::tunnel(index).ok_or(OutOfBounds)?;
    // With UDP, the template has the protocol and the headers are longer.
    match (is_v6(manner), has_udp(manner)) {
        (false, false) => v4(packet, at, &template, inner, 0, inner.protocol),
        (false, true) => v4(packet, at, &template, inner, UdpHdr::LEN, 0),
        (true, false) => v6(packet, at, &template, inner, 0, inner.protocol),
        (true, true) => v6(packet, at, &template, inner, UdpHdr::LEN, 0),
    }
}

/// An outer IPv4 header, and the UDP header behind it.
#[inline(always)]
fn v4(
    packet: &Packet<'_>,
    at: usize,
    template: &Template,
    inner: &Inner,
    udp: usize,
    protocol: u8,
) -> Result<(), OutOfBounds> {
    let length = (Ipv4Hdr::LEN + udp + inner.length) as u16;
    let [first, second, third] = [template.word(0), template.word(1), template.word(2)];
    let (class, protocol) = (u64::from(inner.class) << 8, u64::from(protocol) << 8);
    let length = u64::from(length.swap_bytes());
    // These are all that the template's checksum lacks, in whichever byte order (RFC 1071 section 2, B).
    let checksum = u64::from(!fold((!(second >> 16) & 0xffff) + class + length + protocol));
    let header = packet.window(at, Ipv4Hdr::LEN + udp)?;
    header.write(0, [first | class | length << 16])?;
    header.write(8, [second & !0xffff_0000 | protocol | checksum << 16])?;
    header.write(16, (third as u32).to_le_bytes())?;
    if udp != 0 { header.write(Ipv4Hdr::LEN, [udp_word(third >> 48, inner)]) } else { Ok(()) }
}

/// An outer IPv6 header, and the UDP header behind it. Its flow label is the flow's, for routers that spread packets by it
/// (RFC 6438).
#[inline(always)]
fn v6(
    packet: &Packet<'_>,
    at: usize,
    template: &Template,
    inner: &Inner,
    udp: usize,
    protocol: u8,
) -> Result<(), OutOfBounds> {
    let version = 6 << 28 | u32::from(inner.class) << 20 | inner.hash & 0xf_ffff;
    let length = ((udp + inner.length) as u16).swap_bytes();
    let first = template.word(0)
        | u64::from(version.swap_bytes())
        | u64::from(length) << 32
        | u64::from(protocol) << 48;
    let header = packet.window(at, Ipv6Hdr::LEN + udp)?;
    header.write(0, [first])?;
    header.write(8, [template.word(1)])?;
    header.write(16, [template.word(2)])?;
    header.write(24, [template.word(3)])?;
    header.write(32, [template.word(4)])?;
    if udp != 0 {
        header.write(Ipv6Hdr::LEN, [udp_word(template.word(5) >> 16 & 0xffff, inner)])
    } else {
        Ok(())
    }
}

/// An outer UDP header, to a port as the template has it. The source port tells flows apart, for receive queues and routers that
/// spread packets by it, and is of the dynamic range (RFC 6335 section 6). It is made of the hash's low bits: the high ones
/// chose the slot, and are much the same for all flows of a backend.
#[inline(always)]
fn udp_word(port: u64, inner: &Inner) -> u64 {
    let source = (0xc000 | inner.hash as u16 & 0x3fff).swap_bytes();
    let length = ((UdpHdr::LEN + inner.length) as u16).swap_bytes();
    u64::from(source) | port << 16 | u64::from(length) << 32
}
