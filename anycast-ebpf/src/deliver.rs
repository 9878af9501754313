//! Get the packet to its backend.

mod l2;
mod link;
mod outer;
mod too_big;
mod tunnel;

pub use link::Link;

use anycast_common::{
    backend::Delivery,
    directory::Vip,
    packet::{Copied, PacketBytes},
    parse::{Ip, IpHeader},
    reason::Reason,
};
use aya_ebpf::bindings::xdp_action;

pub use self::outer::Template;
use crate::{backend::Way, maps::DEVICES, packet::Packet, steer::Target, trace};

/// How a packet leaves.
#[derive(Clone, Copy)]
pub enum Departure {
    /// By the interface it came in by.
    Transmit,
    /// By another one, which the kernel has noted.
    Redirect,
    /// To this host's own stack, as it came.
    Local,
}

/// Delivers a packet the way its backend wants.
#[inline(always)]
pub fn deliver<H: IpHeader>(
    packet: &Packet<'_>,
    ip: &Ip<H>,
    vip: &Vip,
    target: &Target,
) -> Result<Departure, Reason> {
    let manner = target.way.manner();
    if manner.delivery() == Delivery::Local.code() {
        return Ok(Departure::Local);
    }
    if ip.length > usize::from(manner.mtu()) {
        return Err(too_big::answer::<H>(packet, ip.offset, vip, manner.mtu()));
    }
    // RFC 791 section 3.2, RFC 8200 section 3: what arrives with 1 or 0 is not forwarded.
    let Copied(hop): Copied<H::Hop> =
        packet.read(ip.offset + H::HOP_OFFSET).map_err(|_| Reason::BadHeader)?;
    let hop_limit = H::hop_limit(hop);
    if hop_limit <= 1 {
        return Err(Reason::TtlExpired);
    }
    let departure = departure(packet, &target.way)?;
    let hop = H::one_hop_less(hop);
    if manner.delivery() == Delivery::L2.code() {
        l2::deliver::<H>(packet, ip.offset, hop, &target.way).map_err(|_| Reason::BadHeader)?;
    } else {
        tunnel::deliver(packet, ip, hop, target)?;
    }
    Ok(departure)
}

/// By which interface?
#[inline(always)]
fn departure(packet: &Packet<'_>, way: &Way) -> Result<Departure, Reason> {
    trace::note(|walk| walk.egress_ifindex = way.ifindex());
    if way.ifindex() == packet.ingress_ifindex() {
        return Ok(Departure::Transmit);
    }
    match DEVICES.redirect(way.ifindex(), 0) {
        Ok(xdp_action::XDP_REDIRECT) => Ok(Departure::Redirect),
        _ => Err(Reason::NoDevice),
    }
}
