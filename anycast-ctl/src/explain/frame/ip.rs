//! The IP header of a packet that is made up.

use std::net::IpAddr;

use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header};

use crate::explain::Protocol;

/// What it says.
#[derive(Clone, Debug)]
pub struct Ip {
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Whether an IPv4 packet may be fragmented.
    pub may_fragment: bool,
    /// Identification, offset in steps of 8 bytes, and whether more follow.
    pub fragment: Option<(u32, u16, bool)>,
}

impl Ip {
    /// Bytes of it.
    pub fn header_bytes(&self) -> usize {
        match (self.destination, self.fragment) {
            (IpAddr::V4(_), _) => Ipv4Header::MIN_LEN,
            (IpAddr::V6(_), None) => Ipv6Header::LEN,
            (IpAddr::V6(_), Some(_)) => Ipv6Header::LEN + Ipv6FragmentHeader::LEN,
        }
    }

    /// It, with that behind it. What does not fit a length field is cut off.
    pub fn carry(&self, protocol: Protocol, mut body: Vec<u8>) -> Vec<u8> {
        body.truncate(usize::from(u16::MAX) - self.header_bytes());
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let (id, steps, more) = self.fragment.unwrap_or_default();
                let mut header = Ipv4Header {
                    total_len: (Ipv4Header::MIN_LEN + body.len()) as u16,
                    identification: id as u16,
                    dont_fragment: self.fragment.is_none() && !self.may_fragment,
                    more_fragments: more,
                    fragment_offset: IpFragOffset::try_new(steps).unwrap_or_default(),
                    time_to_live: self.hop_limit,
                    protocol: number(protocol, true),
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                [&header.to_bytes()[..], &body].concat()
            }
            (source, destination) => {
                let extension = self.fragment.map(|(id, steps, more)| {
                    let offset = IpFragOffset::try_new(steps).unwrap_or_default();
                    Ipv6FragmentHeader::new(number(protocol, false), offset, more, id).to_bytes().to_vec()
                });
                let next_header = if extension.is_some() {
                    IpNumber::IPV6_FRAGMENTATION_HEADER
                } else {
                    number(protocol, false)
                };
                let extension = extension.unwrap_or_default();
                let header = Ipv6Header {
                    traffic_class: 0,
                    flow_label: Ipv6FlowLabel::ZERO,
                    payload_length: (extension.len() + body.len()) as u16,
                    next_header,
                    hop_limit: self.hop_limit,
                    source: octets_v6(source),
                    destination: octets_v6(destination),
                };
                [&header.to_bytes()[..], &extension, &body].concat()
            }
        }
    }
}

/// As IPv6 has it.
pub fn octets_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn number(protocol: Protocol, is_v4: bool) -> IpNumber {
    match protocol {
        Protocol::Tcp => IpNumber::TCP,
        Protocol::Udp => IpNumber::UDP,
        Protocol::Icmp if is_v4 => IpNumber::ICMP,
        Protocol::Icmp => IpNumber::IPV6_ICMP,
    }
}
