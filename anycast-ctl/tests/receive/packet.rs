//! Tunnel packets, and what ought to be left of them.

use etherparse::{
    EtherType, Ethernet2Header, IpHeaders, IpNumber, Ipv4Header, Ipv4Options, Ipv6FragmentHeader, Ipv6Header,
    PacketBuilder, UdpHeader, VlanId,
};

/// The MAC addresses of every frame: source, destination.
pub const MACS: ([u8; 6], [u8; 6]) = ([0x02, 1, 1, 1, 1, 1], [0x02, 2, 2, 2, 2, 2]);

pub const EDGE_V4: [u8; 4] = [192, 0, 2, 10];
pub const EDGE_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0xe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];
const BACKEND_V4: [u8; 4] = [203, 0, 113, 11];
const BACKEND_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0xb, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11];
const CLIENT_V4: [u8; 4] = [198, 51, 100, 7];
const CLIENT_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const VIP_V4: [u8; 4] = [192, 0, 2, 1];
const VIP_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V4,
    V6,
}

pub use Version::{V4, V6};

impl Version {
    pub const BOTH: [Self; 2] = [V4, V6];

    /// Bytes of the fixed header.
    pub const fn header(self) -> usize {
        match self {
            V4 => 20,
            V6 => 40,
        }
    }

    const fn ether_type(self) -> EtherType {
        match self {
            V4 => EtherType::IPV4,
            V6 => EtherType::IPV6,
        }
    }
}

/// How the inner packet is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Ipip,
    /// UDP to that port, with a checksum or zero.
    Gue {
        port: u16,
        checksum: bool,
    },
}

pub const GUE: Carrier = Carrier::Gue { port: 6080, checksum: false };

/// What to build.
#[derive(Clone, Copy, Debug)]
pub struct Tunnel<'a> {
    pub tags: &'a [u16],
    pub outer: Version,
    pub source_v4: [u8; 4],
    pub source_v6: [u8; 16],
    /// IPv4 options of the outer header.
    pub options: &'a [u8],
    pub outer_ecn: u8,
    pub carrier: Carrier,
    pub inner: Version,
    /// DSCP of the inner header, which must stay.
    pub inner_dscp: u8,
    pub inner_ecn: u8,
    pub ttl: u8,
    pub udp: bool,
    pub payload: &'a [u8],
}

impl<'a> Tunnel<'a> {
    /// An ordinary packet from an edge host.
    pub const fn new(outer: Version, carrier: Carrier, inner: Version) -> Self {
        Self {
            tags: &[],
            outer,
            source_v4: EDGE_V4,
            source_v6: EDGE_V6,
            options: &[],
            outer_ecn: 0,
            carrier,
            inner,
            inner_dscp: 0x2e,
            inner_ecn: 0,
            ttl: 63,
            udp: false,
            payload: b"payload",
        }
    }

    /// The whole frame.
    pub fn bytes(&self) -> Vec<u8> {
        self.around(self.inner_bytes(self.inner_ecn))
    }

    /// The frame that must be left, built from scratch.
    pub fn expected(&self, inner_ecn: u8) -> Vec<u8> {
        let mut frame = frame(self.tags, self.inner.ether_type());
        frame.extend(self.inner_bytes(inner_ecn));
        frame
    }

    /// The frame with those bytes for an inner packet.
    pub fn around(&self, inner: Vec<u8>) -> Vec<u8> {
        let number = match (self.carrier, self.inner) {
            (Carrier::Ipip, V4) => IpNumber::IPV4,
            (Carrier::Ipip, V6) => IpNumber::IPV6,
            (Carrier::Gue { .. }, _) => IpNumber::UDP,
        };
        let payload = match self.carrier {
            Carrier::Ipip => inner,
            Carrier::Gue { port, checksum } => self.datagram(port, checksum, &inner),
        };
        let mut bytes = frame(self.tags, self.outer.ether_type());
        match self.outer {
            V4 => {
                let mut header = Ipv4Header::new(0, 64, number, self.source_v4, BACKEND_V4).unwrap();
                header.options = Ipv4Options::try_from(self.options).unwrap();
                header.set_payload_len(payload.len()).unwrap();
                header.dont_fragment = true;
                header.ecn = self.outer_ecn.try_into().unwrap();
                header.write(&mut bytes).unwrap();
            }
            V6 => {
                let header = Ipv6Header {
                    traffic_class: self.outer_ecn,
                    flow_label: 0xa_bcde.try_into().unwrap(),
                    payload_length: payload.len().try_into().unwrap(),
                    next_header: number,
                    hop_limit: 64,
                    source: self.source_v6,
                    destination: BACKEND_V6,
                };
                header.write(&mut bytes).unwrap();
            }
        }
        bytes.extend(payload);
        bytes
    }

    /// Where the outer IP header begins.
    pub fn outer_at(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// Where the outer payload begins.
    pub fn carrier_at(&self) -> usize {
        self.outer_at() + self.outer.header() + self.options.len()
    }

    /// Where the inner packet begins.
    pub fn inner_at(&self) -> usize {
        self.carrier_at() + if self.carrier == Carrier::Ipip { 0 } else { 8 }
    }

    fn datagram(&self, port: u16, checksum: bool, inner: &[u8]) -> Vec<u8> {
        let mut header = UdpHeader::without_ipv4_checksum(51_234, port, inner.len()).unwrap();
        if checksum {
            header.checksum = match self.outer {
                V4 => header.calc_checksum_ipv4_raw(self.source_v4, BACKEND_V4, inner).unwrap(),
                V6 => header.calc_checksum_ipv6_raw(self.source_v6, BACKEND_V6, inner).unwrap(),
            };
        }
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend(inner);
        bytes
    }

    /// The inner packet with that ECN field.
    pub fn inner_bytes(&self, ecn: u8) -> Vec<u8> {
        let ip = match self.inner {
            V4 => {
                let mut header = Ipv4Header::new(0, self.ttl, IpNumber::TCP, CLIENT_V4, VIP_V4).unwrap();
                header.dscp = self.inner_dscp.try_into().unwrap();
                header.ecn = ecn.try_into().unwrap();
                header.identification = 0x1234;
                IpHeaders::Ipv4(header, Default::default())
            }
            V6 => IpHeaders::Ipv6(
                Ipv6Header {
                    traffic_class: self.inner_dscp << 2 | ecn,
                    flow_label: 0x1_2345.try_into().unwrap(),
                    payload_length: 0,
                    next_header: IpNumber::TCP,
                    hop_limit: self.ttl,
                    source: CLIENT_V6,
                    destination: VIP_V6,
                },
                Default::default(),
            ),
        };
        let (step, mut bytes) = (PacketBuilder::ip(ip), Vec::new());
        if self.udp {
            step.udp(40_000, 53).write(&mut bytes, self.payload).unwrap();
        } else {
            step.tcp(40_000, 443, 1000, 512).ack(7).write(&mut bytes, self.payload).unwrap();
        }
        bytes
    }
}

/// An Ethernet header with tags, up to the EtherType.
pub fn frame(tags: &[u16], ether_type: EtherType) -> Vec<u8> {
    let (source, destination) = MACS;
    let outermost = match tags.len() {
        0 => ether_type,
        1 => EtherType::VLAN_TAGGED_FRAME,
        _ => EtherType::PROVIDER_BRIDGING,
    };
    let mut bytes = Ethernet2Header { source, destination, ether_type: outermost }.to_bytes().to_vec();
    for (index, tag) in tags.iter().enumerate() {
        let is_last = index + 1 == tags.len();
        bytes.extend((VlanId::try_new(*tag).unwrap().value() | 0x6000).to_be_bytes());
        bytes.extend(if is_last { ether_type.0 } else { EtherType::VLAN_TAGGED_FRAME.0 }.to_be_bytes());
    }
    bytes
}

/// Makes the outer IPv6 packet a fragment.
pub fn fragment_v6(tunnel: &Tunnel<'_>, offset: u16, more: bool) -> Vec<u8> {
    let mut bytes = tunnel.bytes();
    let at = tunnel.outer_at();
    let header = Ipv6FragmentHeader {
        next_header: IpNumber(bytes[at + 6]),
        fragment_offset: offset.try_into().unwrap(),
        more_fragments: more,
        identification: 7,
    };
    bytes[at + 6] = 44;
    let length = u16::from_be_bytes([bytes[at + 4], bytes[at + 5]]) + 8;
    bytes[at + 4..at + 6].copy_from_slice(&length.to_be_bytes());
    bytes.splice(at + 40..at + 40, header.to_bytes());
    bytes
}
