//! ICMP (RFC 792) and ICMPv6 (RFC 4443): echo requests, and errors with the packet they quote.

use super::{
    Ip, IpHeader, Transport, Upper,
    protocol::{TCP, UDP},
    transport::skip_options,
};
use crate::{
    directory::Vip,
    flow::Flow,
    packet::{Copied, PacketBytes},
    reason::Reason,
    steer::Kind,
};

/// Bytes of an ICMP header: type, code, checksum, and four bytes that depend on the type.
pub const ICMP_LENGTH: usize = 8;

/// An ICMP message to a VIP that somebody here can do something with.
pub enum Message {
    /// An echo request.
    EchoRequest,
    /// An error about a packet that the VIP sent: the flow that packet answers.
    Error(Transport),
}

/// The message of a packet that is a VIP's and no fragment.
#[inline(always)]
pub fn icmp<H: IpHeader>(
    packet: &impl PacketBytes,
    ip: &Ip<H>,
    upper: &Upper,
    vip: &Vip,
) -> Result<Message, Reason> {
    if upper.fragment != 0 {
        return Err(Reason::Icmp);
    }
    if upper.offset + ICMP_LENGTH > ip.end() {
        return Err(Reason::Truncated);
    }
    let Copied([kind, _]) = packet.read::<[u8; 2]>(upper.offset).map_err(|_| Reason::Truncated)?;
    if kind == H::ECHO_REQUEST && vip.flags & Vip::ANSWER_ECHO != 0 {
        Ok(Message::EchoRequest)
    } else if H::is_error(kind) {
        quoted(packet, ip, upper.offset + ICMP_LENGTH, vip).map(Message::Error)
    } else {
        Err(Reason::Icmp)
    }
}

/// The flow of the quoted packet, the other way round. Eight bytes of its transport header are all that RFC 792 promises, and
/// the ports are the first four.
#[inline(always)]
fn quoted<H: IpHeader>(
    packet: &impl PacketBytes,
    ip: &Ip<H>,
    offset: usize,
    vip: &Vip,
) -> Result<Transport, Reason> {
    let quote = H::parse(packet, offset).map_err(|_| Reason::BadQuote)?;
    if quote.header_length < H::LENGTH || quote.source != ip.destination {
        return Err(Reason::BadQuote);
    }
    let upper = skip_options(packet, &quote).map_err(|_| Reason::BadQuote)?;
    if upper.is_later_fragment() || upper.offset + 4 > ip.end() {
        return Err(Reason::BadQuote);
    }
    let Copied([a, b, c, d]) = packet.read::<[u8; 4]>(upper.offset).map_err(|_| Reason::BadQuote)?;
    let flow = Flow {
        source: quote.destination,
        destination: quote.source,
        source_port: u16::from_be_bytes([c, d]),
        destination_port: u16::from_be_bytes([a, b]),
        protocol: upper.protocol,
    };
    let kind = match upper.protocol {
        TCP => Kind::Ends,
        UDP if vip.flags & Vip::UDP_PINNED != 0 => Kind::Reports,
        UDP if vip.flags & Vip::UDP_QUIC != 0 => Kind::Ends,
        UDP => Kind::Datagram,
        _ => return Err(Reason::BadQuote),
    };
    Ok(Transport { flow, kind })
}
