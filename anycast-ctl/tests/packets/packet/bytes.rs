//! The bytes of a packet: every header written and every checksum computed by etherparse.

use std::net::IpAddr;

use etherparse::{
    EtherType, Ethernet2Header, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, IpAuthHeader, IpDscp,
    IpEcn, IpFragOffset, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header,
    Ipv6RawExtHeader, SingleVlanHeader, TcpHeader, UdpHeader, VlanId, VlanPcp,
};

use super::{Extension, L4, Packet};

impl Packet {
    /// The frame.
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let ip_type = if self.destination.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 };
        let mut frame = link(self.macs, &self.tags, ip_type.0);
        let ip_at = frame.len();
        frame.extend(self.ip());
        frame.extend(&self.trailer);
        for (offset, bytes) in &self.edits {
            frame[ip_at + offset..ip_at + offset + bytes.len()].copy_from_slice(bytes);
        }
        frame.truncate(frame.len() - self.cut);
        frame
    }

    /// The IP packet, without edits.
    pub fn ip(&self) -> Vec<u8> {
        let body = self.body();
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let (ttl, protocol) = (self.hop_limit, IpNumber(self.protocol()));
                let mut header =
                    Ipv4Header::new(0, ttl, protocol, source.octets(), destination.octets()).unwrap();
                header.dscp = IpDscp::try_new(self.class >> 2).unwrap();
                header.ecn = IpEcn::try_new(self.class & 3).unwrap();
                header.identification = self.identification;
                header.dont_fragment = self.dont_fragment;
                header.fragment_offset = IpFragOffset::try_new(self.fragment.0).unwrap();
                header.more_fragments = self.fragment.1;
                header.options = self.options.as_slice().try_into().unwrap();
                header.set_payload_len(body.len()).unwrap();
                header.header_checksum = header.calc_header_checksum();
                [&header.to_bytes()[..], &body].concat()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (extensions, next_header) = self.extension_bytes();
                let header = Ipv6Header {
                    traffic_class: self.class,
                    flow_label: Ipv6FlowLabel::try_new(self.label).unwrap(),
                    payload_length: (extensions.len() + body.len()) as u16,
                    next_header: IpNumber(next_header),
                    hop_limit: self.hop_limit,
                    source: source.octets(),
                    destination: destination.octets(),
                };
                [&header.to_bytes()[..], &extensions, &body].concat()
            }
            _ => panic!("mixed families"),
        }
    }

    /// The extension headers, and the number of the first.
    fn extension_bytes(&self) -> (Vec<u8>, u8) {
        self.extensions.iter().rev().fold((Vec::new(), self.protocol()), |(behind, next), extension| {
            ([extension.bytes(next), behind].concat(), extension.number())
        })
    }

    /// Transport header and payload.
    pub fn body(&self) -> Vec<u8> {
        let payload = &self.payload;
        let header = match (&self.l4, self.source, self.destination) {
            (L4::Tcp(header), IpAddr::V4(source), IpAddr::V4(destination)) => {
                let sum = header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload);
                TcpHeader { checksum: sum.unwrap(), ..(**header).clone() }.to_bytes().to_vec()
            }
            (L4::Tcp(header), IpAddr::V6(source), IpAddr::V6(destination)) => {
                let sum = header.calc_checksum_ipv6_raw(source.octets(), destination.octets(), payload);
                TcpHeader { checksum: sum.unwrap(), ..(**header).clone() }.to_bytes().to_vec()
            }
            (&L4::Udp(from, to), source, destination) => {
                let length = (8 + payload.len()) as u16;
                let header = UdpHeader { source_port: from, destination_port: to, length, checksum: 0 };
                let sum = match (source, destination) {
                    (IpAddr::V4(source), IpAddr::V4(destination)) => {
                        header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), payload)
                    }
                    (IpAddr::V6(source), IpAddr::V6(destination)) => {
                        header.calc_checksum_ipv6_raw(source.octets(), destination.octets(), payload)
                    }
                    _ => panic!("mixed families"),
                };
                UdpHeader { checksum: sum.unwrap(), ..header }.to_bytes().to_vec()
            }
            (&L4::Icmp(type_u8, code_u8, bytes5to8), IpAddr::V4(_), _) => {
                let kind = Icmpv4Type::Unknown { type_u8, code_u8, bytes5to8 };
                Icmpv4Header::with_checksum(kind, payload).to_bytes().to_vec()
            }
            (&L4::Icmp(type_u8, code_u8, bytes5to8), IpAddr::V6(source), IpAddr::V6(destination)) => {
                let kind = Icmpv6Type::Unknown { type_u8, code_u8, bytes5to8 };
                let header =
                    Icmpv6Header::with_checksum(kind, source.octets(), destination.octets(), payload);
                header.unwrap().to_bytes().to_vec()
            }
            (L4::Raw(_), ..) => Vec::new(),
            _ => panic!("mixed families"),
        };
        [&header, &payload[..]].concat()
    }
}

/// An Ethernet header with tags.
pub fn link([destination, source]: [[u8; 6]; 2], tags: &[(u16, u16)], ip_type: u16) -> Vec<u8> {
    let mut types = tags.iter().map(|tag| tag.0).chain([ip_type]).map(EtherType);
    let ether_type = types.next().unwrap();
    let mut bytes = Ethernet2Header { source, destination, ether_type }.to_bytes().to_vec();
    for (&(_, control), ether_type) in tags.iter().zip(types) {
        let tag = SingleVlanHeader {
            pcp: VlanPcp::try_new((control >> 13) as u8).unwrap(),
            drop_eligible_indicator: control & 0x1000 != 0,
            vlan_id: VlanId::try_new(control & 0xfff).unwrap(),
            ether_type,
        };
        bytes.extend(tag.to_bytes());
    }
    bytes
}

impl Extension {
    /// IANA number.
    pub const fn number(self) -> u8 {
        match self {
            Self::HopByHop(_) => 0,
            Self::Routing(_) => 43,
            Self::Fragment { .. } => 44,
            Self::Authentication(_) => 51,
            Self::Destination(_) => 60,
        }
    }

    fn bytes(self, next: u8) -> Vec<u8> {
        let next_header = IpNumber(next);
        match self {
            // Options of a byte each; a routing header of type 0 that was used up.
            Self::HopByHop(length) | Self::Routing(length) | Self::Destination(length) => {
                Ipv6RawExtHeader::new_raw(next_header, &vec![0; length - 2]).unwrap().to_bytes().to_vec()
            }
            Self::Authentication(length) => {
                IpAuthHeader::new(next_header, 1, 2, &vec![0xaa; length - 12]).unwrap().to_bytes().to_vec()
            }
            Self::Fragment { steps, more, id } => {
                let offset = IpFragOffset::try_new(steps).unwrap();
                Ipv6FragmentHeader::new(next_header, offset, more, id).to_bytes().to_vec()
            }
        }
    }
}
