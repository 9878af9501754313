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
    maps::{self, Manner},
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

#[inline(always)]
fn write_outer(
    packet: &Packet<'_>,
    at: usize,
    index: u16,
    manner: Manner,
    inner: &Inner,
) -> Result<(), OutOfBounds> {
    let template = maps::tunnel(index).ok_or(OutOfBounds)?;
    // With UDP, the template has the protocol and the header is longer.
    let (udp, protocol) = if has_udp(manner) { (UdpHdr::LEN, 0) } else { (0, inner.protocol) };
    let (end, port) = if is_v6(manner) {
        v6(packet, at, &template, inner, udp, protocol)?;
        (at + Ipv6Hdr::LEN, template.port(5))
    } else {
        v4(packet, at, &template, inner, udp, protocol)?;
        (at + Ipv4Hdr::LEN, template.port(2))
    };
    if udp != 0 { write_udp(packet, end, port, inner) } else { Ok(()) }
}

/// An outer IPv4 header. The template's fields are 0 where the packet's values go, so that these are all its checksum lacks.
#[inline(always)]
fn v4(
    packet: &Packet<'_>,
    at: usize,
    template: &maps::Template,
    inner: &Inner,
    udp: usize,
    protocol: u8,
) -> Result<(), OutOfBounds> {
    let length = (Ipv4Hdr::LEN + udp + inner.length) as u16;
    let [version, _, _, _, identification @ .., flags, fragment] = template.word(0).to_ne_bytes();
    let [ttl, template_protocol, high, low, a, b, c, d] = template.word(1).to_ne_bytes();
    let sum = u64::from(!u16::from_be_bytes([high, low]))
        + u64::from(inner.class)
        + u64::from(length)
        + u64::from(protocol);
    let [high, low] = (!fold(sum)).to_be_bytes();
    let [length_high, length_low] = length.to_be_bytes();
    let [id_high, id_low] = identification;
    let first = [version, inner.class, length_high, length_low, id_high, id_low, flags, fragment];
    let header = packet.window(at, Ipv4Hdr::LEN)?;
    header.write(0, first)?;
    header.write(8, [ttl, template_protocol | protocol, high, low, a, b, c, d])?;
    header.write(16, (template.word(2) as u32).to_ne_bytes())
}

/// An outer IPv6 header. Its flow label is the flow's, for routers that spread packets by it (RFC 6438).
#[inline(always)]
fn v6(
    packet: &Packet<'_>,
    at: usize,
    template: &maps::Template,
    inner: &Inner,
    udp: usize,
    protocol: u8,
) -> Result<(), OutOfBounds> {
    let [_, _, _, _, _, _, template_protocol, hop_limit] = template.word(0).to_ne_bytes();
    let [a, b, c, d] = (6 << 28 | u32::from(inner.class) << 20 | inner.hash >> 12).to_be_bytes();
    let [length_high, length_low] = ((udp + inner.length) as u16).to_be_bytes();
    let header = packet.window(at, Ipv6Hdr::LEN)?;
    header.write(0, [a, b, c, d, length_high, length_low, template_protocol | protocol, hop_limit])?;
    // Word by word: LLVM copies what is longer in bytes.
    header.write(8, template.word(1).to_ne_bytes())?;
    header.write(16, template.word(2).to_ne_bytes())?;
    header.write(24, template.word(3).to_ne_bytes())?;
    header.write(32, template.word(4).to_ne_bytes())
}

/// An outer UDP header: the source port tells flows apart, for receive queues and routers that spread packets by it. It is of
/// the dynamic range (RFC 6335 section 6).
#[inline(always)]
fn write_udp(packet: &Packet<'_>, at: usize, port: u16, inner: &Inner) -> Result<(), OutOfBounds> {
    let [source_high, source_low] = (0xc000 | (inner.hash >> 18) as u16).to_be_bytes();
    let [port_high, port_low] = port.to_be_bytes();
    let [length_high, length_low] = ((UdpHdr::LEN + inner.length) as u16).to_be_bytes();
    packet.write(at, [source_high, source_low, port_high, port_low, length_high, length_low, 0, 0])
}
