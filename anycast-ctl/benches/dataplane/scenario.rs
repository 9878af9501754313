//! What is measured.

use std::net::{Ipv4Addr, Ipv6Addr};

use anycast_common::bench::Workload;
use etherparse::PacketBuilder;
use serde::Serialize;

/// The VIPs of the site under test.
pub const VIP_V4: &str = "192.0.2.1";
/// As above.
pub const VIP_V6: &str = "2001:db8:0:1::1";

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
    pub ip: u8,
    pub flows: u32,
}

impl Scenario {
    /// Every combination.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for ip in [4, 6] {
            for kind in [Kind::EstablishedTcp, Kind::NewTcp, Kind::Udp, Kind::NotVip] {
                for flows in [1, 1 << 16, 1 << 20] {
                    all.push(Self { kind, ip, flows });
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
        format!("{kind}, v{}, {} flows", self.ip, self.flows)
    }

    pub fn expected(&self) -> Expected {
        if self.kind == Kind::NotVip { Expected::NotVip } else { Expected::Delivered }
    }

    /// Which of a backend's counters it moves.
    pub fn vip_ordinal(&self) -> u32 {
        u32::from(self.ip == 6)
    }

    /// A packet of the first flow.
    pub fn packet(&self) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([2, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]);
        let not_vip = self.kind == Kind::NotVip;
        let ip = if self.ip == 4 {
            let destination: Ipv4Addr = if not_vip { OTHER_V4 } else { VIP_V4 }.parse().expect("an address");
            ethernet.ipv4([10, 128, 0, 0], destination.octets(), 64)
        } else {
            let destination: Ipv6Addr = if not_vip { OTHER_V6 } else { VIP_V6 }.parse().expect("an address");
            let source: Ipv6Addr = "2001:db8:ffff::".parse().expect("an address");
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
