//! What is measured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anycast_common::bench::Workload;
use etherparse::PacketBuilder;
use serde::Serialize;

/// What the slots of a pool are in. Each state has a pool of its own, behind a v4 and a v6 VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every slot is stable.
    Stable,
    /// Every slot is in transition, and no flow is pinned: they were born before.
    Base,
    /// Every slot is in transition, and every flow is pinned.
    Pinned,
    /// Every slot is in transition, and flows are opened.
    Opening,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Stable, Self::Base, Self::Pinned, Self::Opening];

    /// Index of its pool.
    pub fn pool(self) -> u16 {
        self as u16
    }

    /// Its VIP of that IP version.
    pub fn vip(self, ip: u8) -> String {
        let last = self.pool() + 1;
        if ip == 4 { format!("192.0.2.{last}") } else { format!("2001:db8:0:1::{last}") }
    }
}

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

/// Kind of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    EstablishedTcp,
    NewTcp,
    Udp,
    NotVip,
}

/// Which of a backend's counters a VIP has.
pub fn vip_ordinal(state: State, ip: u8) -> u32 {
    u32::from(state.pool()) * 2 + u32::from(ip == 6)
}

/// What must happen to every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Delivered,
    NotVip,
}

impl Expected {
    /// The kernel's number of the verdict (`enum xdp_action`).
    pub fn verdict(self) -> u32 {
        match self {
            Self::Delivered => 3,
            Self::NotVip => 2,
        }
    }
}

/// One stream of packets.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scenario {
    pub kind: Kind,
    pub state: State,
    pub ip: u8,
    pub flows: u32,
}

impl Scenario {
    /// Every combination.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for ip in [4, 6] {
            for (kind, state) in [
                (Kind::EstablishedTcp, State::Stable),
                (Kind::NewTcp, State::Stable),
                (Kind::Udp, State::Stable),
                (Kind::NotVip, State::Stable),
                (Kind::EstablishedTcp, State::Base),
                (Kind::EstablishedTcp, State::Pinned),
                (Kind::NewTcp, State::Opening),
            ] {
                for flows in [1, 1 << 16, MOST_FLOWS] {
                    all.push(Self { kind, state, ip, flows });
                }
            }
        }
        all
    }

    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::EstablishedTcp => "established",
            Kind::NewTcp => "new tcp",
            Kind::Udp => "udp",
            Kind::NotVip => "not a vip",
        };
        let state = match self.state {
            State::Stable => "stable",
            State::Base => "base",
            State::Pinned => "pinned",
            State::Opening => "opening",
        };
        format!("{kind}, {state}, v{}, {} flows", self.ip, self.flows)
    }

    pub fn expected(&self) -> Expected {
        if self.kind == Kind::NotVip { Expected::NotVip } else { Expected::Delivered }
    }

    /// Which of a backend's counters it moves.
    pub fn vip_ordinal(&self) -> u32 {
        vip_ordinal(self.state, self.ip)
    }

    /// A packet of the first flow.
    pub fn packet(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([2, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]);
        let not_vip = self.kind == Kind::NotVip;
        let ip = if self.ip == 4 {
            let vip = if not_vip { OTHER_V4.to_owned() } else { self.state.vip(4) };
            let destination: Ipv4Addr = vip.parse().expect("an address");
            ethernet.ipv4([10, 128, 0, 0], destination.octets(), 64)
        } else {
            let vip = if not_vip { OTHER_V6.to_owned() } else { self.state.vip(6) };
            let destination: Ipv6Addr = vip.parse().expect("an address");
            let source: Ipv6Addr = "2001:db8:ffff::a80:0".parse().expect("an address");
            ethernet.ipv6(source.octets(), destination.octets(), 64)
        };
        // Not below the template's length, whatever the headers come to.
        let payload = [0x5a; 64];
        let mut bytes = Vec::new();
        match self.kind {
            Kind::Udp => ip.udp(1024, 443).write(&mut bytes, &payload),
            Kind::NewTcp => ip.tcp(1024, 443, 1, 512).syn().write(&mut bytes, &payload),
            Kind::EstablishedTcp | Kind::NotVip => {
                ip.tcp(1024, 443, 1, 512).ack(1).write(&mut bytes, &payload)
            }
        }
        .expect("a packet in memory");
        bytes
    }

    /// The stream, for the generator.
    pub fn workload(&self) -> Workload {
        Workload::of(&self.packet(), self.flows)
    }
}
