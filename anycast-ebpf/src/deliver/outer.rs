//! Outer headers, made of a backend's template and what they have of the packet. Compiled into the program that steers and into
//! the one that delivers checks, each with a `Packet` of its own.

use core::ptr::read_volatile;

use anycast_common::{backend::Delivery, checksum::fold, packet::OutOfBounds, tunnel::Tunnel};
use network_types::{
    ip::{Ipv4Hdr, Ipv6Hdr},
    udp::UdpHdr,
};

use crate::packet::Packet;

/// What the outer headers have of the packet.
pub struct Inner {
    /// Bytes from the IP header on.
    pub length: usize,
    /// Number of IPv4 or IPv6 as a payload.
    pub protocol: u8,
    /// Type of service or traffic class: copied as it is (RFC 6040 section 4.1, normal mode; RFC 2983 section 4).
    pub class: u8,
    /// Flow hash.
    pub hash: u32,
}

/// The outer headers of a backend's packets, to be read word by word.
pub struct Template(*const u64);

impl Template {
    /// Those of a map's value.
    #[inline(always)]
    pub fn at(tunnel: *const Tunnel) -> Self {
        Self(tunnel.cast())
    }

    /// Word `index`, as it lies in memory; `index` is below [`Tunnel::WORDS`].
    #[inline(always)]
    pub fn word(&self, index: usize) -> u64 {
        // SAFETY: a value of the map, aligned to 8 bytes; the index is in its bounds.
        unsafe { read_volatile(self.0.wrapping_add(index % Tunnel::WORDS)) }
    }
}

/// Whether the outer IP header is IPv6's, by the code of a tunnel: those of [`Delivery`] alternate.
#[inline(always)]
pub fn is_v6(delivery: u8) -> bool {
    delivery & 1 != 0
}

/// Whether there is an outer UDP header, by the same.
#[inline(always)]
pub fn has_udp(delivery: u8) -> bool {
    delivery >= Delivery::GueV4.code()
}

/// Writes the outer headers, in words as they lie in memory, little end first: the template is 0 where the packet's values go.
#[inline(always)]
pub fn write(
    packet: &Packet<'_>,
    at: usize,
    template: &Template,
    delivery: u8,
    inner: &Inner,
) -> Result<(), OutOfBounds> {
    // With UDP, the template has the protocol and the headers are longer.
    match (is_v6(delivery), has_udp(delivery)) {
        (false, false) => v4(packet, at, template, inner, 0, inner.protocol),
        (false, true) => v4(packet, at, template, inner, UdpHdr::LEN, 0),
        (true, false) => v6(packet, at, template, inner, 0, inner.protocol),
        (true, true) => v6(packet, at, template, inner, UdpHdr::LEN, 0),
    }
}

/// An outer IPv4 header, and the UDP header behind it.
#[inline(always)]
fn v4(
    packet: &Packet<'_>,
    at: usize,
    template: &Template,
    inner: &Inner,
    udp: usize,
    protocol: u8,
) -> Result<(), OutOfBounds> {
    let length = (Ipv4Hdr::LEN + udp + inner.length) as u16;
    let [first, second, third] = [template.word(0), template.word(1), template.word(2)];
    let (class, protocol) = (u64::from(inner.class) << 8, u64::from(protocol) << 8);
    let length = u64::from(length.swap_bytes());
    // These are all that the template's checksum lacks, in whichever byte order (RFC 1071 section 2, B).
    let checksum = u64::from(!fold((!(second >> 16) & 0xffff) + class + length + protocol));
    let header = packet.window(at, Ipv4Hdr::LEN + udp)?;
    header.write(0, [first | class | length << 16])?;
    header.write(8, [second & !0xffff_0000 | protocol | checksum << 16])?;
    header.write(16, (third as u32).to_le_bytes())?;
    if udp != 0 { header.write(Ipv4Hdr::LEN, [udp_word(third >> 48, inner)]) } else { Ok(()) }
}

/// An outer IPv6 header, and the UDP header behind it. Its flow label is the flow's, for routers that spread packets by it
/// (RFC 6438).
#[inline(always)]
fn v6(
    packet: &Packet<'_>,
    at: usize,
    template: &Template,
    inner: &Inner,
    udp: usize,
    protocol: u8,
) -> Result<(), OutOfBounds> {
    let version = 6 << 28 | u32::from(inner.class) << 20 | inner.hash & 0xf_ffff;
    let length = ((udp + inner.length) as u16).swap_bytes();
    let first = template.word(0)
        | u64::from(version.swap_bytes())
        | u64::from(length) << 32
        | u64::from(protocol) << 48;
    let header = packet.window(at, Ipv6Hdr::LEN + udp)?;
    header.write(0, [first])?;
    header.write(8, [template.word(1)])?;
    header.write(16, [template.word(2)])?;
    header.write(24, [template.word(3)])?;
    header.write(32, [template.word(4)])?;
    if udp != 0 {
        header.write(Ipv6Hdr::LEN, [udp_word(template.word(5) >> 16 & 0xffff, inner)])
    } else {
        Ok(())
    }
}

/// An outer UDP header, to a port as the template has it. The source port tells flows apart, for receive queues and routers that
/// spread packets by it, and is of the dynamic range (RFC 6335 section 6). It is made of the hash's low bits: the high ones
/// chose the slot, and are much the same for all flows of a backend.
#[inline(always)]
fn udp_word(port: u64, inner: &Inner) -> u64 {
    let source = (0xc000 | inner.hash as u16 & 0x3fff).swap_bytes();
    let length = ((UdpHdr::LEN + inner.length) as u16).swap_bytes();
    u64::from(source) | port << 16 | u64::from(length) << 32
}
