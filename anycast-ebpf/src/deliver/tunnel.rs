//! Tunnel delivery: the packet gets outer headers, from its backend's template.

use anycast_common::{
    backend::LinkTag,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::{Ip, IpHeader},
    reason::Reason,
};
use network_types::eth::EtherType;

use super::{
    link::Link,
    outer::{self, Inner},
};
use crate::{
    backend::{self, Manner},
    packet::Packet,
    steer::Target,
};

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
        .and_then(|()| backend::tunnel(way.index()).ok_or(OutOfBounds))
        .and_then(|template| outer::write(packet, link.length, &template, manner.delivery(), &inner));
    written.map_err(|_| Reason::NoHeadroom)
}

/// The new frame's header, made of what the packet has now in front of its IP header.
#[inline(always)]
fn link(packet: &Packet<'_>, ip: usize, manner: Manner) -> Result<Link, OutOfBounds> {
    let ether_type = if outer::is_v6(manner.delivery()) { EtherType::Ipv6 } else { EtherType::Ipv4 } as u16;
    if manner.link_tag() == LinkTag::Strip.code() {
        Ok(Link::untagged(ether_type))
    } else if manner.link_tag() == LinkTag::Set.code() {
        Ok(Link::tagged(manner.vlan(), ether_type))
    } else {
        Ok(Link::read(packet, ip)?.with_ether_type(ether_type))
    }
}
