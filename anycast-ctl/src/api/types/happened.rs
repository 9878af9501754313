//! What belongs to single kinds of events.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{moment::Moment, store::Author, utc::Utc};

/// Something about the daemon itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DaemonEvent {
    /// What.
    pub what: DaemonStep,
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The desired revision; 0 before the first.
    pub revision: u64,
}

/// What a daemon does in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DaemonStep {
    /// It loaded the dataplane, and steers.
    Started,
    /// It took over the dataplane that was there, and steers.
    TookOver,
    /// It took the dataplane down: nothing is steered.
    Down,
    /// It ends.
    Stopping,
}

/// Somebody asked the daemon to change something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestEvent {
    /// Who, as the kernel knows the process.
    pub author: Author,
    /// The same, for people to read.
    pub who: String,
    /// Method of the request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// HTTP status of the answer: 2xx is done, anything else refused.
    pub status: u16,
}

/// A slot table that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableEvent {
    /// Name of the pool.
    pub pool: String,
    /// The desired revision.
    pub revision: u64,
    /// Slots of the table; 0 when nobody can own any.
    pub slots: u32,
    /// Those that have another owner than before.
    pub moved: u32,
    /// Those in transition from then on.
    pub in_transition: u32,
    /// Microseconds that it took to compute and publish it.
    pub took_us: u64,
    /// Why, for people to read.
    pub why: String,
}

/// A drain that an operator asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrainEvent {
    /// What.
    pub what: DrainStep,
    /// Name of the pool.
    pub pool: String,
    /// Name of the backend.
    pub backend: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// When flows that are left are given up; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Utc>,
    /// Slots that still waited for flows of before.
    pub slots: u32,
    /// Remembered flows that it still had.
    pub flows: u64,
    /// Why, for people to read.
    pub why: String,
}

/// What a drain comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrainStep {
    /// It began.
    Begun,
    /// It has another deadline.
    Changed,
    /// Its deadline has passed: flows that are left are over.
    Deadline,
    /// It is over: no flow is left, or the backend is gone.
    Ended,
    /// The backend was taken back before that.
    TakenBack,
}

impl DrainStep {
    /// As people say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Begun => "begins",
            Self::Changed => "goes on",
            Self::Deadline => "is at its deadline",
            Self::Ended => "is over",
            Self::TakenBack => "is taken back",
        }
    }
}

impl fmt::Display for DrainStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Packets that were dropped since it was last told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DropEvent {
    /// Name of the VIP they were sent to; absent when that was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Why: a label of `status` and the metrics.
    pub reason: String,
    /// The same in words.
    pub description: String,
    /// How many.
    pub packets: u64,
    /// Seconds in which they came.
    pub seconds: u64,
    /// Whether the site, and not the packets, is to blame.
    pub bad: bool,
}

/// A map that fills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapacityEvent {
    /// Which: a key of `[maps]` in the site file.
    pub map: String,
    /// Entries that are used.
    pub used: u64,
    /// Entries there are.
    pub capacity: u64,
    /// The mark it is above, in percent: 80 or 95; 0 when it is below both again.
    pub above_percent: u8,
}

/// `GET /v1/log`: what is logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    /// The filter, as `run --log` takes it.
    pub filter: String,
    /// The filter that the daemon was started with.
    pub usual: String,
    /// When it is the usual one again; absent: not before the daemon ends, or it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Who wanted it, for people to read; absent while it is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// How lines are written: `text`, `json` or `journald`.
    pub format: String,
    /// Lines that nobody took in time, and that are lost.
    pub lost: u64,
}

/// Body of `PUT /v1/log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLog {
    /// The filter: `error`, `warn`, `info`, `debug`, `trace`, or such as `info,anycast_ctl::neighbour=debug`.
    pub filter: String,
    /// Seconds until the usual one is back; absent: for as long as the daemon runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}
