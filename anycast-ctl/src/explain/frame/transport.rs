//! What an IP packet that is made up carries: TCP, UDP, or an echo request.

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, TcpHeader, UdpHeader};

use super::{
    QuestionError,
    ip::{Ip, octets_v6},
    kind_label,
};
use crate::{
    api::types::PacketKind,
    explain::{Endpoint, Protocol, Target},
};

/// A QUIC version 1 Initial as far as its type: long header, version, and two connection ids without a byte (RFC 9000
/// section 17.2.2).
const QUIC_INITIAL: [u8; 7] = [0xc0, 0, 0, 0, 1, 0, 0];

/// A number that looks like one.
const SEQUENCE: u32 = 1_000;

/// Bytes of the transport header.
pub fn header_bytes(target: &Target) -> usize {
    match target.protocol {
        Protocol::Tcp => TcpHeader::MIN_LEN,
        Protocol::Udp | Protocol::Icmp => UdpHeader::LEN,
    }
}

/// Header and at least `filled` bytes behind it.
pub fn body(
    ip: &Ip,
    from: &Endpoint,
    target: &Target,
    kind: Option<PacketKind>,
    filled: usize,
) -> Result<Vec<u8>, QuestionError> {
    let ports = (from.port.unwrap_or_default(), target.endpoint.port.unwrap_or_default());
    match target.protocol {
        Protocol::Tcp => tcp(ip, ports, kind.unwrap_or(PacketKind::Ack), &vec![0; filled]),
        Protocol::Udp => {
            let payload = match kind.unwrap_or(PacketKind::Datagram) {
                PacketKind::Datagram => vec![0; filled],
                PacketKind::QuicInitial => {
                    let mut payload = QUIC_INITIAL.to_vec();
                    payload.resize(filled.max(QUIC_INITIAL.len()), 0);
                    payload
                }
                kind @ (PacketKind::Syn | PacketKind::Ack | PacketKind::Fin | PacketKind::Rst) => {
                    return Err(QuestionError::Kind {
                        asked: kind_label(kind),
                        protocol: Protocol::Udp,
                        instead: "leave it out, or ask about a QUIC Initial",
                    });
                }
            };
            Ok(udp(ip, ports, &payload))
        }
        Protocol::Icmp => match kind {
            None => Ok(echo(ip, &vec![0; filled])),
            Some(kind) => Err(QuestionError::Kind {
                asked: kind_label(kind),
                protocol: Protocol::Icmp,
                instead: "without it an echo request is asked about; errors quote tcp or udp, so name that",
            }),
        },
    }
}

/// A TCP segment.
pub fn tcp(
    ip: &Ip,
    (source, destination): (u16, u16),
    kind: PacketKind,
    payload: &[u8],
) -> Result<Vec<u8>, QuestionError> {
    let mut header = TcpHeader::new(source, destination, SEQUENCE, u16::MAX);
    match kind {
        PacketKind::Syn => header.syn = true,
        PacketKind::Ack => header.ack = true,
        PacketKind::Fin => (header.fin, header.ack) = (true, true),
        PacketKind::Rst => header.rst = true,
        PacketKind::Datagram | PacketKind::QuicInitial => {
            return Err(QuestionError::Kind {
                asked: kind_label(kind),
                protocol: Protocol::Tcp,
                instead: "ask about a SYN, an ACK, a FIN or a RST",
            });
        }
    }
    if header.ack {
        header.acknowledgment_number = SEQUENCE;
    }
    // Payloads fit: they are shorter than an IP packet.
    header.checksum = match (ip.source, ip.destination) {
        (std::net::IpAddr::V4(source), std::net::IpAddr::V4(destination)) => {
            header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload).unwrap_or_default()
        }
        (source, destination) => header
            .calc_checksum_ipv6_raw(octets_v6(source), octets_v6(destination), payload)
            .unwrap_or_default(),
    };
    Ok([&header.to_bytes()[..], payload].concat())
}

/// A UDP datagram.
pub fn udp(ip: &Ip, (source_port, destination_port): (u16, u16), payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(UdpHeader::LEN + payload.len()).unwrap_or(u16::MAX);
    let mut header = UdpHeader { source_port, destination_port, length, checksum: 0 };
    header.checksum = match (ip.source, ip.destination) {
        (std::net::IpAddr::V4(source), std::net::IpAddr::V4(destination)) => {
            header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload).unwrap_or_default()
        }
        (source, destination) => header
            .calc_checksum_ipv6_raw(octets_v6(source), octets_v6(destination), payload)
            .unwrap_or_default(),
    };
    [&header.to_bytes()[..], payload].concat()
}

/// An echo request.
fn echo(ip: &Ip, payload: &[u8]) -> Vec<u8> {
    let about = IcmpEchoHeader { id: 1, seq: 1 };
    if ip.destination.is_ipv4() {
        let header = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(about), payload);
        return [&header.to_bytes()[..], payload].concat();
    }
    icmp_v6(ip, Icmpv6Type::EchoRequest(about), payload)
}

/// An ICMPv6 message.
pub fn icmp_v6(ip: &Ip, kind: Icmpv6Type, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = (octets_v6(ip.source), octets_v6(ip.destination));
    // Payloads fit: they are shorter than an IP packet.
    let checksum = kind.calc_checksum(source, destination, payload).unwrap_or_default();
    [&Icmpv6Header { icmp_type: kind, checksum }.to_bytes()[..], payload].concat()
}
