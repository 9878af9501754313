//! The frame that a question in words is about, with all lengths and checksums right.

mod icmp;
mod ip;
mod transport;

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, Ethernet2Header, SingleVlanHeader, VlanId, VlanPcp};

use super::{Endpoint, Protocol, Target};
use crate::api::types::{ExplainQuestion, Fragment, PacketKind};

use self::ip::Ip;

/// Ethernet destination and source of frames that are made up: locally administered.
const MACS: [[u8; 6]; 2] = [[0x02, 0, 0, 0, 0, 0x01], [0x02, 0, 0, 0, 0, 0x02]];

/// TTL or hop limit unless another is asked for: Linux's and macOS's.
const HOP_LIMIT: u8 = 64;

/// Bytes of a later fragment unless another length is asked for.
const LATER_BYTES: usize = 8;

/// A question that is about no packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// It is no address.
    #[error(
        "{0} is no address with a port: write 198.51.100.7:40000 or [2001:db8::7]:40000, ports up to 65535; for icmp the \
         address alone"
    )]
    Endpoint(String),
    /// It is no protocol.
    #[error(
        "{0} is no protocol that can be asked about: write /tcp, /udp or /icmp; for another one use a capture, --pcap FILE"
    )]
    Protocol(String),
    /// A port is missing.
    #[error("{0} has no port: write {with_port}/tcp or whichever it is; the port decides where the flow goes", with_port = SocketAddr::new(*.0, 443))]
    NoPort(IpAddr),
    /// The addresses are of different families.
    #[error("{from} and {to} are of different families: a packet has both addresses of one")]
    Families {
        /// The source.
        from: IpAddr,
        /// The destination.
        to: IpAddr,
    },
    /// That kind is another protocol's.
    #[error("{asked} is nothing that {protocol} has: {instead}")]
    Kind {
        /// What was asked for.
        asked: &'static str,
        /// Of what.
        protocol: Protocol,
        /// What could be asked for.
        instead: &'static str,
    },
    /// The packet cannot be that short.
    #[error("a packet of {length} bytes has no room for its headers: {least} are the least")]
    TooShort {
        /// What was asked for.
        length: u16,
        /// What its headers take.
        least: usize,
    },
    /// No VLAN has that id.
    #[error("{0} is no id of a vlan: they go from 0 to 4095")]
    Vlan(u16),
    /// The identification does not fit.
    #[error("fragments of IPv4 share an identification of 16 bits: {0} does not fit")]
    FragmentId(u32),
}

/// The frame of a question.
///
/// # Errors
///
/// What makes it a question about no packet.
pub fn frame(question: &ExplainQuestion) -> Result<Vec<u8>, QuestionError> {
    let target = Target::read(&question.to)?;
    let from = Endpoint::read(&question.from)?;
    if target.protocol != Protocol::Icmp && from.port.is_none() {
        return Err(QuestionError::NoPort(from.address));
    }
    let source = question.router.filter(|_| question.icmp_quoting.is_some()).unwrap_or(from.address);
    let ip = Ip {
        source,
        destination: target.endpoint.address,
        hop_limit: question.ttl.unwrap_or(HOP_LIMIT),
        may_fragment: question.may_fragment,
        fragment: None,
    };
    for other in [from.address, source] {
        if other.is_ipv4() != ip.destination.is_ipv4() {
            return Err(QuestionError::Families { from: other, to: ip.destination });
        }
    }
    let packet = if let Some(error) = question.icmp_quoting {
        icmp::error(&ip, error, &from, &target, question.length)?
    } else if let Some(fragment) = question.fragment {
        fragmented(&ip, fragment, question, &from, &target)?
    } else {
        let headers = ip.header_bytes() + transport::header_bytes(&target);
        let filled = fill(headers, question.length)?;
        ip.carry(target.protocol, transport::body(&ip, &from, &target, question.packet, filled)?)
    };
    Ok([link(&ip, question.vlan)?, packet].concat())
}

/// Bytes that are missing to the wanted length behind headers of so many.
fn fill(headers: usize, length: Option<u16>) -> Result<usize, QuestionError> {
    let Some(length) = length else { return Ok(0) };
    usize::from(length).checked_sub(headers).ok_or(QuestionError::TooShort { length, least: headers })
}

/// A fragment of a packet that is cut in two: the first one ends on a step of 8 bytes.
fn fragmented(
    ip: &Ip,
    fragment: Fragment,
    question: &ExplainQuestion,
    from: &Endpoint,
    target: &Target,
) -> Result<Vec<u8>, QuestionError> {
    let id = question.fragment_id.unwrap_or(1);
    if ip.destination.is_ipv4() && id > u32::from(u16::MAX) {
        return Err(QuestionError::FragmentId(id));
    }
    let at = |steps: u16, more: bool| Ip { fragment: Some((id, steps, more)), ..ip.clone() };
    let transport_bytes = transport::header_bytes(target);
    let first = at(0, true);
    let filled = match fragment {
        Fragment::First => fill(first.header_bytes() + transport_bytes, question.length)?,
        Fragment::Later => 0,
    };
    let cut = (transport_bytes + filled).next_multiple_of(8);
    let later = match fragment {
        Fragment::First => LATER_BYTES,
        Fragment::Later if question.length.is_some() => fill(first.header_bytes(), question.length)?.max(1),
        Fragment::Later => LATER_BYTES,
    };
    let whole = transport::body(ip, from, target, question.packet, cut - transport_bytes + later)?;
    let (front, back) = whole.split_at(cut.min(whole.len()));
    Ok(match fragment {
        Fragment::First => first.carry(target.protocol, front.to_vec()),
        Fragment::Later => at((cut / 8) as u16, false).carry(target.protocol, back.to_vec()),
    })
}

/// The Ethernet header, and a tag if there is one.
fn link(ip: &Ip, vlan: Option<u16>) -> Result<Vec<u8>, QuestionError> {
    let [destination, source] = MACS;
    let of_ip = if ip.destination.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 };
    let ether_type = if vlan.is_some() { EtherType::VLAN_TAGGED_FRAME } else { of_ip };
    let mut bytes = Ethernet2Header { source, destination, ether_type }.to_bytes().to_vec();
    if let Some(id) = vlan {
        let vlan_id = VlanId::try_new(id).map_err(|_| QuestionError::Vlan(id))?;
        let tag = SingleVlanHeader {
            pcp: VlanPcp::ZERO,
            drop_eligible_indicator: false,
            vlan_id,
            ether_type: of_ip,
        };
        bytes.extend(tag.to_bytes());
    }
    Ok(bytes)
}

/// What a packet is called in messages.
const fn kind_label(kind: PacketKind) -> &'static str {
    match kind {
        PacketKind::Syn => "a SYN",
        PacketKind::Ack => "an ACK",
        PacketKind::Fin => "a FIN",
        PacketKind::Rst => "a RST",
        PacketKind::Datagram => "a datagram",
        PacketKind::QuicInitial => "a QUIC Initial",
    }
}

#[cfg(test)]
mod tests;
