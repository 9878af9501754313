//! Packets as a list of what is in them, and their bytes, built by etherparse.

use std::net::IpAddr;

use anycast_common::{address::Address, flow::Flow};
use etherparse::TcpHeader;

mod bytes;

pub use bytes::link;

/// The VIPs most rows are about.
pub const V4: &str = "192.0.2.1";
pub const V6: &str = "2001:db8:0:1::1";
pub const BOTH: [&str; 2] = [V4, V6];

/// EtherTypes of tags: the customer's and the provider's.
pub const C_TAG: u16 = 0x8100;
pub const S_TAG: u16 = 0x88a8;

/// A packet, and by which flow it is to be steered. Lengths and checksums follow from the rest.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Ethernet destination and source.
    pub macs: [[u8; 6]; 2],
    /// EtherType and control information of each tag, the outer one first.
    pub tags: Vec<(u16, u16)>,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Type of service or traffic class.
    pub class: u8,
    pub hop_limit: u8,
    /// IPv4 only, as are the next three.
    pub identification: u16,
    pub dont_fragment: bool,
    /// Offset in steps of 8 bytes, and "more fragments".
    pub fragment: (u16, bool),
    pub options: Vec<u8>,
    /// IPv6 only, as is the next one.
    pub label: u32,
    pub extensions: Vec<Extension>,
    pub l4: L4,
    pub payload: Vec<u8>,
    /// What the frame has behind the packet.
    pub trailer: Vec<u8>,
    /// Bytes to overwrite at an offset from the IP header on.
    pub edits: Vec<(usize, Vec<u8>)>,
    /// Bytes that are missing at the frame's end.
    pub cut: usize,
    /// A frame that is none of all this.
    pub raw: Option<Vec<u8>>,
    /// The flow it belongs to, where that is not what its own header says.
    pub flow: Option<Flow>,
    /// Whether it opens its flow, where that is not for its own header to say.
    pub opens: Option<bool>,
}

/// An extension header, of so many bytes.
#[derive(Clone, Copy, Debug)]
pub enum Extension {
    HopByHop(usize),
    Routing(usize),
    Destination(usize),
    Authentication(usize),
    Fragment { steps: u16, more: bool, id: u32 },
}

/// What the IP packet carries.
#[derive(Clone, Debug)]
pub enum L4 {
    Tcp(Box<TcpHeader>),
    Udp(u16, u16),
    /// Type, code, and the four bytes behind the checksum; of the IP header's family.
    Icmp(u8, u8, [u8; 4]),
    /// Only the payload, as that protocol.
    Raw(u8),
}

/// A client of the VIP's family.
pub fn client(vip: &str) -> IpAddr {
    if vip.contains(':') { "2001:db8:ffff::7" } else { "198.51.100.7" }.parse().unwrap()
}

/// Whether that is an IPv6 address.
pub fn is_v6(vip: &str) -> bool {
    vip.contains(':')
}

/// An ordinary packet from the usual client.
pub fn to(vip: &str, l4: L4) -> Packet {
    Packet {
        macs: [[0x02, 2, 2, 2, 2, 2], [0x02, 1, 1, 1, 1, 1]],
        tags: Vec::new(),
        source: client(vip),
        destination: vip.parse().unwrap(),
        class: 0,
        hop_limit: 64,
        identification: 0x1234,
        dont_fragment: false,
        fragment: (0, false),
        options: Vec::new(),
        label: 0x1_2345,
        extensions: Vec::new(),
        l4,
        payload: b"payload".to_vec(),
        trailer: Vec::new(),
        edits: Vec::new(),
        cut: 0,
        raw: None,
        flow: None,
        opens: None,
    }
}

/// A TCP segment with ACK, to port 80.
pub fn tcp(vip: &str) -> Packet {
    let header = TcpHeader { ack: true, acknowledgment_number: 7, ..TcpHeader::new(40_000, 80, 1000, 512) };
    to(vip, L4::Tcp(Box::new(header)))
}

/// A TCP SYN, to port 80.
pub fn syn(vip: &str) -> Packet {
    to(vip, L4::Tcp(Box::new(TcpHeader { syn: true, ..TcpHeader::new(40_000, 80, 1000, 512) })))
}

/// A UDP datagram, to port 53.
pub fn udp(vip: &str) -> Packet {
    to(vip, L4::Udp(40_000, 53))
}

/// An ICMP message with that payload.
pub fn icmp(vip: &str, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Packet {
    Packet { payload: payload.to_vec(), ..to(vip, L4::Icmp(kind, code, rest)) }
}

/// A frame that is no packet to a VIP.
pub fn raw(bytes: Vec<u8>) -> Packet {
    Packet { raw: Some(bytes), destination: [0, 0, 0, 0].into(), ..tcp(V4) }
}

impl Packet {
    /// With VLAN tags: one customer's, or a provider's in front of it.
    pub fn tagged(self, ids: &[u16]) -> Self {
        let types: &[u16] = if ids.len() == 1 { &[C_TAG] } else { &[S_TAG, C_TAG] };
        Self { tags: types.iter().copied().zip(ids.iter().copied()).collect(), ..self }
    }

    /// With a payload of that many bytes, all different from their neighbours.
    pub fn sized(self, bytes: usize) -> Self {
        Self { payload: (0..bytes).map(|byte| (byte * 7 % 251) as u8).collect(), ..self }
    }

    /// With a payload that makes the IP packet that long.
    pub fn of_length(self, ip_length: usize) -> Self {
        let headers = self.clone().sized(0).ip_length();
        self.sized(ip_length - headers)
    }

    /// With bytes of the IP header and what follows overwritten.
    pub fn edited(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.edits.push((offset, bytes.to_vec()));
        self
    }

    /// From another port.
    pub fn with_port(mut self, source_port: u16) -> Self {
        match &mut self.l4 {
            L4::Tcp(header) => header.source_port = source_port,
            L4::Udp(source, _) => *source = source_port,
            L4::Icmp(..) | L4::Raw(_) => panic!("no ports"),
        }
        self
    }

    /// An answer to its sender in the name of whom it was for, that the program made anew.
    pub fn answered_by(&self, answer: Self) -> Self {
        let [destination, source] = self.macs;
        Self {
            macs: [source, destination],
            tags: self.tags.clone(),
            source: self.destination,
            destination: self.source,
            label: 0,
            identification: 0,
            dont_fragment: true,
            ..answer
        }
    }

    /// The fragments of it, cut at these offsets into what it carries.
    pub fn fragments(&self, id: u16, cuts: &[usize]) -> Vec<Self> {
        let body = self.body();
        let starts = [0].iter().chain(cuts);
        let ends = cuts.iter().copied().chain([body.len()]);
        let fragment = |(&start, end): (&usize, usize)| {
            let (steps, more) = ((start / 8) as u16, end != body.len());
            let piece = Self {
                l4: L4::Raw(self.protocol()),
                payload: body[start..end].to_vec(),
                flow: Some(self.flow()),
                opens: Some(start == 0 && self.opens_flow()),
                ..self.clone()
            };
            if self.destination.is_ipv4() {
                Self { identification: id, fragment: (steps, more), ..piece }
            } else {
                let header = Extension::Fragment { steps, more, id: u32::from(id) };
                Self { extensions: [&self.extensions[..], &[header]].concat(), ..piece }
            }
        };
        starts.zip(ends).map(fragment).collect()
    }

    /// The flow it is to be steered by.
    pub fn flow(&self) -> Flow {
        let (source_port, destination_port) = match &self.l4 {
            L4::Tcp(header) => (header.source_port, header.destination_port),
            L4::Udp(source, destination) => (*source, *destination),
            L4::Icmp(..) | L4::Raw(_) => (0, 0),
        };
        self.flow.unwrap_or(Flow {
            source: Address::from(self.source),
            destination: Address::from(self.destination),
            source_port,
            destination_port,
            protocol: self.protocol(),
        })
    }

    /// Whether it opens its flow.
    pub fn opens_flow(&self) -> bool {
        self.opens.unwrap_or(matches!(&self.l4, L4::Tcp(header) if header.syn && !header.ack))
    }

    /// IANA number of what it carries.
    pub fn protocol(&self) -> u8 {
        match self.l4 {
            L4::Tcp(_) => 6,
            L4::Udp(..) => 17,
            L4::Icmp(..) => {
                if self.destination.is_ipv6() {
                    58
                } else {
                    1
                }
            }
            L4::Raw(protocol) => protocol,
        }
    }

    /// Bytes from the IP header on.
    pub fn ip_length(&self) -> usize {
        self.ip().len()
    }
}
