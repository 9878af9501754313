//! What filters can ask about a packet: some of it stands in the packet, the rest is what the walk came to.
//!
//! ```text
//! pair 0   source address, network order, two little-endian words      pair 1   destination address
//!
//! pair 2   63     57     56       55    48 47     40 39    32 31      16 15       0
//!         +-------+------------+----------+---------+--------+----------+----------+
//!         |   0   | has ports  |  family  | flags   |protocol| source   | dest.    |   see `word`
//!         +-------+------------+----------+---------+--------+----------+----------+
//!          63    56 55     48 47            32 31           16 15          0
//!         +--------+---------+---------------+----------------+-------------+
//!         |  why   | verdict |    reason     |      VIP       |   backend   |
//!         +--------+---------+---------------+----------------+-------------+
//!
//! pair 3   63              48 47           32 31                          0
//!         +------------------+---------------+-----------------------------+
//!         |        0         |     pool      |      bytes of the frame     |   then the flow hash
//!         +------------------+---------------+-----------------------------+
//! ```

use network_types::{
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    address::Address,
    flow::Flow,
    packet::{Copied, PacketBytes},
    parse::{self, IpHeader, Link, protocol, skip_options},
    slot::NO_BACKEND,
    walk::Walk,
};

/// Where in the words a fact lies: word, lowest bit, number of bits.
pub mod word {
    /// A field of the words.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Field {
        /// Which word.
        pub word: usize,
        /// Its lowest bit.
        pub shift: u32,
        /// How many bits it has.
        pub bits: u32,
    }

    const fn field(word: usize, shift: u32, bits: u32) -> Field {
        Field { word, shift, bits }
    }

    /// Destination port, host order. Only with [`HAS_PORTS`].
    pub const DESTINATION_PORT: Field = field(4, 0, 16);
    /// Source port, host order. Only with [`HAS_PORTS`].
    pub const SOURCE_PORT: Field = field(4, 16, 16);
    /// IANA protocol number of what lies behind the IP header and its extensions.
    pub const PROTOCOL: Field = field(4, 32, 8);
    /// Fourteenth byte of a TCP header (RFC 9293 section 3.1), FIN the lowest bit; 0 for what is no TCP.
    pub const TCP_FLAGS: Field = field(4, 40, 8);
    /// 4 or 6, or 0 for what is no IP.
    pub const FAMILY: Field = field(4, 48, 8);
    /// 1: TCP or UDP, with its header.
    pub const HAS_PORTS: Field = field(4, 56, 1);
    /// Index of the backend that was chosen; [`crate::slot::NO_BACKEND`]: none was.
    pub const BACKEND: Field = field(5, 0, 16);
    /// Number of the VIP; 0: it is no VIP's.
    pub const VIP: Field = field(5, 16, 16);
    /// Code of the [`crate::reason::Reason`]; 0: it was delivered.
    pub const REASON: Field = field(5, 32, 16);
    /// What the program returned (`enum xdp_action`, include/uapi/linux/bpf.h).
    pub const VERDICT: Field = field(5, 48, 8);
    /// Code of the [`crate::steer::Why`], plus 1; 0: no slot was asked.
    pub const WHY: Field = field(5, 56, 8);
    /// Bytes of the frame as it came.
    pub const LENGTH: Field = field(6, 0, 32);
    /// Number of the VIP's pool, plus 1; 0: it is no VIP's.
    pub const POOL: Field = field(6, 32, 16);
}

/// Pairs of words.
const PAIRS: usize = 4;

/// Facts about one packet.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Facts {
    /// See the module.
    pub pairs: [[u64; 2]; PAIRS],
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowFacts {
    /// The flow; ports are 0 where there are none.
    pub flow: Flow,
    /// Whether it has ports.
    pub has_ports: bool,
    /// Fourteenth byte of the TCP header.
    pub tcp_flags: u8,
}

impl Facts {
    /// A pair of words; of those there are.
    #[inline(always)]
    pub fn pair(&self, number: u64) -> [u64; 2] {
        self.pairs.get(number as usize % PAIRS).copied().unwrap_or_default()
    }

    /// What stands in a packet. Of one that is no IP: nothing.
    #[inline(always)]
    pub fn of_packet(packet: &impl PacketBytes) -> Self {
        let Ok(Link { length, ether_type }) = parse::link(packet) else { return Self::default() };
        if ether_type == Ipv4Hdr::ETHER_TYPE {
            Self::of_ip::<Ipv4Hdr>(packet, length)
        } else if ether_type == Ipv6Hdr::ETHER_TYPE {
            Self::of_ip::<Ipv6Hdr>(packet, length)
        } else {
            Self::default()
        }
    }

    #[inline(always)]
    fn of_ip<H: IpHeader>(packet: &impl PacketBytes, offset: usize) -> Self {
        let family = if H::PROTOCOL == protocol::IPV4 { 4 } else { 6 };
        let Ok(ip) = H::parse(packet, offset) else { return Self::default() };
        let mut flow = Flow {
            source: ip.source,
            destination: ip.destination,
            source_port: 0,
            destination_port: 0,
            protocol: ip.protocol,
        };
        let none = |flow| Self::of_flow(&FlowFacts { flow, has_ports: false, tcp_flags: 0 }, family);
        let Ok(upper) = skip_options(packet, &ip) else { return none(flow) };
        flow.protocol = upper.protocol;
        let is_transport = matches!(upper.protocol, protocol::TCP | protocol::UDP);
        if !is_transport || upper.is_later_fragment() || upper.offset + 4 > ip.end() {
            return none(flow);
        }
        let Ok(Copied([a, b, c, d])) = packet.read::<[u8; 4]>(upper.offset) else { return none(flow) };
        flow.source_port = u16::from_be_bytes([a, b]);
        flow.destination_port = u16::from_be_bytes([c, d]);
        let tcp_flags = if upper.protocol == protocol::TCP && upper.offset + TcpHdr::LEN <= ip.end() {
            packet.read::<[u8; 2]>(upper.offset + 12).map_or(0, |Copied([_, flags])| flags)
        } else {
            0
        };
        Self::of_flow(&FlowFacts { flow, has_ports: true, tcp_flags }, family)
    }

    #[inline(always)]
    fn of_flow(facts: &FlowFacts, family: u64) -> Self {
        let FlowFacts { flow, has_ports, tcp_flags } = facts;
        let transport = u64::from(flow.destination_port)
            | u64::from(flow.source_port) << 16
            | u64::from(flow.protocol) << 32
            | u64::from(*tcp_flags) << 40
            | family << 48
            | u64::from(*has_ports) << 56;
        Self { pairs: [flow.source.words(), flow.destination.words(), [transport, 0], [0, 0]] }
    }

    /// The same with what became of the packet.
    #[inline(always)]
    pub fn with_walk(self, walk: &Walk, hash: u64) -> Self {
        let chosen = walk.has(Walk::CHOICE | Walk::BACKEND);
        let backend = if chosen { walk.backend } else { NO_BACKEND };
        let why = if walk.has(Walk::CHOICE) { u64::from(walk.why) + 1 } else { 0 };
        let (vip, pool) = if walk.has(Walk::VIP) { (walk.vip, u64::from(walk.pool) + 1) } else { (0, 0) };
        let outcome = u64::from(backend)
            | u64::from(vip) << 16
            | u64::from(walk.reason & 0xffff) << 32
            | u64::from(walk.verdict & 0xff) << 48
            | why << 56;
        let [source, destination, [transport, _], _] = self.pairs;
        let length = u64::from(walk.frame_bytes) | pool << 32;
        Self { pairs: [source, destination, [transport, outcome], [length, hash]] }
    }

    /// The flow that stands in the packet.
    #[inline(always)]
    pub fn flow(&self) -> FlowFacts {
        let [source, destination, [transport, _], _] = self.pairs;
        FlowFacts {
            flow: Flow {
                source: Address::from_words(source),
                destination: Address::from_words(destination),
                source_port: (transport >> 16) as u16,
                destination_port: transport as u16,
                protocol: (transport >> 32) as u8,
            },
            has_ports: transport >> 56 & 1 != 0,
            tcp_flags: (transport >> 40) as u8,
        }
    }
}

const _: () = assert!(size_of::<Facts>() == 64);

#[cfg(test)]
mod tests;
