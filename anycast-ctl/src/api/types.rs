//! What the socket API says, as JSON. The CLI prints these with `--json` unchanged.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::{Backend, Delivery, OnDown, OnUnknownPort, Service, UdpPolicy};

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Seconds since the daemon started steering.
    pub uptime_seconds: u64,
    /// Whether packets in several buffers are taken, as jumbo frames are on most drivers.
    pub multi_buffer: bool,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// `GET /v1/vips` answers these alone.
    pub vips: Vec<VipStatus>,
    /// `GET /v1/pools` answers these alone.
    pub pools: Vec<PoolStatus>,
    /// How full the maps are that remember flows and hold tables.
    pub maps: MapsStatus,
    /// Every reason for which a packet was not delivered, in the order of their codes.
    pub reasons: Vec<ReasonStatus>,
}

/// How full the maps are, all pools together. Flows are counted by the sweep: a few seconds old while any are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapsStatus {
    /// Remembered flows.
    pub pins: MapStatus,
    /// Flows of which only the opening packet was seen.
    pub embryonic: MapStatus,
    /// Slots of all tables, those in use; a table that is replaced takes its slots twice for a moment.
    pub slots: MapStatus,
}

/// How full one map is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapStatus {
    /// Entries there are.
    pub used: u64,
    /// Entries there can be.
    pub capacity: u64,
}

/// One interface the program is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Kernel name.
    pub name: String,
    /// Kernel index.
    pub index: u32,
    /// `native` or `generic`.
    pub mode: XdpMode,
    /// Whether it still exists: the program goes with the interface, also when another of its name comes.
    pub present: bool,
}

/// How the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum XdpMode {
    /// In the driver, before an skb exists.
    Native,
    /// In the stack, on any interface; slow.
    Generic,
}

impl XdpMode {
    /// `native` or `generic`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// Packets, bytes and new flows since the program was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Packets delivered.
    pub packets: u64,
    /// Bytes of those packets, from the IP header on.
    pub bytes: u64,
    /// Packets that opened a flow: TCP SYN without ACK.
    pub new_flows: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.new_flows += other.new_flows;
    }
}

impl From<anycast_common::counter::Traffic> for Traffic {
    fn from(traffic: anycast_common::counter::Traffic) -> Self {
        Self { packets: traffic.packets, bytes: traffic.bytes, new_flows: traffic.new_flows }
    }
}

/// One VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VipStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its services.
    pub services: Vec<Service>,
    /// The pool that serves it.
    pub pool: String,
    /// What happens to packets no service names.
    pub on_unknown_port: OnUnknownPort,
    /// Whether pings are answered here.
    pub echo: bool,
    /// Delivered to any backend, removed ones included.
    pub traffic: Traffic,
    /// Reasons for which packets to this VIP were not delivered; those with no packets are left out.
    pub reasons: Vec<ReasonStatus>,
    /// How packets to this VIP came to their outcome, where that is worth counting; details with no packets are left out.
    pub details: Vec<DetailStatus>,
    /// Delivered per backend, removed ones included.
    pub backends: Vec<VipBackendStatus>,
}

/// What one backend got of one VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VipBackendStatus {
    /// Name of the backend.
    pub name: String,
    /// Its address: a removed backend may share its name with another one.
    pub address: IpAddr,
    /// Delivered to it.
    pub traffic: Traffic,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// Slots of its table.
    pub slots: u32,
    /// How packets get to those of its backends that do not say.
    pub delivery: Delivery,
    /// How its UDP flows are remembered.
    pub udp: UdpPolicy,
    /// What becomes of the flows of a backend that is down.
    pub on_down: OnDown,
    /// Seconds a flow may be silent before it is taken for ended.
    pub idle_timeout_seconds: u64,
    /// Its slots in transition.
    pub transition: TransitionStatus,
    /// `GET /v1/pools/{pool}/backends` answers these alone. Removed backends follow the others.
    pub backends: Vec<BackendStatus>,
}

/// The slots of a pool that remember a base owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionStatus {
    /// How many.
    pub slots: u32,
    /// Seconds since the pool last had none; absent while it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_seconds: Option<u64>,
    /// Whose flows are waited for, the one with the most slots first.
    pub base_owners: Vec<BaseOwnerStatus>,
}

/// A backend whose flows of before a transition may live on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseOwnerStatus {
    /// Name of the backend.
    pub name: String,
    /// Its address: a removed backend may share its name with another one.
    pub address: IpAddr,
    /// Slots of which it is the base owner.
    pub slots: u32,
}

/// `GET /v1/pools/{pool}/slots`: the whole slot table, in runs of slots that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotsStatus {
    /// Name of the pool.
    pub pool: String,
    /// Slots of its table; 0 while the pool has no usable backend.
    pub slots: u32,
    /// The backends that runs name by their place in this list.
    pub backends: Vec<SlotOwner>,
    /// In the order of the slots, without gaps.
    pub runs: Vec<SlotRun>,
}

/// A backend that owns slots, or did before a transition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotOwner {
    /// Name of the backend.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
}

/// Consecutive slots that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotRun {
    /// The first slot.
    pub first: u32,
    /// How many.
    pub length: u32,
    /// Who owns them; absent when nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<u16>,
    /// Their base owner; absent when they are stable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u16>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its weight.
    pub weight: u32,
    /// How packets get to it.
    pub delivery: Delivery,
    /// Bytes of the largest packet that fits the way to it: the path MTU, less the outer headers. Absent while it is not
    /// reached, and where any packet fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// Whether it is steered to.
    pub state: BackendState,
    /// Why it is not steered to, for people to read; absent while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where its frames go; absent while it is not reached, and where they stay on this host.
    pub next_hop: Option<NextHopStatus>,
    /// Slots of the pool's table that are its own.
    pub slots: u32,
    /// Slots its weight entitles it to, among the backends that are neither draining nor down.
    pub slots_wanted: u32,
    /// Flows that are remembered as its own, as the last sweep counted them. Flows of stable slots are not remembered.
    pub pins: u64,
    /// Its drain; absent while it is not draining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainStatus>,
    /// Delivered to it, all VIPs together.
    pub traffic: Traffic,
}

/// Whether a backend is steered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// It has slots.
    Up,
    /// It gets no new flows; those it has live on.
    Draining,
    /// The site has it disabled: no flows at all.
    Disabled,
    /// It was marked down: no slots.
    Down,
    /// There is no way to it, mostly as its next hop's link-layer address is unknown: no slots.
    Unresolved,
    /// It was removed; its counters are still shown.
    Removed,
}

/// A drain under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainStatus {
    /// Seconds until flows that still live are given up; absent when they are waited for without end.
    pub remaining_seconds: Option<u64>,
}

/// Where frames for a backend go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextHopStatus {
    /// Interface they leave by.
    pub interface: String,
    /// The neighbour: the backend itself or its gateway.
    pub neighbour: IpAddr,
    /// The neighbour's link-layer address, `02:00:00:00:00:01`.
    pub mac: String,
}

/// Packets for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonStatus {
    /// Its number, never reused.
    pub code: u32,
    /// Its label.
    pub reason: String,
    /// `pass`, `drop` or `answer`.
    pub verdict: String,
    /// Packets.
    pub packets: u64,
}

/// Packets with one detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailStatus {
    /// Its number, never reused.
    pub code: u32,
    /// Its label.
    pub detail: String,
    /// Packets.
    pub packets: u64,
}

/// Body of `POST /v1/pools/{pool}/backends`.
pub type NewBackend = Backend;

/// Body of `POST /v1/pools/{pool}/backends/{backend}/drain`; may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDrain {
    /// Seconds until flows that still live are given up. Absent: they are waited for without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
}

/// Body of `PUT /v1/pools/{pool}/backends/{backend}/weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWeight {
    /// At least 1.
    pub weight: u32,
}

/// Body of `PUT /v1/pools/{pool}/backends/{backend}/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHealth {
    /// Whether it may be steered to.
    pub up: bool,
}

/// One change of a pool's backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A further backend.
    Add(NewBackend),
    /// One less.
    Remove {
        /// Name of the backend.
        name: String,
    },
    /// No new flows for a backend; again: another deadline.
    Drain {
        /// Name of the backend.
        name: String,
        /// How long its flows are waited for; `None`: without end.
        deadline: Option<Duration>,
    },
    /// New flows for it again.
    Undrain {
        /// Name of the backend.
        name: String,
    },
    /// Another share of new flows.
    Weight {
        /// Name of the backend.
        name: String,
        /// At least 1.
        weight: u32,
    },
    /// The operator's verdict on it.
    Mark {
        /// Name of the backend.
        name: String,
        /// Whether it may be steered to.
        up: bool,
    },
}

impl Change {
    /// Name of the backend that is changed.
    pub fn backend(&self) -> &str {
        match self {
            Self::Add(backend) => &backend.name,
            Self::Remove { name }
            | Self::Drain { name, .. }
            | Self::Undrain { name }
            | Self::Weight { name, .. }
            | Self::Mark { name, .. } => name,
        }
    }

    /// Whether the backend is meant to own slots after it.
    pub const fn asks_for_slots(&self) -> bool {
        match self {
            Self::Add(_) | Self::Undrain { .. } | Self::Weight { .. } => true,
            Self::Mark { up, .. } => *up,
            Self::Remove { .. } | Self::Drain { .. } => false,
        }
    }
}

/// What a change would do, asked for with `?dry_run=true`. Nothing has been changed.
///
/// Flows of stable slots are recorded nowhere, so nobody can say how many there are: of these the plan knows the slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStatus {
    /// Name of the pool.
    pub pool: String,
    /// Name of the backend that would be changed.
    pub backend: String,
    /// Slots of the pool's table.
    pub slots: u32,
    /// Slots whose new flows would go to another backend than before.
    pub slots_moved: u32,
    /// Slots of every backend before and after.
    pub shares: Vec<PlanShare>,
    /// Remembered flows of the backend that would be changed.
    pub pins: u64,
    /// Sessions that would break; absent when none would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<PlanBreaks>,
    /// Why the change would have no effect yet, for people to read; absent when it would at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

/// Slots of one backend before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanShare {
    /// Name of the backend.
    pub name: String,
    /// Slots it owns.
    pub before: u32,
    /// Slots it would own.
    pub after: u32,
}

/// Sessions that would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBreaks {
    /// Remembered flows.
    pub pins: u64,
    /// Slots all of whose unrecorded flows would break; how many these are is not known.
    pub slots: u32,
    /// Seconds until then: 0, or a drain's deadline. Flows that end before do not break.
    pub after_seconds: u64,
}

/// Body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// What is wrong and what to do next.
    pub error: String,
}
