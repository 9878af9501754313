//! Packets that do not fit the way to their backend: their senders are told what does (RFC 1191, RFC 8201).

use anycast_common::{
    checksum::fold,
    detail::Detail,
    directory::Vip,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::{self, IpHeader, protocol},
    reason::Reason,
};
use aya_ebpf::Global;

use super::link::Link;
use crate::{count, icmp::HOP_LIMIT, maps, packet::Packet, steer};

/// ICMP errors that a CPU may send in a tick. Set by the controller when it loads the program.
#[unsafe(no_mangle)]
static ERRORS_PER_TICK: Global<u32> = Global::new(0);

/// Bytes of an ICMP header.
const ICMP_LENGTH: usize = 8;

/// Turns a packet into the error that tells its sender the MTU, if one may be sent about it: not to a source that nobody has; not
/// about a frame to many, an ICMP error, or a fragment but the first (RFC 1122 section 3.2.2). IPv6 tells about every fragment
/// (RFC 4443 section 2.4).
///
/// Out of line, and parsed again: what the walk knows by now, it would have to keep for every packet.
#[inline(never)]
pub fn answer<H: IpHeader>(packet: &Packet<'_>, offset: usize, vip: &Vip, mtu: u16) -> Reason {
    let Ok(ip) = H::parse(packet, offset & 31) else { return Reason::TooBig };
    let Ok(upper) = parse::upper(packet, &ip) else { return Reason::TooBig };
    if may_fragment::<H>(packet, ip.offset) {
        count::detail(vip, Detail::TooBigMayFragment);
    }
    // No other ICMP message than errors is delivered.
    let is_quotable = upper.protocol != H::ICMP && ip.fragment & 0x1fff == 0;
    if !is_quotable || !ip.source.is_answerable() {
        return Reason::TooBig;
    }
    if H::PROTOCOL == protocol::IPV6 {
        reply_v6(packet, ip.offset, ip.length, mtu)
    } else {
        reply_v4(packet, ip.offset, ip.length, mtu)
    }
}

/// Whether routers may fragment it. They may not tell its sender then, but a sender that listens all the same mends its ways.
#[inline(always)]
fn may_fragment<H: IpHeader>(packet: &Packet<'_>, ip: usize) -> bool {
    const DONT_FRAGMENT: u8 = 0x40;
    let Ok(Copied([flags, _])) = packet.read::<[u8; 2]>(ip + 6) else { return false };
    H::PROTOCOL == protocol::IPV4 && flags & DONT_FRAGMENT == 0
}

/// One error of this CPU's, if it has any left in this tick.
#[inline(always)]
fn spend() -> bool {
    let Some(spent) = maps::ERRORS.get_ptr_mut(0) else { return false };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    let spent = unsafe { &mut *spent };
    let now = steer::now();
    if spent.tick != now {
        (spent.tick, spent.errors) = (now, 0);
    }
    spent.errors += 1;
    spent.errors <= ERRORS_PER_TICK.load()
}

/// "Fragmentation needed" (RFC 1191 section 4).
#[inline(never)]
fn reply_v4(packet: &Packet<'_>, ip: usize, length: usize, mtu: u16) -> Reason {
    /// The whole is at most 576 bytes (RFC 1812 section 4.3.2.3).
    const QUOTE: usize = 512;
    const HEADERS: usize = 20 + ICMP_LENGTH;
    let at = ip & 31;
    if length < QUOTE || !packet.is_linear_to(at + QUOTE) || !spend() {
        return Reason::TooBig;
    }
    let reply = || {
        let Copied([source, destination]): Copied<[[u8; 4]; 2]> = packet.read(at + 12)?;
        let quoted = packet.sum::<QUOTE>(at, 0)?;
        let (link, addresses) = (Link::read(packet, at)?, back(packet)?);
        packet.grow_head(HEADERS)?;
        link.write(packet, addresses)?;
        // Class: internetwork control (RFC 1812 section 4.3.2.5); identification 0 and "don't fragment" (RFC 6864).
        let [a, b, c, d] = (0x45c0_0000 + (HEADERS + QUOTE) as u32).to_be_bytes();
        let words = 0x45c0 + (HEADERS + QUOTE) as u64 + 0x4000 + u64::from(HOP_LIMIT) * 256 + 1;
        let addresses = u64::from(u32::from_be_bytes(source)) + u64::from(u32::from_be_bytes(destination));
        let [high, low] = checksum(words + addresses, 0);
        packet.write(at, [a, b, c, d, 0, 0, 0x40, 0])?;
        packet.write(at + 8, [HOP_LIMIT, protocol::ICMP, high, low])?;
        packet.write(at + 12, [destination, source])?;
        let [mtu_high, mtu_low] = mtu.to_be_bytes();
        let [high, low] = checksum(0x0304 + u64::from(mtu), quoted);
        packet.write(at + 20, [3, 4, high, low, 0, 0, mtu_high, mtu_low])?;
        packet.truncate(at + HEADERS + QUOTE)
    };
    reply().map_or(Reason::TooBig, |()| Reason::TooBigAnswered)
}

/// "Packet too big" (RFC 4443 section 3.2).
#[inline(never)]
fn reply_v6(packet: &Packet<'_>, ip: usize, length: usize, mtu: u16) -> Reason {
    /// Every link takes as much: a smaller MTU is not believed (RFC 8201 section 4), and the whole is no longer than this.
    const MIN_MTU: usize = 1280;
    const HEADERS: usize = 40 + ICMP_LENGTH;
    const CHUNK: usize = 512;
    const QUOTE: usize = MIN_MTU - HEADERS;
    let at = ip & 31;
    if usize::from(mtu) < MIN_MTU || length < QUOTE || !packet.is_linear_to(at + QUOTE) || !spend() {
        return Reason::TooBig;
    }
    let reply = || {
        let Copied([source, destination]): Copied<[[u8; 16]; 2]> = packet.read(at + 8)?;
        let mut quoted = packet.sum::<CHUNK>(at, 0)?;
        quoted = packet.sum::<CHUNK>(at + CHUNK, quoted)?;
        quoted = packet.sum::<{ QUOTE - 2 * CHUNK }>(at + 2 * CHUNK, quoted)?;
        // Of the pseudo-header: the addresses, which are the quoted ones the other way round.
        quoted = packet.sum::<32>(at + 8, quoted)?;
        let (link, addresses) = (Link::read(packet, at)?, back(packet)?);
        packet.grow_head(HEADERS)?;
        link.write(packet, addresses)?;
        let [length_high, length_low] = ((ICMP_LENGTH + QUOTE) as u16).to_be_bytes();
        packet.write(at, [0x60, 0, 0, 0, length_high, length_low, protocol::ICMP_V6, HOP_LIMIT])?;
        packet.write(at + 8, [destination, source])?;
        let [mtu_high, mtu_low] = mtu.to_be_bytes();
        let pseudo = (ICMP_LENGTH + QUOTE) as u64 + u64::from(protocol::ICMP_V6);
        let [high, low] = checksum(0x0200 + u64::from(mtu) + pseudo, quoted);
        packet.write(at + 40, [2, 0, high, low, 0, 0, mtu_high, mtu_low])?;
        packet.truncate(at + HEADERS + QUOTE)
    };
    reply().map_or(Reason::TooBig, |()| Reason::TooBigAnswered)
}

/// A checksum, of a sum of words in host order and one in memory order (RFC 1071 section 2, B: it can be turned round).
#[inline(always)]
fn checksum(words: u64, quoted: u32) -> [u8; 2] {
    let quoted = fold(u64::from(quoted)).swap_bytes();
    (!fold(words + u64::from(quoted))).to_be_bytes()
}

/// The addresses of a frame that goes back where this one came from.
#[inline(always)]
fn back(packet: &Packet<'_>) -> Result<([u8; 8], [u8; 4]), OutOfBounds> {
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = packet.unicast_macs()?;
    Ok(([g, h, i, j, k, l, a, b], [c, d, e, f]))
}
