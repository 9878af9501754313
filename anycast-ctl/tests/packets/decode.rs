//! What etherparse sees in a frame, field by field, and whether every checksum in it is right.

use std::fmt::Display;

use etherparse::{
    Ethernet2Header, IpAuthHeader, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader,
    SingleVlanHeader, TcpHeader, UdpHeader, checksum::Sum16BitWords,
};

/// UDP port of GUE, whose checksum is 0 and whose payload is an IP packet.
const GUE: u16 = 6080;

/// A frame's fields, in their order on the wire.
#[derive(Default)]
pub struct Decoded {
    /// Name and value.
    pub fields: Vec<(String, String)>,
    /// Checksums that do not verify.
    pub wrong: Vec<String>,
}

/// Both addresses of an IP header, as they lie in it.
#[derive(Clone, Copy)]
enum Addresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

/// Decodes a frame, as far as it goes.
pub fn decode(frame: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let Ok((ethernet, mut rest)) = Ethernet2Header::from_slice(frame) else {
        decoded.rest("frame", frame);
        return decoded;
    };
    decoded.field("ethernet", "destination", format_args!("{:02x?}", ethernet.destination));
    decoded.field("ethernet", "source", format_args!("{:02x?}", ethernet.source));
    decoded.field("ethernet", "type", format_args!("{:#06x}", ethernet.ether_type.0));
    let mut ether_type = ethernet.ether_type.0;
    while let (0x8100 | 0x88a8, Ok((tag, behind))) = (ether_type, SingleVlanHeader::from_slice(rest)) {
        decoded.field("tag", "control", format_args!("{:02x?}", &rest[..2]));
        decoded.field("tag", "type", format_args!("{:#06x}", tag.ether_type.0));
        (ether_type, rest) = (tag.ether_type.0, behind);
    }
    match ether_type {
        0x0800 => decoded.v4("ip", rest, true),
        0x86dd => decoded.v6("ip", rest, true),
        _ => decoded.rest("payload", rest),
    }
    decoded
}

impl Decoded {
    fn field(&mut self, layer: &str, name: &str, value: impl Display) {
        self.fields.push((format!("{layer} {name}"), value.to_string()));
    }

    fn rest(&mut self, layer: &str, bytes: &[u8]) {
        self.field(layer, "length", bytes.len());
        for (line, chunk) in bytes.chunks(16).enumerate() {
            self.field(layer, &format!("{:#06x}", line * 16), format_args!("{chunk:02x?}"));
        }
    }

    fn checksum(&mut self, layer: &str, stated: u16, is_right: bool) {
        self.field(
            layer,
            "checksum",
            format_args!("{stated:#06x}{}", if is_right { "" } else { " (wrong)" }),
        );
        if !is_right {
            self.wrong.push(format!("{layer} checksum {stated:#06x}"));
        }
    }

    /// An IPv4 packet; if it is not whole, it is a quote that was cut.
    fn v4(&mut self, layer: &str, bytes: &[u8], whole: bool) {
        let Ok((ip, behind)) = Ipv4Header::from_slice(bytes) else { return self.rest(layer, bytes) };
        self.field(layer, "header bytes", ip.header_len());
        self.field(layer, "class", format_args!("{:#04x}", ip.dscp.value() << 2 | ip.ecn.value()));
        self.field(layer, "total length", ip.total_len);
        self.field(layer, "identification", format_args!("{:#06x}", ip.identification));
        self.field(layer, "don't fragment", ip.dont_fragment);
        self.field(layer, "more fragments", ip.more_fragments);
        self.field(layer, "fragment offset", ip.fragment_offset.value());
        self.field(layer, "ttl", ip.time_to_live);
        self.field(layer, "protocol", ip.protocol.0);
        self.checksum(layer, ip.header_checksum, ip.header_checksum == ip.calc_header_checksum());
        self.field(layer, "source", std::net::Ipv4Addr::from(ip.source));
        self.field(layer, "destination", std::net::Ipv4Addr::from(ip.destination));
        self.field(layer, "options", format_args!("{:02x?}", ip.options.as_slice()));
        let stated = usize::from(ip.total_len).saturating_sub(ip.header_len());
        let complete = whole && stated <= behind.len() || stated == behind.len();
        let (payload, trailer) = behind.split_at(stated.min(behind.len()));
        let addresses = Addresses::V4(ip.source, ip.destination);
        let is_fragment = ip.more_fragments || ip.fragment_offset.value() != 0;
        self.transport(layer, ip.protocol.0, payload, addresses, complete && !is_fragment);
        self.rest(&format!("{layer} trailer"), trailer);
    }

    fn v6(&mut self, layer: &str, bytes: &[u8], whole: bool) {
        let Ok((ip, behind)) = Ipv6Header::from_slice(bytes) else { return self.rest(layer, bytes) };
        self.field(layer, "class", format_args!("{:#04x}", ip.traffic_class));
        self.field(layer, "flow label", format_args!("{:#07x}", ip.flow_label.value()));
        self.field(layer, "payload length", ip.payload_length);
        self.field(layer, "next header", ip.next_header.0);
        self.field(layer, "hop limit", ip.hop_limit);
        self.field(layer, "source", std::net::Ipv6Addr::from(ip.source));
        self.field(layer, "destination", std::net::Ipv6Addr::from(ip.destination));
        let stated = usize::from(ip.payload_length);
        let complete = whole && stated <= behind.len() || stated == behind.len();
        let (mut payload, trailer) = behind.split_at(stated.min(behind.len()));
        let (mut next, mut is_fragment) = (ip.next_header.0, false);
        while !is_fragment {
            let name = format!("{layer} extension {next}");
            let behind = match next {
                0 | 43 | 60 => Ipv6RawExtHeader::from_slice(payload)
                    .ok()
                    .map(|(header, behind)| (header.next_header, behind)),
                51 => IpAuthHeader::from_slice(payload)
                    .ok()
                    .map(|(header, behind)| (header.next_header, behind)),
                44 => Ipv6FragmentHeader::from_slice(payload).ok().map(|(header, behind)| {
                    is_fragment = header.is_fragmenting_payload();
                    (header.next_header, behind)
                }),
                _ => None,
            };
            let Some((header, behind)) = behind else { break };
            self.rest(&name, &payload[..payload.len() - behind.len()]);
            (next, payload) = (header.0, behind);
        }
        let addresses = Addresses::V6(ip.source, ip.destination);
        self.transport(layer, next, payload, addresses, complete && !is_fragment);
        self.rest(&format!("{layer} trailer"), trailer);
    }

    fn transport(&mut self, layer: &str, protocol: u8, bytes: &[u8], addresses: Addresses, complete: bool) {
        let name = |what: &str| format!("{layer} {what}");
        match (protocol, addresses) {
            (6, _) => {
                let Ok((tcp, payload)) = TcpHeader::from_slice(bytes) else {
                    return self.rest(&name("tcp"), bytes);
                };
                let header = TcpHeader { checksum: 0, ..tcp.clone() };
                self.field(&name("tcp"), "header", format_args!("{header:?}"));
                self.sum(&name("tcp"), tcp.checksum, 6, bytes, Some(addresses), complete);
                self.rest(&name("payload"), payload);
            }
            (17, _) => {
                let Ok((udp, payload)) = UdpHeader::from_slice(bytes) else {
                    return self.rest(&name("udp"), bytes);
                };
                self.field(&name("udp"), "source port", udp.source_port);
                self.field(&name("udp"), "destination port", udp.destination_port);
                self.field(&name("udp"), "length", udp.length);
                if complete && usize::from(udp.length) != bytes.len() {
                    self.wrong.push(format!("{layer} udp length {} of {}", udp.length, bytes.len()));
                }
                if udp.destination_port == GUE {
                    self.field(&name("udp"), "checksum", udp.checksum);
                    return self.inner(&format!("{layer} inner"), payload);
                }
                // 0: the sender computed none (RFC 768).
                self.sum(
                    &name("udp"),
                    udp.checksum,
                    17,
                    bytes,
                    Some(addresses),
                    complete && udp.checksum != 0,
                );
                self.rest(&name("payload"), payload);
            }
            (4 | 41, _) => self.inner(&format!("{layer} inner"), bytes),
            (1, Addresses::V4(..)) => {
                self.icmp(layer, bytes, addresses, complete, matches!(bytes, [3 | 11 | 12, ..]))
            }
            (58, Addresses::V6(..)) => {
                self.icmp(layer, bytes, addresses, complete, matches!(bytes, [1..=4, ..]))
            }
            _ => self.rest(&name("payload"), bytes),
        }
    }

    fn icmp(&mut self, layer: &str, bytes: &[u8], addresses: Addresses, complete: bool, is_error: bool) {
        let name = format!("{layer} icmp");
        let (Some([kind, code, high, low, rest @ ..]), Some(payload)) = (bytes.get(..8), bytes.get(8..))
        else {
            return self.rest(&name, bytes);
        };
        self.field(&name, "type and code", format_args!("{kind} {code}"));
        self.field(&name, "rest", format_args!("{rest:02x?}"));
        let pseudo = if matches!(addresses, Addresses::V6(..)) { Some(addresses) } else { None };
        self.sum(&name, u16::from_be_bytes([*high, *low]), 58, bytes, pseudo, complete);
        match payload.first().map(|first| first >> 4) {
            Some(4) if is_error => self.v4(&format!("{layer} quote"), payload, false),
            Some(6) if is_error => self.v6(&format!("{layer} quote"), payload, false),
            _ => self.rest(&format!("{layer} payload"), payload),
        }
    }

    fn inner(&mut self, layer: &str, bytes: &[u8]) {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => self.v4(layer, bytes, true),
            Some(6) => self.v6(layer, bytes, true),
            _ => self.rest(layer, bytes),
        }
    }

    /// A checksum over these bytes, with a pseudo-header if there are addresses for one. Verified as a receiver does: with it,
    /// the sum over all is -0.
    fn sum(
        &mut self,
        name: &str,
        stated: u16,
        protocol: u8,
        bytes: &[u8],
        pseudo: Option<Addresses>,
        complete: bool,
    ) {
        if !complete {
            return self.field(name, "checksum", format_args!("{stated:#06x} (over more than is here)"));
        }
        let length = (bytes.len() as u32).to_be_bytes();
        let sum = Sum16BitWords::new().add_slice(bytes);
        let sum = match pseudo {
            Some(Addresses::V4(source, destination)) => {
                sum.add_slice(&source).add_slice(&destination).add_2bytes([0, protocol]).add_slice(&length)
            }
            Some(Addresses::V6(source, destination)) => {
                sum.add_slice(&source).add_slice(&destination).add_2bytes([0, protocol]).add_slice(&length)
            }
            None => sum,
        };
        self.checksum(name, stated, sum.ones_complement() == 0);
    }
}
