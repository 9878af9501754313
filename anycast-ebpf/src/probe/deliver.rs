//! Get the packet to its backend: the same frame that the program that steers would send, but for the hop count, which is made
//! anew.

use anycast_common::{
    backend::{Backend, Delivery, LinkTag},
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::{Ip, IpHeader},
    probe::{HOP_LIMIT, Outcome, Probe},
};
use aya_ebpf::helpers::bpf_redirect;
use network_types::eth::{EthHdr, EtherType};

use crate::{
    outer::{self, Inner, Template},
    packet::Packet,
};

/// Delivers a packet the way its backend wants.
#[inline(always)]
pub fn deliver<H: IpHeader>(packet: &Packet<'_>, probe: &Probe) -> Result<Outcome, Outcome> {
    let ip = H::parse(packet, EthHdr::LEN).map_err(|_| Outcome::Failed)?;
    let backend = &probe.backend;
    if packet.largest(&ip).map_err(|_| Outcome::Failed)? > usize::from(backend.mtu) {
        return Err(Outcome::TooBig);
    }
    let outcome = change(packet, &ip, probe).map_err(|_| Outcome::Failed)?;
    packet.unmark();
    // SAFETY: plain numbers; what comes of it is what the program's verdict makes of it.
    unsafe { bpf_redirect(backend.ifindex, 0) };
    Ok(outcome)
}

/// Everything that is written to a packet that fits.
#[inline(always)]
fn change<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, probe: &Probe) -> Result<Outcome, OutOfBounds> {
    let backend = &probe.backend;
    let Copied(hop): Copied<H::Hop> = packet.read(ip.offset + H::HOP_OFFSET)?;
    packet.write(ip.offset + H::HOP_OFFSET, H::with_hop_limit(hop, HOP_LIMIT))?;
    if backend.delivery == Delivery::L2.code() {
        address(packet, backend, H::ETHER_TYPE)?;
        return Ok(Outcome::L2);
    }
    encapsulate(packet, ip, probe)?;
    if backend.link_tag == LinkTag::Set.code() {
        packet.tag(backend.vlan)?;
    }
    Ok(if outer::has_udp(backend.delivery) { Outcome::Gue } else { Outcome::Ipip })
}

/// Puts outer headers on it.
#[inline(always)]
fn encapsulate<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, probe: &Probe) -> Result<(), OutOfBounds> {
    let Backend { delivery, overhead, .. } = probe.backend;
    let is_v6 = outer::is_v6(delivery);
    let Copied(first) = packet.read(ip.offset)?;
    let inner = Inner {
        length: packet.ip_length(),
        protocol: H::PROTOCOL,
        class: H::class(first),
        // Before the headers that it would be of otherwise.
        hash: packet.flow_hash(),
    };
    packet.make_room(usize::from(overhead), is_v6, outer::has_udp(delivery))?;
    outer::write(packet, EthHdr::LEN, &Template::at(&raw const probe.tunnel), delivery, &inner)?;
    address(packet, &probe.backend, if is_v6 { EtherType::Ipv6 } else { EtherType::Ipv4 } as u16)
}

/// Writes the frame's header; the type in network order.
#[inline(always)]
fn address(packet: &Packet<'_>, backend: &Backend, ether_type: u16) -> Result<(), OutOfBounds> {
    packet.write(0, [backend.destination, backend.source])?;
    packet.write(size_of_val(&backend.destination) * 2, ether_type.to_ne_bytes())
}
