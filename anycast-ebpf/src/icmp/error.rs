//! ICMP errors: a packet becomes the error about itself, in the VIP's name. No more than a CPU may send in a tick.

use anycast_common::{
    checksum,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::protocol,
    walk::Effect,
};
use aya_ebpf::Global;

use super::HOP_LIMIT;
use crate::{deliver::Link, maps, packet::Packet, steer, trace};

/// ICMP errors that a CPU may send in a tick. Set by the controller when it loads the program.
#[unsafe(no_mangle)]
static ERRORS_PER_TICK: Global<u32> = Global::new(0);

/// Bytes of an ICMP header.
const ICMP_LENGTH: usize = 8;

/// Longest IPv6 error, which every link takes (RFC 4443 section 2.4).
pub const MIN_MTU: usize = 1280;

/// Most that such an error has room to quote.
pub const MAX_QUOTE_V6: usize = MIN_MTU - HEADERS_V6;

const HEADERS_V4: usize = 20 + ICMP_LENGTH;
const HEADERS_V6: usize = 40 + ICMP_LENGTH;

/// What an error says: type, code, and an MTU, or 0, as the last 16 of the 32 bits behind the checksum.
#[derive(Clone, Copy)]
pub struct Message(u32);

impl Message {
    /// "Fragmentation needed" (RFC 1191 section 4).
    #[inline(always)]
    pub fn fragmentation_needed(mtu: u16) -> Self {
        Self(0x0304_0000 | u32::from(mtu))
    }

    /// "Packet too big" (RFC 4443 section 3.2).
    #[inline(always)]
    pub fn packet_too_big(mtu: u16) -> Self {
        Self(0x0200_0000 | u32::from(mtu))
    }

    /// "Port unreachable" (RFC 792).
    pub const PORT_UNREACHABLE_V4: Self = Self(0x0303_0000);

    /// "Port unreachable" (RFC 4443 section 3.1).
    pub const PORT_UNREACHABLE_V6: Self = Self(0x0104_0000);

    /// The ICMP header.
    #[inline(always)]
    fn header(self, [checksum_high, checksum_low]: [u8; 2]) -> [u8; ICMP_LENGTH] {
        let [kind, code, high, low] = self.0.to_be_bytes();
        [kind, code, checksum_high, checksum_low, 0, 0, high, low]
    }
}

/// Turns an IPv4 packet of `length` bytes that starts at `ip` into an error about it, with so many bytes of it.
#[inline(never)]
pub fn reply_v4<const QUOTE: usize>(
    packet: &Packet<'_>,
    ip: usize,
    length: usize,
    message: Message,
) -> Result<(), OutOfBounds> {
    let at = ip & 31;
    check(packet, at, length, QUOTE)?;
    let Copied([source, destination]): Copied<[[u8; 4]; 2]> = packet.read(at + 12)?;
    let quoted = packet.sum(at, QUOTE, 0)?;
    let (link, addresses) = (Link::read(packet, at)?, packet.addresses_back()?);
    packet.grow_head(HEADERS_V4)?;
    link.write(packet, addresses)?;
    // Class: internetwork control (RFC 1812 section 4.3.2.5); identification 0 and "don't fragment" (RFC 6864).
    let [a, b, c, d] = (0x45c0_0000 + (HEADERS_V4 + QUOTE) as u32).to_be_bytes();
    let words = 0x45c0 + (HEADERS_V4 + QUOTE) as u64 + 0x4000 + u64::from(HOP_LIMIT) * 256 + 1;
    let addresses = u64::from(u32::from_be_bytes(source)) + u64::from(u32::from_be_bytes(destination));
    let [high, low] = checksum::of_parts(words + addresses, 0);
    packet.write(at, [a, b, c, d, 0, 0, 0x40, 0])?;
    packet.write(at + 8, [HOP_LIMIT, protocol::ICMP, high, low])?;
    packet.write(at + 12, [destination, source])?;
    packet.write(at + 20, message.header(checksum::of_parts(u64::from(message.0), quoted)))?;
    packet.truncate(at + HEADERS_V4 + QUOTE)
}

/// As above, for IPv6.
#[inline(never)]
pub fn reply_v6<const QUOTE: usize>(
    packet: &Packet<'_>,
    ip: usize,
    length: usize,
    message: Message,
) -> Result<(), OutOfBounds> {
    /// Most that the kernel sums at once.
    const CHUNK: usize = 512;
    let at = ip & 31;
    check(packet, at, length, QUOTE)?;
    let Copied([source, destination]): Copied<[[u8; 16]; 2]> = packet.read(at + 8)?;
    let mut quoted = packet.sum(at, QUOTE.min(CHUNK), 0)?;
    if QUOTE > CHUNK {
        quoted = packet.sum(at + CHUNK, CHUNK, quoted)?;
        quoted = packet.sum(at + 2 * CHUNK, QUOTE - 2 * CHUNK, quoted)?;
    }
    // Of the pseudo-header: the addresses, which are the quoted ones the other way round.
    quoted = packet.sum(at + 8, 32, quoted)?;
    let (link, addresses) = (Link::read(packet, at)?, packet.addresses_back()?);
    packet.grow_head(HEADERS_V6)?;
    link.write(packet, addresses)?;
    let [length_high, length_low] = ((ICMP_LENGTH + QUOTE) as u16).to_be_bytes();
    packet.write(at, [0x60, 0, 0, 0, length_high, length_low, protocol::ICMP_V6, HOP_LIMIT])?;
    packet.write(at + 8, [destination, source])?;
    let pseudo = (ICMP_LENGTH + QUOTE) as u64 + u64::from(protocol::ICMP_V6);
    packet.write(at + 40, message.header(checksum::of_parts(u64::from(message.0) + pseudo, quoted)))?;
    packet.truncate(at + HEADERS_V6 + QUOTE)
}

/// Whether there is as much as is to be quoted, and an error left.
#[inline(always)]
fn check(packet: &Packet<'_>, at: usize, length: usize, quote: usize) -> Result<(), OutOfBounds> {
    if length < quote || !packet.is_linear_to(at + quote) || !spend() { Err(OutOfBounds) } else { Ok(()) }
}

/// One error of this CPU's, if it has any left in this tick.
#[inline(always)]
fn spend() -> bool {
    let Some(spent) = maps::ERRORS.get_ptr_mut(0) else { return false };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    let spent = unsafe { &mut *spent };
    let now = steer::now();
    let errors = if spent.tick == now { spent.errors } else { 0 } + 1;
    trace::make(Effect::ErrorSpent, || (spent.tick, spent.errors) = (now, errors));
    errors <= ERRORS_PER_TICK.load()
}
