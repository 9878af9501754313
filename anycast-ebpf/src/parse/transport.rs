//! TCP (RFC 9293) and UDP (RFC 768) headers, and what else may follow an IP header.

use anycast_common::{flow::Flow, reason::Reason};
use network_types::{ip::Ipv4Hdr, tcp::TcpHdr, udp::UdpHdr};

use super::Ip;
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
    /// Whether the packet opens a flow: TCP SYN without ACK.
    pub opens_flow: bool,
}

/// The transport header of a packet that is a VIP's.
#[inline(always)]
pub fn transport(packet: &Packet<'_>, ip: &Ip) -> Result<Transport, Reason> {
    if ip.header_length < Ipv4Hdr::LEN
        || ip.length < ip.header_length
        || !packet.has_length(ip.offset + ip.length)
    {
        return Err(Reason::BadHeader);
    }
    if ip.is_fragment {
        return Err(Reason::Fragment);
    }
    let room = ip.length - ip.header_length;
    let offset = ip.offset + ip.header_length;
    match ip.protocol {
        protocol::TCP => tcp(packet, ip, offset, room),
        protocol::UDP => udp(packet, ip, offset, room),
        protocol::ICMP | protocol::ICMP_V6 => Err(Reason::Icmp),
        protocol::FRAGMENT => Err(Reason::Fragment),
        protocol::HOP_BY_HOP
        | protocol::ROUTING
        | protocol::AUTHENTICATION
        | protocol::DESTINATION_OPTIONS => Err(Reason::ExtensionHeader),
        _ => Ok(Transport { flow: flow(ip, 0, 0), opens_flow: false }),
    }
}

#[inline(always)]
fn tcp(packet: &Packet<'_>, ip: &Ip, offset: usize, room: usize) -> Result<Transport, Reason> {
    if room < TcpHdr::LEN {
        return Err(Reason::Truncated);
    }
    let header: TcpHdr = packet.read(offset).map_err(|_| Reason::Truncated)?;
    let flow = flow(ip, u16::from_be_bytes(header.source), u16::from_be_bytes(header.dest));
    Ok(Transport { flow, opens_flow: header.syn() != 0 && header.ack() == 0 })
}

#[inline(always)]
fn udp(packet: &Packet<'_>, ip: &Ip, offset: usize, room: usize) -> Result<Transport, Reason> {
    if room < UdpHdr::LEN {
        return Err(Reason::Truncated);
    }
    let header: UdpHdr = packet.read(offset).map_err(|_| Reason::Truncated)?;
    let flow = flow(ip, u16::from_be_bytes(header.src), u16::from_be_bytes(header.dst));
    Ok(Transport { flow, opens_flow: false })
}

#[inline(always)]
fn flow(ip: &Ip, source_port: u16, destination_port: u16) -> Flow {
    Flow {
        source: ip.source,
        destination: ip.destination,
        source_port,
        destination_port,
        protocol: ip.protocol,
    }
}
