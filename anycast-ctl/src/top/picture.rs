//! How things are at one moment, with rates since the moment before.

use std::{net::IpAddr, ops::Range, time::Duration};

use serde::Serialize;

use super::{history::History, rates::Rates};
use crate::{
    api::types::{
        BackendHealth, BackendState, BackendStatus, InterfaceStatus, MapsStatus, PanicStatus,
        RoutingDaemonStatus, Traffic, TransitionStatus, VipAnnouncement,
    },
    utc::Utc,
};

#[cfg(test)]
pub mod fixture;
mod next;
#[cfg(test)]
mod tests;

pub use next::Sample;

/// All of it. As JSON it is a line of `anycast-ctl top --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// When it was taken.
    pub at: Utc,
    /// The same, since this program began to look.
    #[serde(skip)]
    pub taken: Duration,
    /// Seconds that the rates are means of; `None` in the first picture, which has none.
    pub seconds: Option<f64>,
    /// Version of the daemon.
    pub version: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Seconds since the daemon started steering.
    pub uptime_seconds: u64,
    /// What somebody should look at, for people to read, the worst first.
    pub alarms: Vec<String>,
    /// How things are when there is no alarm, for people to read.
    pub summary: String,
    /// Delivered of all VIPs together.
    pub total: Meter,
    /// Packets to VIPs that were dropped a second.
    pub drops_per_second: Option<f64>,
    /// Every VIP.
    pub vips: Vec<VipRow>,
    /// Every backend of every pool.
    pub backends: Vec<BackendRow>,
    /// Every reason for which a packet was not delivered.
    pub reasons: Vec<ReasonRow>,
    /// Every pool.
    pub pools: Vec<PoolRow>,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// How full the maps are.
    pub maps: MapsStatus,
    /// The routing daemon; `None` where the site announces nothing.
    pub routing_daemon: Option<RoutingDaemonStatus>,
}

/// Traffic counters of one thing, and how fast they grow.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Meter {
    /// The counters.
    pub traffic: Traffic,
    /// How fast they grew; `None` when that is unknown.
    pub rates: Option<Rates>,
    /// Packets a second in the last minute.
    #[serde(skip)]
    pub history: History,
}

/// Packets that were not delivered, and how fast they become more.
#[derive(Clone, Debug, Serialize)]
pub struct ReasonRow {
    /// Its number.
    pub code: u32,
    /// Its label.
    pub reason: String,
    /// `pass`, `drop` or `answer`.
    pub verdict: String,
    /// Packets.
    pub packets: u64,
    /// How fast they grew; `None` when that is unknown.
    pub packets_per_second: Option<f64>,
    /// The same in the last minute.
    #[serde(skip)]
    pub history: History,
}

/// One VIP.
#[derive(Clone, Debug, Serialize)]
pub struct VipRow {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its services.
    pub services: Vec<String>,
    /// The pool that serves it.
    pub pool: String,
    /// Backends of that pool that are up.
    pub up: u32,
    /// Backends of that pool, removed ones not counted.
    pub of: u32,
    /// Delivered to any backend.
    #[serde(flatten)]
    pub meter: Meter,
    /// Packets to it that were dropped a second.
    pub drops_per_second: Option<f64>,
    /// Delivered per backend.
    pub backends: Vec<Part>,
    /// Not delivered, per reason.
    pub reasons: Vec<ReasonRow>,
    /// Its announcement; `None` where the site announces nothing.
    pub announcement: Option<VipAnnouncement>,
}

/// What one backend gets of one VIP.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Name of the backend.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Delivered to it.
    #[serde(flatten)]
    pub meter: Meter,
}

/// One backend of one pool.
#[derive(Clone, Debug, Serialize)]
pub struct BackendRow {
    /// Name of its pool.
    pub pool: String,
    /// Slots of that pool's table.
    #[serde(skip)]
    pub pool_slots: u32,
    /// Slots whose base owner it is, while another owns them.
    pub base_slots: u32,
    /// The backend as the daemon has it.
    #[serde(flatten)]
    pub status: BackendStatus,
    /// How fast its counters grow; the counters themselves are in `status`.
    #[serde(rename = "rates", serialize_with = "rates_alone")]
    pub meter: Meter,
    /// What its checks say; `None` when it has none.
    pub health: Option<BackendHealth>,
}

/// One pool.
#[derive(Clone, Debug, Serialize)]
pub struct PoolRow {
    /// Its name.
    pub name: String,
    /// Slots of its table.
    pub slots: u32,
    /// Those of them in transition.
    pub transition: TransitionStatus,
    /// Where its backends are in [`Picture::backends`].
    #[serde(skip)]
    pub backends: Range<usize>,
    /// Backends that are up.
    pub up: u32,
    /// Backends, removed ones not counted.
    pub of: u32,
    /// Delivered to its backends.
    #[serde(rename = "rates", serialize_with = "rates_alone")]
    pub meter: Meter,
    /// Too many of its backends fail at once.
    pub panic: Option<PanicStatus>,
}

impl Picture {
    /// The VIP of that name.
    pub fn vip(&self, name: &str) -> Option<&VipRow> {
        self.vips.iter().find(|vip| vip.name == name)
    }

    /// The backend of that address in that pool.
    pub fn backend(&self, pool: &str, address: IpAddr) -> Option<&BackendRow> {
        let backends = self.backends.get(self.pool(pool)?.backends.clone())?;
        backends.iter().find(|backend| backend.status.address == address)
    }

    /// The pool of that name.
    pub fn pool(&self, name: &str) -> Option<&PoolRow> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// Slots in transition, of all pools.
    pub fn moving_slots(&self) -> u64 {
        self.pools.iter().map(|pool| u64::from(pool.transition.slots)).sum()
    }
}

impl BackendRow {
    /// Whether it is one of its pool's.
    pub fn is_there(&self) -> bool {
        self.status.state != BackendState::Removed
    }
}

fn rates_alone<S: serde::Serializer>(meter: &Meter, serializer: S) -> Result<S::Ok, S::Error> {
    meter.rates.serialize(serializer)
}
