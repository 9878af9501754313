//! Get the packet to its backend.

use anycast_common::{backend::Backend, checksum, reason::Reason};
use aya_ebpf::bindings::xdp_action;

use crate::{
    maps::DEVICES,
    packet::{OutOfBounds, Packet},
    parse::{Ip, Version},
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
pub fn l2(packet: &Packet<'_>, ip: &Ip, backend: &Backend) -> Result<Delivery, Reason> {
    // RFC 791 section 3.2, RFC 8200 section 3: what arrives with 1 or 0 is not forwarded.
    if ip.hop_limit <= 1 {
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
    decrement_hop_limit(packet, ip).map_err(|_| Reason::BadHeader)?;
    address_frame(packet, backend).map_err(|_| Reason::BadHeader)?;
    Ok(delivery)
}

#[inline(always)]
fn decrement_hop_limit(packet: &Packet<'_>, ip: &Ip) -> Result<(), OutOfBounds> {
    let hop_limit = ip.hop_limit - 1;
    match ip.version {
        Version::V4 { checksum } => {
            // TTL and protocol share a 16-bit word of the header; the checksum is the next one.
            let old = u16::from_be_bytes([ip.hop_limit, ip.protocol]);
            let new = u16::from_be_bytes([hop_limit, ip.protocol]);
            let [high, low] = checksum::update(checksum, old, new).to_be_bytes();
            packet.write(ip.offset + 8, [hop_limit, ip.protocol, high, low])
        }
        Version::V6 => packet.write(ip.offset + 7, [hop_limit]),
    }
}

#[inline(always)]
fn address_frame(packet: &Packet<'_>, backend: &Backend) -> Result<(), OutOfBounds> {
    packet.write(0, backend.destination)?;
    packet.write(backend.destination.len(), backend.source)
}
