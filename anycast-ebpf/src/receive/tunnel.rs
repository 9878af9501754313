//! What carries the inner packet: the outer IP header alone (RFC 2003, RFC 2473, RFC 4213), or GUE over UDP.
//!
//! GUE variant 1 (draft-ietf-intarea-gue section 4) has no header of its own: the UDP payload is the inner packet, and its
//! version, 4 or 6, stands where a GUE header would have its variant.

use anycast_common::{
    packet::{Copied, PacketBytes},
    receive::Outcome,
};
use network_types::udp::UdpHdr;

use crate::{maps, outer::Outer, packet::Packet};

/// IANA protocol numbers.
mod protocol {
    pub const IPV4: u8 = 4;
    pub const UDP: u8 = 17;
    pub const IPV6: u8 = 41;
}

/// A packet that claims to be a tunnel's.
#[derive(Clone, Copy)]
pub enum Claim {
    /// By its protocol: inner packets of that version.
    Ip(u8),
    /// By its UDP port. The payload's length, as the UDP header states it.
    Gue(u16),
}

/// A tunnel packet.
pub struct Tunnel {
    /// Where the inner packet lies.
    pub payload: Payload,
    /// Its version.
    pub version: u8,
    /// What is counted if all goes well.
    pub outcome: Outcome,
}

/// Bytes of the frame.
#[derive(Clone, Copy)]
pub struct Payload {
    /// Offset of the first.
    pub start: usize,
    /// How many.
    pub length: usize,
}

/// Whether the packet is a tunnel's, before anything else about it is judged.
#[inline(always)]
pub fn find(packet: &Packet<'_>, outer: &Outer) -> Result<Claim, Outcome> {
    match outer.protocol {
        protocol::IPV4 => Ok(Claim::Ip(4)),
        protocol::IPV6 => Ok(Claim::Ip(6)),
        // Ports lie in the first fragment only, and nowhere in a packet whose lengths have no room for them.
        protocol::UDP if !outer.is_later_fragment && outer.is_consistent() => {
            let Copied(header): Copied<UdpHdr> =
                packet.read(outer.payload).map_err(|_| Outcome::NotTunnel)?;
            // The checksum is not looked at: zero is allowed (RFC 6935, RFC 6936), a sender need not compute one, and the
            // inner packet has its own.
            if outer.end - outer.payload < UdpHdr::LEN || !maps::is_gue(header.dst) {
                return Err(Outcome::NotTunnel);
            }
            Ok(Claim::Gue(u16::from_be_bytes(header.len)))
        }
        _ => Err(Outcome::NotTunnel),
    }
}

/// The bytes inside.
#[inline(always)]
pub fn open(packet: &Packet<'_>, outer: &Outer, claim: Claim) -> Result<Tunnel, Outcome> {
    let start = outer.payload;
    let length = outer.end - start;
    match claim {
        Claim::Ip(version) => {
            Ok(Tunnel { payload: Payload { start, length }, version, outcome: Outcome::Ipip })
        }
        Claim::Gue(stated) => {
            let stated = usize::from(stated);
            if stated < UdpHdr::LEN || stated > length {
                return Err(Outcome::BadOuter);
            }
            let payload = Payload { start: start + UdpHdr::LEN, length: stated - UdpHdr::LEN };
            // Two bytes: LLVM turns the bounds check of a single one into a form that the verifier does not take.
            let Copied([first, _]): Copied<[u8; 2]> =
                packet.read(payload.start).map_err(|_| Outcome::BadInner)?;
            match first >> 4 {
                version @ (4 | 6) => Ok(Tunnel { payload, version, outcome: Outcome::Gue }),
                _ => Err(Outcome::GueVariant),
            }
        }
    }
}
