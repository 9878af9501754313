//! What watchers are told.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AnnounceEvent, BackendState, CapacityEvent, DaemonEvent, DrainEvent, DropEvent, HealthEvent, LogStatus,
    RequestEvent, RevisionStatus, TableEvent,
};
use crate::utc::Utc;

/// One thing that happened. In `GET /v1/events` its kind is also the name of the server-sent event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first of every watcher: how things are. What follows are changes of it, and before these whatever was to be told
    /// of earlier.
    Hello(Progress),
    /// The daemon began to steer, ends, or took the dataplane down.
    Daemon(DaemonEvent),
    /// Somebody asked the daemon to change something.
    Request(RequestEvent),
    /// The desired state changed.
    Revision(RevisionStatus),
    /// The operator marked a backend up or down.
    Mark {
        /// Name of its pool.
        pool: String,
        /// Its name.
        backend: String,
        /// Whether it may be steered to.
        up: bool,
        /// Who marked it, for people to read.
        who: String,
    },
    /// The dataplane could not be brought to the desired state. Told once when it begins.
    Behind(BehindStatus),
    /// The dataplane has what is desired again.
    CaughtUp {
        /// The revision it has.
        revision: u64,
    },
    /// A pool's slot table was published.
    Table(TableEvent),
    /// The last slot in transition of a pool is stable again.
    Settled {
        /// Name of the pool.
        pool: String,
        /// For how long it had slots in transition.
        seconds: u64,
    },
    /// A backend's state became otherwise.
    Backend {
        /// Name of its pool.
        pool: String,
        /// Its name.
        backend: String,
        /// Its address.
        #[schema(value_type = String)]
        address: IpAddr,
        /// Its state before; absent for one that was added.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<BackendState>,
        /// Its state.
        after: BackendState,
    },
    /// Checks found something.
    Health(HealthEvent),
    /// A backend's drain began, changed, or is over.
    Drain(DrainEvent),
    /// A VIP is announced otherwise, its route or the routing daemon is in trouble, or the site is drained.
    Announce(AnnounceEvent),
    /// The program was attached to an interface, or is no longer.
    Interface {
        /// Kernel name.
        name: String,
        /// Whether it is attached.
        attached: bool,
    },
    /// Somebody changed the maps behind the daemon's back; it was put right.
    Drift {
        /// What was otherwise, for people to read.
        drifted: Vec<String>,
    },
    /// Packets were dropped.
    Drops(DropEvent),
    /// A map is nearly full, or no longer.
    Capacity(CapacityEvent),
    /// Something else is logged than before.
    Log(LogStatus),
    /// Of this watcher: so many events that it asked for are no longer kept.
    Gap {
        /// How many.
        missed: u64,
    },
    /// The last of a watcher that was too slow: it missed events, and has to watch anew, from the last that it has on.
    Dropped {
        /// Events it missed.
        missed: u64,
    },
}

impl Event {
    /// Every kind, in the order of the documentation.
    pub const KINDS: [&'static str; 20] = [
        "hello",
        "daemon",
        "request",
        "revision",
        "mark",
        "behind",
        "caught-up",
        "table",
        "settled",
        "backend",
        "health",
        "drain",
        "announce",
        "interface",
        "drift",
        "drops",
        "capacity",
        "log",
        "gap",
        "dropped",
    ];

    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Daemon(_) => "daemon",
            Self::Request(_) => "request",
            Self::Revision(_) => "revision",
            Self::Mark { .. } => "mark",
            Self::Behind(_) => "behind",
            Self::CaughtUp { .. } => "caught-up",
            Self::Table(_) => "table",
            Self::Settled { .. } => "settled",
            Self::Backend { .. } => "backend",
            Self::Health(_) => "health",
            Self::Drain(_) => "drain",
            Self::Announce(_) => "announce",
            Self::Interface { .. } => "interface",
            Self::Drift { .. } => "drift",
            Self::Drops(_) => "drops",
            Self::Capacity(_) => "capacity",
            Self::Log(_) => "log",
            Self::Gap { .. } => "gap",
            Self::Dropped { .. } => "dropped",
        }
    }
}

/// How far the dataplane is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The desired revision; 0 before the first.
    pub revision: u64,
    /// The newest revision that the dataplane has.
    pub applied: u64,
    /// Whether the next hop of every backend has been looked up, with whatever result.
    pub settled: bool,
    /// What keeps the dataplane from the desired state; absent while nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<BehindStatus>,
}

impl Progress {
    /// Whether the dataplane has that revision, with nothing left to do.
    pub fn has(&self, revision: u64) -> bool {
        self.applied >= revision && self.behind.is_none() && self.settled
    }
}

/// What keeps the dataplane from the desired state. It is tried again every second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BehindStatus {
    /// Since when.
    pub since: Utc,
    /// What went wrong the last time.
    pub error: String,
    /// How often it was tried.
    pub attempts: u64,
}
