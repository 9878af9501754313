//! Get the packet to its backend.

use anycast_common::{backend::Backend, reason::Reason};
use aya_ebpf::bindings::xdp_action;

use crate::{
    maps::DEVICES,
    packet::{OutOfBounds, Packet},
    parse::{Ip, IpHeader},
};

/// How a packet leaves.
#[derive(Clone, Copy)]
pub enum Delivery {
    /// By the interface it came in by.
    Transmit,
    /// By another one, which the kernel has noted.
    Redirect,
}

/// Layer 2 delivery: the frame is addressed to the backend, or its gateway; above that only the hop count changes.
#[inline(always)]
pub fn l2<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, backend: &Backend) -> Result<Delivery, Reason> {
    // RFC 791 section 3.2, RFC 8200 section 3: what arrives with 1 or 0 is not forwarded.
    let hop: H::Hop = packet.read(ip.offset + H::HOP_OFFSET).map_err(|_| Reason::BadHeader)?;
    if H::hop_limit(hop) <= 1 {
        return Err(Reason::TtlExpired);
    }
    let delivery = if backend.ifindex == packet.ingress_ifindex() {
        Delivery::Transmit
    } else {
        match DEVICES.redirect(backend.ifindex, 0) {
            Ok(xdp_action::XDP_REDIRECT) => Delivery::Redirect,
            _ => return Err(Reason::NoDevice),
        }
    };
    packet.write(ip.offset + H::HOP_OFFSET, H::next_hop(hop)).map_err(|_| Reason::BadHeader)?;
    address_frame(packet, backend).map_err(|_| Reason::BadHeader)?;
    Ok(delivery)
}

#[inline(always)]
fn address_frame(packet: &Packet<'_>, backend: &Backend) -> Result<(), OutOfBounds> {
    packet.write(0, backend.destination)?;
    packet.write(backend.destination.len(), backend.source)
}
