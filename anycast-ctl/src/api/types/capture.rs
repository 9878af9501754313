//! Captures: packets as the program saw and delivered them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::utc::Utc;

/// Which packets to show, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewCapture {
    /// What a packet has to be: an expression as in tcpdump, with `vip`, `pool`, `backend`, `reason`, `verdict` and `why`
    /// beside; empty: anything.
    #[schema(example = "vip www and tcp and syn")]
    pub expression: String,
    /// One packet, or flow, of so many.
    #[schema(minimum = 1)]
    pub sample: u32,
    /// Whether one of so many flows is meant, with all their packets.
    pub by_flow: bool,
    /// Most packets a second; 0: no limit.
    pub per_second: u32,
    /// Bytes of each packet.
    #[schema(minimum = 1, maximum = 2048)]
    pub snap_bytes: u16,
    /// Which side of the program.
    pub side: CaptureSide,
}

impl Default for NewCapture {
    fn default() -> Self {
        Self {
            expression: String::new(),
            sample: 1,
            by_flow: false,
            per_second: 10_000,
            snap_bytes: 256,
            side: CaptureSide::Both,
        }
    }
}

/// Which side of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaptureSide {
    /// As packets came.
    Before,
    /// As those that leave do.
    After,
    /// Both.
    Both,
}

/// One line of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum CaptureLine {
    /// The first.
    Begun(CaptureStatus),
    /// A packet.
    Packet(Box<CapturedPacket>),
    /// What became of packets so far: once a second.
    Tally(CaptureTally),
    /// The same to the end: the last line.
    Ended(CaptureTally),
}

/// A capture under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaptureStatus {
    /// Its number.
    pub id: u64,
    /// Who wanted it.
    pub by: String,
    /// Since when.
    pub since: Utc,
    /// What was wanted.
    pub wanted: NewCapture,
}

/// A packet on one side of the program, and what the program did with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapturedPacket {
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// Same for both sides of a packet, and for no other.
    pub sequence: u64,
    /// `before` or `after`.
    pub side: CaptureSide,
    /// Name of the interface it came or left by.
    pub interface: String,
    /// Kernel index of that.
    pub ifindex: u32,
    /// Bytes of the whole frame on this side.
    pub frame_bytes: u32,
    /// The first bytes of it, as hexadecimal digits.
    pub hex: String,
    /// What the program returned: `pass`, `drop`, `tx`, `redirect`.
    pub verdict: String,
    /// `delivered`, or why it was not.
    pub reason: String,
    /// Name of the VIP; absent for a packet that is none's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Name of its pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// The backend that was chosen: pool and name with a slash between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// How packets get there: `l2`, `local`, `ipip`, `gue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Why this backend: `current`, `opened`, `pinned`, `base`, `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Its slot, if it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<CapturedSlot>,
}

/// The slot of a packet's flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapturedSlot {
    /// Its number in the pool's table.
    pub number: u32,
    /// Slots of that table.
    pub slots: u32,
    /// The backend that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The one that owned it before; absent for a stable slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The flow's hash, as hexadecimal digits.
    pub hash: String,
}

/// What became of the packets that a filter let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaptureTally {
    /// Packets that it let through.
    pub matched: u64,
    /// Those of them that sampling left out.
    pub unsampled: u64,
    /// Those of the rest that the limit left out.
    pub limited: u64,
    /// Sides of packets that found the kernel's buffer full.
    pub lost: u64,
    /// Sides of packets that were not read fast enough.
    pub overrun: u64,
}
