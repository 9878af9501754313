//! The daemon as a whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AnnounceBrief, DriftStatus, PoolStatus, Progress, RightsStatus, VipStatus, WebStatus};

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Seconds since the daemon started steering.
    pub uptime_seconds: u64,
    /// Whether packets in several buffers are taken, as jumbo frames are on most drivers.
    pub multi_buffer: bool,
    /// Which revision is desired, and whether the dataplane has it.
    pub desired: Progress,
    /// Whether an operator took the program off all interfaces: nothing is steered until `anycast-ctl attach`.
    #[serde(default)]
    pub detached: bool,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// `GET /v1/vips` answers these alone.
    pub vips: Vec<VipStatus>,
    /// `GET /v1/pools` answers these alone.
    pub pools: Vec<PoolStatus>,
    /// How announcements are; absent where the site has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcements: Option<AnnounceBrief>,
    /// What somebody changed in the maps.
    #[serde(default)]
    pub drift: DriftStatus,
    /// Where metrics are served; absent where they are not to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<WebStatus>,
    /// What the daemon may do; absent from versions that do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<RightsStatus>,
    /// How full the maps are that remember flows and hold tables.
    pub maps: MapsStatus,
    /// Every reason for which a packet was not delivered, in the order of their codes.
    pub reasons: Vec<ReasonStatus>,
}

/// How full the maps are, all pools together. Flows are counted by the sweep: a few seconds old while any are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MapsStatus {
    /// Remembered flows.
    pub pins: MapStatus,
    /// Flows of which only the opening packet was seen.
    pub embryonic: MapStatus,
    /// Slots of all tables, those in use; a table that is replaced takes its slots twice for a moment.
    pub slots: MapStatus,
    /// Counters of (VIP, backend) pairs, those included of pairs that are gone and still read.
    #[serde(default)]
    pub traffic_counters: MapStatus,
    /// Rows of counters of VIPs, those of VIPs that are gone and still read included.
    #[serde(default)]
    pub vips: MapStatus,
}

/// How full one map is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MapStatus {
    /// Entries there are.
    pub used: u64,
    /// Entries there can be.
    pub capacity: u64,
}

/// One interface the program is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterfaceStatus {
    /// Kernel name.
    pub name: String,
    /// Kernel index.
    pub index: u32,
    /// `native` or `generic`.
    pub mode: XdpMode,
    /// Whether it still exists: the program goes with the interface, and is attached again when another of its name comes.
    pub present: bool,
    /// What is wrong with it, for people to read; absent while nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
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

/// Packets for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DetailStatus {
    /// Its number, never reused.
    pub code: u32,
    /// Its label.
    pub detail: String,
    /// Packets.
    pub packets: u64,
}
