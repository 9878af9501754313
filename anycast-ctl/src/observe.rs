//! Watching packets: whoever wants to see some of them says which, and gets them one by one.
//!
//! ```text
//!  subscribe ─▶ observer ─ first one: loads the program that shows packets, has the controller put it on the interfaces
//!                  │      ─ sets a tap
//!  packets ──▶ ring buffer ─▶ reader (a thread) ─▶ a bounded queue for each subscription ─▶ whoever subscribed
//!                  │
//!  dropped ─▶ observer ─ switches the tap off; last one: the controller puts the ordinary program back
//! ```
//!
//! Nothing here holds up packets: what finds the ring buffer or its queue full is counted and gone.

mod observer;
mod reader;
mod subscription;

use std::{num::NonZeroU32, time::SystemTime};

use anycast_common::{
    tap::{Filter, MAX_SNAP, Side, Tap},
    walk::Walk,
};

pub use self::{
    observer::Observer,
    subscription::{Subscription, Tally},
};

/// Which packets to show, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapSpec {
    /// What a packet has to be; [`Filter::ALL`]: anything.
    pub filter: Filter,
    /// One of so many is shown.
    pub sample: NonZeroU32,
    /// Whether one of so many flows is meant, with all their packets, and not one of so many packets.
    pub by_flow: bool,
    /// Most packets shown in a second; `None`: no limit. Beyond it packets are counted, and not shown.
    pub per_second: Option<NonZeroU32>,
    /// Bytes shown of each packet, from 1 to [`MAX_SNAP`].
    pub snap_bytes: u16,
    /// Whether packets are shown as they came.
    pub before: bool,
    /// Whether packets that leave are shown as they do.
    pub after: bool,
    /// Records that may wait to be taken; beyond them records are counted, and gone.
    pub queue: usize,
}

impl Default for TapSpec {
    /// Every packet, as it came, 256 bytes of it.
    fn default() -> Self {
        Self {
            filter: Filter::ALL,
            sample: NonZeroU32::MIN,
            by_flow: false,
            per_second: None,
            snap_bytes: 256,
            before: true,
            after: false,
            queue: 4096,
        }
    }
}

impl TapSpec {
    fn tap(&self, generation: u32) -> Tap {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        Tap {
            filter: self.filter,
            generation,
            sample: self.sample.get(),
            per_second: self.per_second.map_or(0, NonZeroU32::get),
            snap: u32::from(self.snap_bytes).clamp(1, MAX_SNAP as u32),
            flags: flag(self.before, Tap::BEFORE)
                | flag(self.after, Tap::AFTER)
                | flag(self.by_flow, Tap::BY_FLOW),
            reserved: 0,
        }
    }
}

/// A packet on one side of the program.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What the program did with it.
    pub walk: Walk,
    /// When.
    pub time: SystemTime,
    /// When, by a clock that is never set: ns since boot, without suspended time (`CLOCK_MONOTONIC`).
    pub monotonic_ns: u64,
    /// Same for both sides of a packet, and for no other.
    pub sequence: u64,
    /// Which side.
    pub side: Side,
    /// Bytes of the whole frame on this side.
    pub frame_bytes: u32,
    /// The first ones, from the Ethernet header on.
    pub bytes: Box<[u8]>,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// All taps are taken.
    #[error("{} captures are running already: end one of them first", anycast_common::tap::MAX_TAPS)]
    Busy,
    /// The kernel or the controller refuses.
    #[error("{0}")]
    Refused(String),
    /// The daemon is on its way out.
    #[error("the daemon is stopping: try again later")]
    Stopping,
}
