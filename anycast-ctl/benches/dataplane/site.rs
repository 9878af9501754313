//! What the program under test knows: a pool for each way to steer and deliver, each behind a v4 and a v6 VIP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anycast_common::{
    backend::{Backend, Delivery},
    flow::Flow,
    pin::Pin,
    slot::{NO_BACKEND, Slot},
    tunnel::{GUE_PORT, Tunnel},
};
use anycast_ctl::{
    dataplane::{Dataplane, DirectoryEntry},
    maglev::{self, Member},
    model::{HashPolicy, OnEmpty, UdpPolicy},
};
use anyhow::ensure;
use serde::{Serialize, Serializer};

use crate::scenario;

/// What the slots of a pool are in.
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

/// A pool, which all its backends are reached in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    pub state: State,
    #[serde(serialize_with = "delivery_label")]
    pub delivery: Delivery,
}

impl Pool {
    pub const STABLE: Self = Self::l2(State::Stable);
    pub const BASE: Self = Self::l2(State::Base);
    pub const PINNED: Self = Self::l2(State::Pinned);
    pub const OPENING: Self = Self::l2(State::Opening);

    pub const ALL: [Self; 9] = [
        Self::STABLE,
        Self::BASE,
        Self::PINNED,
        Self::OPENING,
        Self::stable(Delivery::Local),
        Self::stable(Delivery::IpipV4),
        Self::stable(Delivery::IpipV6),
        Self::stable(Delivery::GueV4),
        Self::stable(Delivery::GueV6),
    ];

    const fn l2(state: State) -> Self {
        Self { state, delivery: Delivery::L2 }
    }

    pub const fn stable(delivery: Delivery) -> Self {
        Self { state: State::Stable, delivery }
    }

    /// Its index.
    pub fn index(self) -> u16 {
        Self::ALL.iter().position(|&pool| pool == self).expect("one of all pools") as u16
    }

    /// Its VIP of that IP version.
    pub fn vip(self, ip: u8) -> String {
        let last = self.index() + 1;
        if ip == 4 { format!("192.0.2.{last}") } else { format!("2001:db8:0:1::{last}") }
    }

    /// Which of a backend's counters that VIP has.
    pub fn vip_ordinal(self, ip: u8) -> u32 {
        u32::from(self.index()) * 2 + u32::from(ip == 6)
    }

    /// Number of that VIP.
    pub fn vip_number(self, ip: u8) -> u16 {
        self.vip_ordinal(ip) as u16 + 1
    }

    /// The traffic counters of that VIP.
    pub fn traffic_counters(self, ip: u8) -> impl Iterator<Item = u32> {
        backends(self.delivery).map(move |backend| u32::from(backend) * VIPS + self.vip_ordinal(ip))
    }
}

/// As the configuration spells it, with the version of the outer IP header.
pub fn label(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::L2 => "l2",
        Delivery::Local => "local",
        Delivery::IpipV4 => "ipip/v4",
        Delivery::IpipV6 => "ipip/v6",
        Delivery::GueV4 => "gue/v4",
        Delivery::GueV6 => "gue/v6",
    }
}

fn delivery_label<S: Serializer>(delivery: &Delivery, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(label(*delivery))
}

/// Backends of each pool.
const BACKENDS: u16 = 100;

/// VIPs in all.
pub const VIPS: u32 = 2 * Pool::ALL.len() as u32;

/// Slots of each pool's table.
pub const SLOTS: u32 = 65_537;

/// The backends that are reached in that way.
pub fn backends(delivery: Delivery) -> std::ops::Range<u16> {
    let first = u16::from(delivery.code()) * BACKENDS;
    first..first + BACKENDS
}

/// Fills every map the controller would fill.
pub fn fill(dataplane: &mut Dataplane) -> anyhow::Result<()> {
    for delivery in Delivery::ALL {
        for index in backends(delivery) {
            set_backend(dataplane, index, delivery);
        }
    }
    let member = |index: u16| Member::new(Ipv4Addr::from(0x0a00_0000 + u32::from(index)).into(), 1);
    let table = maglev::table(&(0..BACKENDS).map(member).collect::<Vec<_>>(), SLOTS, 7)?;
    ensure!(table.iter().all(|&index| index != NO_BACKEND), "the table has a hole");
    let mut directory = Vec::new();
    for pool in Pool::ALL {
        let first = backends(pool.delivery).start;
        let slot = |&owner: &u16| match pool.state {
            State::Stable => Slot::stable(first + owner),
            State::Base | State::Pinned | State::Opening => {
                Slot::in_transition(first + owner, first + (owner + 1) % BACKENDS)
            }
        };
        dataplane.publish_table(pool.index(), &table.iter().map(slot).collect::<Vec<_>>())?;
        for ip in [4, 6] {
            directory.push(DirectoryEntry {
                address: pool.vip(ip).parse()?,
                number: pool.vip_number(ip),
                pool: pool.index(),
                ordinal: pool.vip_ordinal(ip),
                drop_unknown_port: false,
                answer_echo: true,
                hash: HashPolicy::FiveTuple,
                udp: UdpPolicy::Stateless,
                on_empty: OnEmpty::Drop,
                // Nothing times out while the benchmark runs.
                idle_timeout_ticks: 100_000,
                services: vec!["tcp/443".parse()?, "udp/443".parse()?],
            });
        }
    }
    dataplane.publish_directory(&directory)?;
    Ok(())
}

fn set_backend(dataplane: &mut Dataplane, index: u16, delivery: Delivery) {
    let [high, low] = index.to_be_bytes();
    let (v4, v6) = (
        |last| Ipv4Addr::new(10, last, high, low),
        |last| Ipv6Addr::new(0xfd00, last, 0, 0, 0, 0, 0, index + 1),
    );
    let tunnel = match delivery {
        Delivery::L2 | Delivery::Local => Tunnel::default(),
        Delivery::IpipV4 => Tunnel::v4(v4(1), v4(2), 64, None),
        Delivery::IpipV6 => Tunnel::v6(v6(1), v6(2), 64, None),
        Delivery::GueV4 => Tunnel::v4(v4(1), v4(2), 64, Some(GUE_PORT)),
        Delivery::GueV6 => Tunnel::v6(v6(1), v6(2), 64, Some(GUE_PORT)),
    };
    dataplane.set_tunnel(index, tunnel);
    let backend = Backend {
        destination: [2, 0, 0, 0, high, low],
        state: Backend::USABLE,
        source: [2, 0, 0, 1, 0, 0],
        generation: 0,
        // Test packets arrive on the loopback interface.
        ifindex: 1,
        first_counter: u32::from(index) * VIPS,
        mtu: 1500,
        delivery: delivery.code(),
        overhead: delivery.overhead() as u16,
        ..Backend::default()
    };
    dataplane.set_backend(index, backend);
}

/// Pins every flow of the pinned pool, as if it had been opened in the transition.
pub fn pin_flows(dataplane: &mut Dataplane, most_flows: u32) -> anyhow::Result<()> {
    for ip in [4, 6] {
        for number in 0..most_flows {
            let pin = Pin::new((number % u32::from(BACKENDS)) as u16, 0, 0);
            dataplane.pin(&pinned_flow(ip, number)?, pin)?;
        }
    }
    Ok(())
}

/// A flow of the pinned pool.
pub fn pinned_flow(ip: u8, number: u32) -> anyhow::Result<Flow> {
    let destination: IpAddr = Pool::PINNED.vip(ip).parse()?;
    let (source, source_port) = scenario::source(ip, number);
    Ok(Flow {
        source: source.into(),
        destination: destination.into(),
        source_port,
        destination_port: 443,
        protocol: 6,
    })
}
