//! The site of the packet tests, and the states it can be in.

use std::net::{Ipv4Addr, Ipv6Addr};

use anycast_common::{
    backend::{Backend, Delivery, LinkTag},
    slot::Slot,
    tunnel::{GUE_PORT, Tunnel},
};
use anycast_ctl::{
    dataplane::DirectoryEntry,
    model::{HashPolicy, OnEmpty, UdpPolicy},
};

/// `BPF_PROG_TEST_RUN` lets packets arrive on the loopback interface.
pub const INGRESS: u32 = 1;

/// Backends of each served pool.
pub const BACKENDS: u16 = 4;

/// Slots of each served pool's table.
pub const SLOTS: u32 = 31;

/// Ticks after which a flow is taken for ended.
pub const IDLE_TIMEOUT: u32 = 300;

/// Counters each backend has: one for every VIP number.
pub const COUNTERS_PER_BACKEND: u32 = 16;

/// Index of a backend that has slots but no next hop.
pub const UNRESOLVED: u16 = 100;

/// Index of a backend behind an interface that is no redirect target.
pub const ELSEWHERE: u16 = 101;

/// TTL or hop limit of outer headers.
pub const OUTER_HOP_LIMIT: u8 = 61;

/// Every delivery with outer headers.
pub const TUNNELS: [Delivery; 4] = [Delivery::IpipV4, Delivery::IpipV6, Delivery::GueV4, Delivery::GueV6];

/// The site's VIPs: number, address, pool, services, drop of unknown ports.
pub const VIPS: &[(u16, &str, u16, &[&str], bool)] = &[
    (1, "192.0.2.1", 0, &["tcp/80", "udp/53"], false),
    (2, "2001:db8:0:1::1", 0, &["tcp/80", "udp/53"], false),
    (3, "192.0.2.3", 0, &["tcp/any", "udp/any"], false),
    (4, "2001:db8:0:1::3", 0, &["tcp/any", "udp/any"], false),
    (5, "192.0.2.5", 0, &["tcp/80", "udp/53"], true),
    (6, "2001:db8:0:1::5", 0, &["tcp/80", "udp/53"], true),
    (7, "192.0.2.7", 1, &["tcp/80", "udp/53"], false),
    (8, "2001:db8:0:1::7", 1, &["tcp/80", "udp/53"], false),
    (9, "192.0.2.9", 2, &["tcp/80", "udp/53"], false),
    (10, "2001:db8:0:1::9", 2, &["tcp/80", "udp/53"], false),
    (11, "192.0.2.11", 3, &["tcp/80", "udp/53"], false),
    (12, "2001:db8:0:1::11", 3, &["tcp/80", "udp/53"], false),
    (13, "192.0.2.13", 0, &["tcp/80"], false),
    (14, "2001:db8:0:1::13", 0, &["tcp/80"], false),
];

/// Number of the VIP with that address; 0 if there is none.
pub fn vip_number(address: &str) -> u16 {
    VIPS.iter().find(|vip| vip.1 == address).map_or(0, |vip| vip.0)
}

/// The state a packet meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// How every backend is reached; `None`: each in another way, see [`State::delivery_of`].
    pub delivery: Option<Delivery>,
    /// What becomes of tags in tunnels.
    pub link_tag: LinkTag,
    /// Tag control information of [`LinkTag::Set`].
    pub vlan: u16,
    /// Largest IP packet that fits.
    pub mtu: u16,
    /// Every slot of pool 0; `None`: spread over all backends, and stable.
    pub slot: Option<Slot>,
    /// UDP policy of every pool.
    pub udp: UdpPolicy,
    /// What of a packet is hashed, in every pool.
    pub hash: HashPolicy,
    /// What becomes of packets to a pool with nobody left.
    pub on_empty: OnEmpty,
    /// Whether echo requests are answered.
    pub echo: bool,
    /// A backend that is not usable.
    pub down: Option<u16>,
    /// Generation of every backend.
    pub generation: u16,
    /// Whether the backends are behind the harness's other interface.
    pub elsewhere: bool,
}

/// Layer 2, stable, everything fits.
pub const L2: State = State {
    delivery: Some(Delivery::L2),
    link_tag: LinkTag::Strip,
    vlan: 0x6123,
    mtu: u16::MAX - 48,
    slot: None,
    udp: UdpPolicy::Stateless,
    hash: HashPolicy::FiveTuple,
    on_empty: OnEmpty::Drop,
    echo: true,
    down: None,
    generation: 0,
    elsewhere: false,
};

/// The same with another delivery.
pub const fn by(delivery: Delivery) -> State {
    State { delivery: Some(delivery), ..L2 }
}

impl State {
    /// How that backend is reached.
    pub fn delivery_of(&self, index: u16) -> Delivery {
        let mixed = [Delivery::IpipV4, Delivery::L2, Delivery::GueV6, Delivery::Local];
        self.delivery.unwrap_or(mixed[usize::from(index) % mixed.len()])
    }

    /// That backend as the program sees it, if frames elsewhere leave by that interface.
    pub fn backend(&self, index: u16, elsewhere: u32) -> Backend {
        let delivery = self.delivery_of(index);
        Backend {
            state: if self.down == Some(index) { 0 } else { Backend::USABLE },
            generation: self.generation,
            ifindex: if self.elsewhere { elsewhere } else { INGRESS },
            mtu: self.mtu,
            delivery: delivery.code(),
            link_tag: self.link_tag.code(),
            vlan: self.vlan,
            overhead: delivery.overhead() as u16,
            ..backend(index)
        }
    }

    /// The outer headers of that backend's packets.
    pub fn tunnel(&self, index: u16) -> Tunnel {
        let (v4, v6) = (outer_v4(index), outer_v6(index));
        match self.delivery_of(index) {
            Delivery::L2 | Delivery::Local => Tunnel::default(),
            Delivery::IpipV4 => Tunnel::v4(v4[0], v4[1], OUTER_HOP_LIMIT, None),
            Delivery::IpipV6 => Tunnel::v6(v6[0], v6[1], OUTER_HOP_LIMIT, None),
            Delivery::GueV4 => Tunnel::v4(v4[0], v4[1], OUTER_HOP_LIMIT, Some(GUE_PORT)),
            Delivery::GueV6 => Tunnel::v6(v6[0], v6[1], OUTER_HOP_LIMIT, Some(GUE_PORT)),
        }
    }
}

/// Outer source and destination of a backend's packets.
pub fn outer_v4(index: u16) -> [Ipv4Addr; 2] {
    [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 100 + index as u8)]
}

/// As above.
pub fn outer_v6(index: u16) -> [Ipv6Addr; 2] {
    [
        Ipv6Addr::new(0x2001, 0xdb8, 0xbeef, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0xdb8, 0xbeef, 0, 0, 0, 0, 0x100 + index),
    ]
}

/// A resolved backend.
pub fn backend(index: u16) -> Backend {
    let [high, low] = index.to_be_bytes();
    Backend {
        destination: [0x02, 0, 0, 0, high, low],
        state: Backend::USABLE,
        source: [0x02, 0xff, 0, 0, 0, 1],
        generation: 0,
        ifindex: INGRESS,
        first_counter: u32::from(index) * COUNTERS_PER_BACKEND,
        mtu: u16::MAX,
        ..Backend::default()
    }
}

/// All VIPs.
pub fn directory(&State { udp, hash, on_empty, echo: answer_echo, .. }: &State) -> Vec<DirectoryEntry> {
    let entry =
        |&(number, address, pool, services, drop_unknown_port): &(_, &str, _, &[&str], _)| DirectoryEntry {
            address: address.parse().unwrap(),
            number,
            pool,
            ordinal: u32::from(number),
            drop_unknown_port,
            answer_echo,
            hash,
            udp,
            on_empty,
            idle_timeout_ticks: IDLE_TIMEOUT,
            services: services.iter().map(|text| text.parse().unwrap()).collect(),
        };
    VIPS.iter().map(entry).collect()
}
