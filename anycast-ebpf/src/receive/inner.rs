//! The inner IP header: looked at only as far as the stack's idea of the packet depends on it.

use anycast_common::{
    packet::{Copied, PacketBytes},
    receive::Outcome,
};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::{packet::Packet, tunnel::Payload};

/// The packet inside. In whole words: LLVM copies bytes by unaligned words, which the verifier does not take on the stack.
pub struct Inner {
    /// Offset of its header in the frame.
    pub start: usize,
    /// Its first two bytes, host order; both versions have their ECN field in the second one.
    pub head: u16,
    /// Header checksum of an IPv4 packet, host order.
    pub checksum: u16,
    /// 4 or 6.
    pub version: u16,
}

impl Inner {
    /// Bits between the ECN field and the end of [`Self::head`].
    #[inline(always)]
    pub const fn ecn_shift(&self) -> u16 {
        if self.version == 4 { 0 } else { 4 }
    }

    /// ECN in the low two bits.
    #[inline(always)]
    pub const fn ecn(&self) -> u8 {
        (self.head >> self.ecn_shift()) as u8
    }
}

/// The header at the start of the payload, which must be of that version.
#[inline(always)]
pub fn parse(packet: &Packet<'_>, payload: Payload, version: u8) -> Result<Inner, Outcome> {
    let Payload { start, length } = payload;
    let Copied([first, ..]): Copied<[u8; 4]> = packet.read(start).map_err(|_| Outcome::BadInner)?;
    if length == 0 {
        return Err(Outcome::BadInner);
    }
    if first >> 4 != version {
        return Err(Outcome::InnerVersion);
    }
    let (inner, stated) = if version == 4 { parse_v4(packet, start)? } else { parse_v6(packet, start)? };
    // Bytes behind the inner packet do no harm: the stack cuts a packet to the length its header states.
    if stated > length {
        return Err(Outcome::BadInner);
    }
    Ok(inner)
}

/// The header, and the packet's length as it states it.
#[inline(always)]
fn parse_v4(packet: &Packet<'_>, start: usize) -> Result<(Inner, usize), Outcome> {
    let Copied(header): Copied<Ipv4Hdr> = packet.read(start).map_err(|_| Outcome::BadInner)?;
    let header_length = usize::from(header.vihl & 0xf) * 4;
    let stated = usize::from(u16::from_be_bytes(header.tot_len));
    if header_length < Ipv4Hdr::LEN || stated < header_length {
        return Err(Outcome::BadInner);
    }
    let head = u16::from_be_bytes([header.vihl, header.tos]);
    let inner = Inner { start, head, checksum: u16::from_be_bytes(header.check), version: 4 };
    Ok((inner, stated))
}

/// As above.
#[inline(always)]
fn parse_v6(packet: &Packet<'_>, start: usize) -> Result<(Inner, usize), Outcome> {
    let Copied(header): Copied<Ipv6Hdr> = packet.read(start).map_err(|_| Outcome::BadInner)?;
    let [first, second, ..] = header.vcf;
    let inner = Inner { start, head: u16::from_be_bytes([first, second]), checksum: 0, version: 6 };
    Ok((inner, Ipv6Hdr::LEN + usize::from(u16::from_be_bytes(header.payload_len))))
}
