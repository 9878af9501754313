//! Packets to a pool with nobody left: they are dropped, passed or refused, as its `on_empty` says.

use anycast_common::{
    checksum,
    directory::Vip,
    packet::{Copied, OutOfBounds, PacketBytes},
    parse::{self, Ip, IpHeader, Link, MAX_OFFSET, Upper, protocol},
    reason::Reason,
    reset,
};
use aya_ebpf::programs::XdpContext;
use network_types::{
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
};

use crate::{
    icmp::{
        HOP_LIMIT,
        error::{self, Message},
    },
    maps,
    packet::{Packet, Window},
    vip,
    walk::Refusal,
};

/// Bytes of UDP that an error quotes: the header.
const UDP_LENGTH: usize = 8;

/// What becomes of a packet that was not steered, if that is for want of a backend. At the end of the walk, where all its ways have
/// met: the verifier follows each of them through what it calls.
#[inline(always)]
pub fn judge(ctx: &XdpContext, refusal: Refusal) -> Refusal {
    if refusal.reason == Reason::NoBackend { Refusal { reason: instead(ctx), ..refusal } } else { refusal }
}

/// Out of line, and parsed again: what the walk knew, it would have had to keep for every packet.
#[inline(never)]
fn instead(ctx: &XdpContext) -> Reason {
    let packet = Packet::new(ctx);
    let Ok(Link { length, ether_type }) = parse::link(&packet) else { return Reason::NoBackend };
    // Or the verifier would follow one tag and none apart.
    let offset = packet.forgotten(length as u64) as usize & 31;
    let outcome = if ether_type == Ipv4Hdr::ETHER_TYPE {
        outcome::<Ipv4Hdr>(&packet, offset)
    } else {
        outcome::<Ipv6Hdr>(&packet, offset)
    };
    outcome.unwrap_or(Reason::NoBackend)
}

/// As the policy says, of the directory that is in use by now: what a packet learns of it does not depend on the rest of its walk.
#[inline(always)]
fn outcome<H: IpHeader>(packet: &Packet<'_>, offset: usize) -> Result<Reason, Reason> {
    let ip = H::parse(packet, offset)?;
    let lookups = maps::lookups().ok_or(Reason::NoBackend)?;
    let vip = vip::find(vip::directory(lookups), &ip)?;
    if vip.flags & Vip::PASS_EMPTY != 0 {
        Ok(Reason::EmptyPassed)
    } else if vip.flags & Vip::REFUSE_EMPTY != 0 {
        refuse(packet, &ip)
    } else {
        Err(Reason::NoBackend)
    }
}

/// Answers as a host does where nobody listens: TCP by a RST, UDP by "port unreachable". Not answered are a source that nobody has,
/// a frame to many, a fragment, and an ICMP error. A RST is at most as long as what it answers, so that nothing bounds how many
/// there are.
#[inline(always)]
fn refuse<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>) -> Result<Reason, Reason> {
    let upper = parse::upper(packet, ip)?;
    if upper.fragment != 0 || !ip.source.is_answerable() {
        return Err(Reason::NoBackend);
    }
    let (answered, reason) = match upper.protocol {
        protocol::TCP => {
            (reset::<H>(packet, ip.offset, upper.offset, ip.end() - upper.offset), Reason::EmptyReset)
        }
        protocol::UDP => (unreachable(packet, ip, &upper), Reason::EmptyUnreachable),
        _ => return Err(Reason::NoBackend),
    };
    answered.map(|()| reason).map_err(|OutOfBounds| Reason::NoBackend)
}

/// "Port unreachable", with no more of the datagram than its sender knows it by: whoever is not its sender is to get little more
/// than was sent in his name. One with options or extension headers, which a quote would have to include, gets none.
#[inline(always)]
fn unreachable<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, upper: &Upper) -> Result<(), OutOfBounds> {
    if upper.offset != ip.offset + H::LENGTH {
        Err(OutOfBounds)
    } else if H::PROTOCOL == protocol::IPV4 {
        error::reply_v4::<{ 20 + UDP_LENGTH }>(packet, ip.offset, ip.length, Message::PORT_UNREACHABLE_V4)
    } else {
        error::reply_v6::<{ 40 + UDP_LENGTH }>(packet, ip.offset, ip.length, Message::PORT_UNREACHABLE_V6)
    }
}

/// A RST in place of a segment of `length` bytes that starts at `tcp`, of the IP packet that starts at `ip`, without the options
/// and extension headers of either.
#[inline(never)]
fn reset<H: IpHeader>(packet: &Packet<'_>, ip: usize, tcp: usize, length: usize) -> Result<(), OutOfBounds> {
    // Everything is checked first: what cannot be answered stays as it came.
    let at = ip & 31;
    let Copied(segment): Copied<TcpHdr> = packet.read(tcp & MAX_OFFSET)?;
    let [ports, sequence, acknowledgment, flags] = reset::answer(&segment, length).ok_or(OutOfBounds)?;
    let (front, back) = packet.addresses_back()?;
    let addresses = packet.sum(at + H::ADDRESSES_OFFSET, size_of::<H::Addresses>(), 0)?;
    let ethernet = packet.window(0, 12)?;
    let answer = packet.window(at, H::LENGTH + TcpHdr::LEN)?;

    ethernet.write(0, front)?;
    ethernet.write(front.len(), back)?;
    write_header::<H>(&answer, addresses)?;
    let words = [ports, sequence, acknowledgment, flags];
    for (place, word) in words.into_iter().enumerate() {
        answer.write(H::LENGTH + 4 * place, word.to_be_bytes())?;
    }
    let pseudo = u64::from(protocol::TCP) + TcpHdr::LEN as u64;
    let sum = words.into_iter().fold(pseudo, |sum, word| sum + u64::from(word));
    let [high, low] = checksum::of_parts(sum, addresses);
    answer.write(H::LENGTH + 16, [high, low, 0, 0])?;
    packet.truncate(at + H::LENGTH + TcpHdr::LEN)
}

/// The IP header of a RST, from the VIP to the sender, whose addresses have that sum.
#[inline(always)]
fn write_header<H: IpHeader>(answer: &Window<'_>, addresses: u32) -> Result<(), OutOfBounds> {
    const LENGTH_V4: usize = 20 + TcpHdr::LEN;
    if H::PROTOCOL == protocol::IPV4 {
        let [source, destination]: [[u8; 4]; 2] = answer.read(H::ADDRESSES_OFFSET)?;
        // Identification 0 and "don't fragment" (RFC 6864).
        let words =
            0x4500 + LENGTH_V4 as u64 + 0x4000 + u64::from(HOP_LIMIT) * 256 + u64::from(protocol::TCP);
        let [high, low] = checksum::of_parts(words, addresses);
        answer.write(0, [0x45, 0, 0, LENGTH_V4 as u8, 0, 0, 0x40, 0])?;
        answer.write(8, [HOP_LIMIT, protocol::TCP, high, low])?;
        answer.write(H::ADDRESSES_OFFSET, [destination, source])
    } else {
        let [source, destination]: [[u8; 16]; 2] = answer.read(H::ADDRESSES_OFFSET)?;
        answer.write(0, [0x60, 0, 0, 0, 0, TcpHdr::LEN as u8, protocol::TCP, HOP_LIMIT])?;
        answer.write(H::ADDRESSES_OFFSET, [destination, source])
    }
}
