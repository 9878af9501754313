//! The desired state: what the operator wants this host to steer, and the rules it must keep.

use std::{net::IpAddr, time::Duration};

use anycast_common::limits::MAX_SLOTS;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{period, utc::Utc};

pub mod announce;
#[cfg(test)]
pub mod arbitrary;
mod check;
mod choice;
mod delivery;
pub mod diff;
pub mod edit;
pub mod health;
mod maps;
mod policy;
mod prime;
mod seed;
mod service;
pub mod shape;

pub use announce::{
    AllDown, Announce, AnnouncePolicy, BirdSettings, Driver, ExabgpSettings, FrrSettings, GobgpSettings,
    KernelMode, KernelSettings, OnStop, Shutdown,
};
pub use check::{NO_INTERFACE, Problem};
pub use choice::label;
pub use delivery::{Delivery, TunnelSettings, VlanTags};
pub use diff::SiteDiff;
pub use edit::{Edit, EditError};
pub use health::{
    Check, CheckKind, DnsTransport, Feedback, FeedbackKind, MinHealthy, Payload, Percent, QueryType,
    RampCurve, Rcode, StatusSet, Unchecked, Via,
};
pub use maps::MapSizes;
pub use policy::{AdminState, HashPolicy, OnDown, OnEmpty, OnUnknownPort, UdpPolicy, WhenDrained};
pub use prime::{is_prime, next_prime};
pub use seed::{Seed, SeedError};
pub use service::{Protocol, Service, ServiceError};

/// Slots a pool gets when its entry names no number: the prime the Maglev paper calls small (section 5.3).
pub const DEFAULT_SLOTS: u32 = 65_537;

/// How long a flow may be silent in a pool whose entry does not say.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// ICMP errors that a CPU may send in a second when the site does not say.
pub const DEFAULT_TOO_BIG_PER_SECOND: u32 = 1_000;

/// Everything one host steers. Serialized it has the keys and values of a site file, the seeds included: whoever shows it to
/// people or logs leaves them out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// What this host is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "shape::Name")]
    pub node: Option<String>,
    /// Interfaces the XDP program is attached to.
    #[schemars(with = "Vec<shape::InterfaceName>")]
    pub interfaces: Vec<String>,
    /// Secret key of the flow hash and of the slot tables, shared by all hosts of a fleet.
    /// Left out: the daemon draws one, and no other host steers alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Seed")]
    pub seed: Option<Seed>,
    /// Sizes of the dataplane's maps.
    #[serde(default)]
    pub maps: MapSizes,
    /// What the outer headers of tunnels have in common.
    #[serde(default)]
    pub tunnel: TunnelSettings,
    /// What the program answers by itself.
    #[serde(default)]
    pub icmp: IcmpSettings,
    /// How routes to the VIPs are announced. Left out: they are not, by this daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<Box<Announce>>,
    /// The pools, in the order they were written.
    #[serde(default, rename = "pool")]
    pub pools: Vec<Pool>,
    /// The VIPs, in the order they were written.
    #[serde(default, rename = "vip")]
    pub vips: Vec<Vip>,
}

/// How the program answers packets that cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IcmpSettings {
    /// ICMP errors that a CPU may send in a second about packets that do not fit; 0: none.
    #[schemars(range(max = u32::MAX))]
    pub too_big_per_second: u32,
}

impl Default for IcmpSettings {
    fn default() -> Self {
        Self { too_big_per_second: DEFAULT_TOO_BIG_PER_SECOND }
    }
}

/// A named set of backends that share one slot table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Unique among pools.
    #[schemars(with = "shape::Name")]
    pub name: String,
    /// How packets get to those of its backends that do not say.
    #[serde(default)]
    pub delivery: Delivery,
    /// What of a packet decides which slot it falls into.
    #[serde(default)]
    pub hash: HashPolicy,
    /// Slots of the table: a prime, at least the number of backends.
    #[serde(default = "default_slots")]
    #[schemars(range(min = 1, max = MAX_SLOTS))]
    pub slots: u32,
    /// Secret key of its slot table alone; the flow hash keeps the site's. Left out: the site's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Seed")]
    pub seed: Option<Seed>,
    /// How its UDP flows are remembered.
    #[serde(default)]
    pub udp: UdpPolicy,
    /// What becomes of the flows of a backend that is down.
    #[serde(default)]
    pub on_down: OnDown,
    /// What happens to its packets while nobody of it is left.
    #[serde(default)]
    pub on_empty: OnEmpty,
    /// How long a flow may be silent before it is taken for ended. 1 s to 24 h, in whole seconds.
    #[serde(default = "default_idle_timeout", with = "period::as_text")]
    #[schema(value_type = String, example = "5m")]
    #[schemars(with = "shape::Period")]
    pub idle_timeout: Duration,
    /// What its backends must answer to be steered to. Left out: they are while their next hops answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<Check>>,
    /// What becomes of a backend that no check has judged yet.
    #[serde(default)]
    pub unchecked: Unchecked,
    /// When more than this share of its backends fails at once, the checker or the site is taken for broken, and nobody is
    /// taken out.
    #[serde(default = "default_panic_threshold")]
    pub panic_threshold: Percent,
    /// With fewer healthy backends than that it counts as unhealthy. Left out: with none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_healthy: Option<MinHealthy>,
    /// How long the share of a backend that comes up takes to grow to what its weight says. 0s to 1h; 0s: it has it at once.
    #[serde(default, with = "period::as_text")]
    #[schema(value_type = String, example = "30s")]
    #[schemars(with = "shape::Period")]
    pub slow_start: Duration,
    /// How it grows meanwhile.
    #[serde(default)]
    pub slow_start_curve: RampCurve,
    /// Where its backends say how loaded they are. Left out: shares are what weights say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Box<Feedback>>,
    /// The servers. At least one.
    #[serde(rename = "backend")]
    #[schemars(length(min = 1))]
    pub backends: Vec<Backend>,
}

/// One server of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// Unique within its pool.
    #[schemars(with = "shape::Name")]
    pub name: String,
    /// The server's own address: where its next hop is looked up, and where tunnels end.
    #[schema(value_type = String)]
    #[schemars(with = "shape::Address")]
    pub address: IpAddr,
    /// Share of the pool's new flows, relative to the other weights. At least 1.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub weight: u32,
    /// How packets get to it; left out: as its pool has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Delivery")]
    pub delivery: Option<Delivery>,
    /// Whether it takes new flows only while none of its pool's others may that are no backups.
    #[serde(default)]
    pub backup: bool,
    /// Whether it takes flows.
    #[serde(default)]
    pub state: AdminState,
    /// When the flows that are left are given up; only while it is draining. Left out: they are waited for without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Utc")]
    pub drain_until: Option<Utc>,
    /// What becomes of it when it is draining and no flow of its is left.
    #[serde(default)]
    pub when_drained: WhenDrained,
    /// What it must answer otherwise than its pool's others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<Check>>,
}

/// A named anycast address, its services, and the pool that serves them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vip {
    /// Unique among VIPs.
    #[schemars(with = "shape::Name")]
    pub name: String,
    /// The anycast address. Unique among VIPs.
    #[schema(value_type = String)]
    #[schemars(with = "shape::Address")]
    pub address: IpAddr,
    /// What is served on it. At least one.
    #[schemars(length(min = 1))]
    pub services: Vec<Service>,
    /// Name of the pool that serves it.
    #[schemars(with = "shape::Name")]
    pub pool: String,
    /// What happens to packets for a protocol and port no service names.
    #[serde(default)]
    pub on_unknown_port: OnUnknownPort,
    /// Whether pings of it are answered here.
    #[serde(default = "default_echo")]
    pub echo: bool,
    /// When it is announced, if the site has `[announce]`.
    #[serde(default)]
    pub announce: AnnouncePolicy,
    /// The prefix that is announced for it, which it lies in; left out: its address alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    #[schemars(with = "Option<shape::Prefix>")]
    pub prefix: Option<IpNet>,
    /// With fewer healthy backends than that it is not announced. Left out: as its pool has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_healthy: Option<MinHealthy>,
}

impl Site {
    /// The pool of that name.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// The pool of that name, to edit.
    pub fn pool_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.iter_mut().find(|pool| pool.name == name)
    }

    /// The VIP of that name.
    pub fn vip(&self, name: &str) -> Option<&Vip> {
        self.vips.iter().find(|vip| vip.name == name)
    }
}

impl Pool {
    /// A pool of that name in which everything else is what an entry gets that does not say.
    pub fn new(name: impl Into<String>, backends: Vec<Backend>) -> Self {
        Self {
            name: name.into(),
            delivery: Delivery::default(),
            hash: HashPolicy::default(),
            slots: default_slots(),
            seed: None,
            udp: UdpPolicy::default(),
            on_down: OnDown::default(),
            on_empty: OnEmpty::default(),
            idle_timeout: default_idle_timeout(),
            check: None,
            unchecked: Unchecked::default(),
            panic_threshold: default_panic_threshold(),
            min_healthy: None,
            slow_start: Duration::ZERO,
            slow_start_curve: RampCurve::default(),
            feedback: None,
            backends,
        }
    }

    /// The backend of that name.
    pub fn backend(&self, name: &str) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.name == name)
    }

    /// Whether something is asked of a backend of this pool.
    pub fn is_checked(&self, backend: &Backend) -> bool {
        let own = backend.check.as_ref().and_then(|check| check.kind);
        let pools = self.check.as_ref().and_then(|check| check.kind);
        own.or(pools).is_some_and(|kind| kind != CheckKind::None)
    }

    /// What a backend of this pool must answer; `None`: nothing is asked.
    pub fn check_of(&self, backend: &Backend) -> Option<Box<Check>> {
        match (&backend.check, &self.check) {
            (Some(own), Some(pool)) => Some(Box::new(own.over(pool))),
            (own, pool) => own.clone().or_else(|| pool.clone()),
        }
    }
}

impl Backend {
    /// An active one of weight 1 that is reached as its pool has it.
    pub fn new(name: impl Into<String>, address: IpAddr) -> Self {
        Self {
            name: name.into(),
            address,
            weight: default_weight(),
            delivery: None,
            backup: false,
            state: AdminState::default(),
            drain_until: None,
            when_drained: WhenDrained::default(),
            check: None,
        }
    }
}

impl Vip {
    /// A VIP in which everything else is what an entry gets that does not say.
    pub fn new(
        name: impl Into<String>,
        address: IpAddr,
        services: Vec<Service>,
        pool: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            address,
            services,
            pool: pool.into(),
            on_unknown_port: OnUnknownPort::default(),
            echo: default_echo(),
            announce: AnnouncePolicy::default(),
            prefix: None,
            min_healthy: None,
        }
    }

    /// The prefix that is announced for it.
    pub fn announced_prefix(&self) -> IpNet {
        self.prefix.unwrap_or_else(|| self.address.into())
    }
}

const fn default_slots() -> u32 {
    DEFAULT_SLOTS
}

const fn default_panic_threshold() -> Percent {
    health::DEFAULT_PANIC_THRESHOLD
}

const fn default_idle_timeout() -> Duration {
    DEFAULT_IDLE_TIMEOUT
}

/// The weight of a backend whose entry names none.
pub const fn default_weight() -> u32 {
    1
}

/// Whether a VIP whose entry does not say answers pings.
pub const fn default_echo() -> bool {
    true
}
