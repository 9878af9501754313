//! Packets that do not fit the way to their backend: their senders are told what does (RFC 1191, RFC 8201).

use anycast_common::{
    detail::Detail,
    directory::Vip,
    packet::{Copied, PacketBytes},
    parse::{self, IpHeader, protocol},
    reason::Reason,
};

use crate::{
    count,
    icmp::error::{self, MAX_QUOTE_V6, MIN_MTU, Message},
    packet::Packet,
};

/// What an IPv4 error quotes: the whole is at most 576 bytes (RFC 1812 section 4.3.2.3).
const QUOTE_V4: usize = 512;

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
    let told = if H::PROTOCOL == protocol::IPV4 {
        error::reply_v4::<QUOTE_V4>(packet, ip.offset, ip.length, Message::fragmentation_needed(mtu))
    } else if usize::from(mtu) < MIN_MTU {
        // Every link takes as much: a smaller MTU is not believed (RFC 8201 section 4).
        return Reason::TooBig;
    } else {
        error::reply_v6::<MAX_QUOTE_V6>(packet, ip.offset, ip.length, Message::packet_too_big(mtu))
    };
    told.map_or(Reason::TooBig, |()| Reason::TooBigAnswered)
}

/// Whether routers may fragment it. They may not tell its sender then, but a sender that listens all the same mends its ways.
#[inline(always)]
fn may_fragment<H: IpHeader>(packet: &Packet<'_>, ip: usize) -> bool {
    const DONT_FRAGMENT: u8 = 0x40;
    let Ok(Copied([flags, _])) = packet.read::<[u8; 2]>(ip + 6) else { return false };
    H::PROTOCOL == protocol::IPV4 && flags & DONT_FRAGMENT == 0
}
