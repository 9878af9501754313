//! TCP (RFC 9293) and UDP (RFC 768) headers, and what else may follow an IP header.

use anycast_common::{directory::Vip, flow::Flow, reason::Reason, steer::Kind};
use network_types::{tcp::TcpHdr, udp::UdpHdr};

use super::{Ip, IpHeader};
use crate::packet::Packet;

/// IANA protocol numbers.
mod protocol {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const AUTHENTICATION: u8 = 51;
    pub const ICMP_V6: u8 = 58;
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// What the walk needs of a transport header.
pub struct Transport {
    /// The packet's flow. Protocols without ports have port 0, which no service names.
    pub flow: Flow,
    /// What the packet means for it.
    pub kind: Kind,
}

/// The transport header of a packet that is a VIP's.
#[inline(always)]
pub fn transport<H: IpHeader>(packet: &Packet<'_>, ip: &Ip<H>, vip: &Vip) -> Result<Transport, Reason> {
    let (length, header_length) = (ip.length, ip.header_length);
    if header_length < H::LENGTH || length < header_length || !packet.has_length(ip.offset + length) {
        return Err(Reason::BadHeader);
    }
    if ip.is_fragment {
        return Err(Reason::Fragment);
    }
    let room = length - header_length;
    let offset = ip.offset + header_length;
    match ip.protocol {
        protocol::TCP => tcp(packet, ip, offset, room),
        protocol::UDP => udp(packet, ip, vip, offset, room),
        protocol::ICMP | protocol::ICMP_V6 => Err(Reason::Icmp),
        protocol::FRAGMENT => Err(Reason::Fragment),
        protocol::HOP_BY_HOP
        | protocol::ROUTING
        | protocol::AUTHENTICATION
        | protocol::DESTINATION_OPTIONS => Err(Reason::ExtensionHeader),
        _ => Ok(Transport { flow: flow(ip, 0, 0), kind: Kind::Datagram }),
    }
}

#[inline(always)]
fn tcp<H: IpHeader>(
    packet: &Packet<'_>,
    ip: &Ip<H>,
    offset: usize,
    room: usize,
) -> Result<Transport, Reason> {
    if room < TcpHdr::LEN {
        return Err(Reason::Truncated);
    }
    let header: TcpHdr = packet.read(offset).map_err(|_| Reason::Truncated)?;
    let flow = flow(ip, u16::from_be_bytes(header.source), u16::from_be_bytes(header.dest));
    let kind = if header.syn() != 0 && header.ack() == 0 {
        Kind::Opens
    } else if header.rst() != 0 || header.fin() != 0 {
        Kind::Ends
    } else {
        Kind::Continues
    };
    Ok(Transport { flow, kind })
}

#[inline(always)]
fn udp<H: IpHeader>(
    packet: &Packet<'_>,
    ip: &Ip<H>,
    vip: &Vip,
    offset: usize,
    room: usize,
) -> Result<Transport, Reason> {
    if room < UdpHdr::LEN {
        return Err(Reason::Truncated);
    }
    let header: UdpHdr = packet.read(offset).map_err(|_| Reason::Truncated)?;
    let flow = flow(ip, u16::from_be_bytes(header.src), u16::from_be_bytes(header.dst));
    let kind = if vip.flags & Vip::UDP_PINNED != 0 {
        Kind::Pinned
    } else if vip.flags & Vip::UDP_QUIC != 0 {
        quic(packet, offset + UdpHdr::LEN, room - UdpHdr::LEN)
    } else {
        Kind::Datagram
    };
    Ok(Transport { flow, kind })
}

/// QUIC's invariants (RFC 8999): a long header has the top bit set and the version in the next four bytes. An Initial's type
/// is 0 in version 1 (RFC 9000 section 17.2.2) and 1 in version 2 (RFC 9369 section 3.2).
#[inline(always)]
fn quic(packet: &Packet<'_>, offset: usize, room: usize) -> Kind {
    const LONG_HEADER: u8 = 0x80;
    const VERSION_2: u32 = 0x6b33_43cf;
    if room < 5 {
        return Kind::Continues;
    }
    let Ok([first, a, b, c, d]) = packet.read::<[u8; 5]>(offset) else { return Kind::Continues };
    let initial = if u32::from_be_bytes([a, b, c, d]) == VERSION_2 { 1 } else { 0 };
    if first & LONG_HEADER != 0 && first >> 4 & 3 == initial { Kind::Opens } else { Kind::Continues }
}

#[inline(always)]
fn flow<H: IpHeader>(ip: &Ip<H>, source_port: u16, destination_port: u16) -> Flow {
    Flow {
        source: ip.source,
        destination: ip.destination,
        source_port,
        destination_port,
        protocol: ip.protocol,
    }
}
