//! What is measured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anycast_common::{backend::Delivery, bench::Workload};
use etherparse::{IcmpEchoHeader, Icmpv4Type, Icmpv6Type, PacketBuilder, icmpv4::DestUnreachableHeader};
use serde::Serialize;

use crate::site::{self, Pool, State};

/// Packets of the most flows that are measured.
pub const MOST_FLOWS: u32 = 1 << 20;

/// Low 32 bits of the first source address.
const FIRST_SOURCE: u32 = 0x0a80_0000;

/// Source address and port of a flow, as the generator numbers them.
pub fn source(ip: u8, flow: u32) -> (IpAddr, u16) {
    let low = FIRST_SOURCE + (flow >> 6);
    let address = if ip == 4 {
        Ipv4Addr::from_bits(low).into()
    } else {
        Ipv6Addr::from_bits(0x2001_0db8_ffff << 80 | u128::from(low)).into()
    };
    (address, 1024 + (flow & 63) as u16)
}

const OTHER_V4: &str = "203.0.113.9";
const OTHER_V6: &str = "2001:db8:9::9";

/// Source of ICMP errors.
const ROUTER: [u8; 4] = [198, 51, 100, 1];

/// Not below the template's length, whatever the headers come to.
const PAYLOAD: [u8; 64] = [0x5a; 64];

/// Kind of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    EstablishedTcp,
    NewTcp,
    Udp,
    NotVip,
    /// "Fragmentation needed", which quotes an established flow's packet.
    IcmpError,
    EchoRequest,
}

/// What must happen to every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Delivered(Delivery),
    NotVip,
    EchoAnswered,
}

impl Expected {
    /// The kernel's number of the verdict (`enum xdp_action`).
    pub fn verdict(self) -> u32 {
        match self {
            Self::NotVip | Self::Delivered(Delivery::Local) => 2,
            Self::Delivered(_) | Self::EchoAnswered => 3,
        }
    }

    /// Bytes the packet grows by.
    pub fn growth(self) -> usize {
        match self {
            Self::Delivered(delivery) => delivery.overhead(),
            Self::NotVip | Self::EchoAnswered => 0,
        }
    }
}

/// One stream of packets.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scenario {
    pub kind: Kind,
    #[serde(flatten)]
    pub pool: Pool,
    pub ip: u8,
    pub flows: u32,
}

impl Scenario {
    /// Every combination that tells something of its own.
    pub fn all() -> Vec<Self> {
        let all_flows: &[u32] = &[1, 1 << 16, MOST_FLOWS];
        let few_and_many: &[u32] = &[1, MOST_FLOWS];
        let mut all = Vec::new();
        let mut add = |kind, pool, ip, flows: &[u32]| {
            all.extend(flows.iter().map(|&flows| Self { kind, pool, ip, flows }));
        };
        for ip in [4, 6] {
            add(Kind::EstablishedTcp, Pool::STABLE, ip, all_flows);
            add(Kind::NewTcp, Pool::STABLE, ip, all_flows);
            add(Kind::Udp, Pool::STABLE, ip, all_flows);
            add(Kind::NotVip, Pool::STABLE, ip, all_flows);
            add(Kind::EstablishedTcp, Pool::BASE, ip, all_flows);
            add(Kind::EstablishedTcp, Pool::PINNED, ip, all_flows);
            add(Kind::NewTcp, Pool::OPENING, ip, all_flows);
            add(Kind::EchoRequest, Pool::STABLE, ip, few_and_many);
        }
        for delivery in [Delivery::IpipV4, Delivery::GueV4, Delivery::Local] {
            add(Kind::EstablishedTcp, Pool::stable(delivery), 4, few_and_many);
        }
        add(Kind::IcmpError, Pool::STABLE, 4, few_and_many);
        for delivery in [Delivery::IpipV6, Delivery::GueV6] {
            add(Kind::EstablishedTcp, Pool::stable(delivery), 6, &[MOST_FLOWS]);
        }
        all
    }

    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::EstablishedTcp => "established",
            Kind::NewTcp => "new tcp",
            Kind::Udp => "udp",
            Kind::NotVip => "not a vip",
            Kind::IcmpError => "icmp error",
            Kind::EchoRequest => "echo",
        };
        let state = match self.pool.state {
            State::Stable => "stable",
            State::Base => "base",
            State::Pinned => "pinned",
            State::Opening => "opening",
        };
        let delivery = site::label(self.pool.delivery);
        format!("{kind}, {state}, {delivery}, v{}, {} flows", self.ip, self.flows)
    }

    pub fn expected(&self) -> Expected {
        match self.kind {
            Kind::NotVip => Expected::NotVip,
            Kind::EchoRequest => Expected::EchoAnswered,
            Kind::EstablishedTcp | Kind::NewTcp | Kind::Udp | Kind::IcmpError => {
                Expected::Delivered(self.pool.delivery)
            }
        }
    }

    /// A packet of the first flow.
    pub fn packet(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([2, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]);
        let not_vip = self.kind == Kind::NotVip;
        let ip = if self.ip == 4 {
            let vip = if not_vip { OTHER_V4.to_owned() } else { self.pool.vip(4) };
            let destination: Ipv4Addr = vip.parse().expect("an address");
            let source = if self.kind == Kind::IcmpError { ROUTER } else { FIRST_SOURCE.to_be_bytes() };
            ethernet.ipv4(source, destination.octets(), 64)
        } else {
            let vip = if not_vip { OTHER_V6.to_owned() } else { self.pool.vip(6) };
            let destination: Ipv6Addr = vip.parse().expect("an address");
            let source: Ipv6Addr = "2001:db8:ffff::a80:0".parse().expect("an address");
            ethernet.ipv6(source.octets(), destination.octets(), 64)
        };
        let mut bytes = Vec::new();
        match self.kind {
            Kind::Udp => ip.udp(1024, 443).write(&mut bytes, &PAYLOAD),
            Kind::NewTcp => ip.tcp(1024, 443, 1, 512).syn().write(&mut bytes, &PAYLOAD),
            Kind::EstablishedTcp | Kind::NotVip => {
                ip.tcp(1024, 443, 1, 512).ack(1).write(&mut bytes, &PAYLOAD)
            }
            Kind::IcmpError => {
                let needed = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: 1400 };
                let kind = Icmpv4Type::DestinationUnreachable(needed);
                ip.icmpv4(kind).write(&mut bytes, &self.quoted())
            }
            Kind::EchoRequest => {
                let echo = IcmpEchoHeader { id: 1024, seq: 1 };
                if self.ip == 4 {
                    ip.icmpv4(Icmpv4Type::EchoRequest(echo)).write(&mut bytes, &PAYLOAD)
                } else {
                    ip.icmpv6(Icmpv6Type::EchoRequest(echo)).write(&mut bytes, &PAYLOAD)
                }
            }
        }
        .expect("a packet in memory");
        bytes
    }

    /// A packet of the VIP's to the first flow's source.
    fn quoted(&self) -> Vec<u8> {
        let vip: Ipv4Addr = self.pool.vip(4).parse().expect("an address");
        let ip = PacketBuilder::ipv4(vip.octets(), FIRST_SOURCE.to_be_bytes(), 60);
        let mut bytes = Vec::new();
        ip.tcp(443, 1024, 1, 512).ack(1).write(&mut bytes, &PAYLOAD).expect("a packet in memory");
        bytes
    }

    /// The stream, for the generator.
    pub fn workload(&self) -> Workload {
        let packet = self.packet();
        let ip_end = if self.ip == 4 { 34 } else { 54 };
        let workload = match self.kind {
            // Behind the ICMP header, destination address and port of the quoted packet.
            Kind::IcmpError => Workload::varying(&packet, self.flows, ip_end + 8 + 16, ip_end + 8 + 20 + 2),
            // The identifier takes the port's place.
            Kind::EchoRequest => {
                let source = Workload::of(&packet, self.flows).source_offset;
                Workload::varying(&packet, self.flows, source, ip_end + 4)
            }
            Kind::EstablishedTcp | Kind::NewTcp | Kind::Udp | Kind::NotVip => {
                Workload::of(&packet, self.flows)
            }
        };
        Workload { growth: self.expected().growth() as u32, ..workload }
    }
}
