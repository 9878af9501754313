//! Echo requests to a VIP, answered in place.

use anycast_common::{
    checksum,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::{Ip, IpHeader, Upper},
    reason::Reason,
};

use crate::packet::Packet;

/// TTL or hop limit of what this program sends in a VIP's name.
pub const HOP_LIMIT: u8 = 64;

/// Turns an echo request into its reply (RFC 792, RFC 4443 section 4.2). One with options or extension headers goes to the
/// host's stack, which knows how to answer each; so does one whose source nobody has, or that a frame to many brought.
#[inline(always)]
pub fn answer_echo<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, upper: &Upper) -> Reason {
    if upper.offset != ip.offset + H::LENGTH || !ip.source.is_answerable() {
        return Reason::Icmp;
    }
    match reply::<H>(packet, ip.offset & 31) {
        Ok(()) => Reason::EchoAnswered,
        Err(OutOfBounds) => Reason::Icmp,
    }
}

/// Out of line: what LLVM knows of the packet's length there, the verifier does not.
#[inline(never)]
fn reply<H: IpHeader>(packet: &Packet<'_>, ip: usize) -> Result<(), OutOfBounds> {
    let icmp = ip + H::LENGTH;
    // Everything is read first: what cannot be answered stays as it came.
    let (destination, source) = packet.unicast_macs()?;
    let Copied(hop): Copied<H::Hop> = packet.read(ip + H::HOP_OFFSET)?;
    let Copied(addresses): Copied<H::Addresses> = packet.read(ip + H::ADDRESSES_OFFSET)?;
    let Copied([kind, code, high, low]): Copied<[u8; 4]> = packet.read(icmp)?;
    let (old, new) = (u16::from_be_bytes([kind, code]), u16::from_be_bytes([H::ECHO_REPLY, code]));
    let [high, low] = checksum::update_to_any(u16::from_be_bytes([high, low]), old, new).to_be_bytes();

    packet.write(0, [source, destination])?;
    packet.write(ip + H::HOP_OFFSET, H::with_hop_limit(hop, HOP_LIMIT))?;
    packet.write(ip + H::ADDRESSES_OFFSET, H::swapped(addresses))?;
    packet.write(icmp, [H::ECHO_REPLY, code, high, low])
}
