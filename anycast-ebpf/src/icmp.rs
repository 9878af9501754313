//! Echo requests to a VIP, answered in place.

pub mod error;

use anycast_common::{
    checksum,
    packet::{OutOfBounds, Wire},
    parse::{Ip, IpHeader, Upper},
    reason::Reason,
};

use crate::packet::{GROUP, Packet, Window};

/// TTL or hop limit of what this program sends in a VIP's name.
pub const HOP_LIMIT: u8 = 64;

/// Turns an echo request into its reply (RFC 792, RFC 4443 section 4.2). One with options or extension headers goes to the
/// host's stack, which knows how to answer each; so does one whose source nobody has, or that a frame to many brought.
#[inline(always)]
pub fn answer_echo<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, upper: &Upper) -> Reason {
    if upper.offset != ip.offset + H::LENGTH || !ip.source.is_answerable() {
        return Reason::Icmp;
    }
    match reply::<H>(packet, ip.offset) {
        Ok(()) => Reason::EchoAnswered,
        Err(OutOfBounds) => Reason::Icmp,
    }
}

#[inline(always)]
fn reply<H: IpHeader>(packet: &Packet<'_>, ip: usize) -> Result<(), OutOfBounds> {
    // Everything is checked first: what cannot be answered stays as it came.
    let ethernet = packet.window(0, 12)?;
    // The destination of a frame to many is no source for an answer.
    let [first, _]: [u8; 2] = ethernet.read(0)?;
    if first & GROUP != 0 {
        return Err(OutOfBounds);
    }
    let header = packet.window(ip, H::LENGTH + 4)?;
    let [kind, code, high, low]: [u8; 4] = header.read(H::LENGTH)?;
    let (old, new) = (u16::from_be_bytes([kind, code]), u16::from_be_bytes([H::ECHO_REPLY, code]));
    let [high, low] = checksum::update_to_any(u16::from_be_bytes([high, low]), old, new).to_be_bytes();
    header.write(H::LENGTH, [H::ECHO_REPLY, code, high, low])?;
    header.write(H::HOP_OFFSET, H::with_hop_limit(header.read(H::HOP_OFFSET)?, HOP_LIMIT))?;

    // In pieces of a register's size: LLVM copies what is longer, or no power of two, in bytes.
    swap::<[u8; 4]>(&ethernet, 0, 6)?;
    swap::<[u8; 2]>(&ethernet, 4, 10)?;
    let (source, destination) = (H::ADDRESSES_OFFSET, H::ADDRESSES_OFFSET + size_of::<H::Addresses>() / 2);
    for piece in 0..size_of::<H::Addresses>() / 8 {
        swap::<[u8; 4]>(&header, source + 4 * piece, destination + 4 * piece)?;
    }
    Ok(())
}

/// Swaps what lies at two places.
#[inline(always)]
fn swap<T: Wire>(window: &Window<'_>, first: usize, second: usize) -> Result<(), OutOfBounds> {
    let (a, b) = (window.read::<T>(first)?, window.read::<T>(second)?);
    window.write(first, b)?;
    window.write(second, a)
}
