//! What watchers are told.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AnnounceEvent, BackendState, HealthEvent, RevisionStatus};
use crate::utc::Utc;

/// One thing that happened. In `GET /v1/events` its kind is also the name of the server-sent event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first of every watcher: how things are. What follows are changes of it.
    Hello(Progress),
    /// The desired state changed.
    Revision(RevisionStatus),
    /// The dataplane could not be brought to the desired state. Told once when it begins.
    Behind(BehindStatus),
    /// The dataplane has what is desired again.
    CaughtUp {
        /// The revision it has.
        revision: u64,
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
    /// A VIP is announced otherwise, or its route or the routing daemon is in trouble.
    Announce(AnnounceEvent),
    /// The program was attached to an interface, or is no longer.
    Interface {
        /// Kernel name.
        name: String,
        /// Whether it is attached.
        attached: bool,
    },
    /// The last of a watcher that was too slow: it missed events, and has to ask for the status and watch anew.
    Dropped {
        /// Events it missed.
        missed: u64,
    },
}

impl Event {
    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Revision(_) => "revision",
            Self::Behind(_) => "behind",
            Self::CaughtUp { .. } => "caught-up",
            Self::Backend { .. } => "backend",
            Self::Health(_) => "health",
            Self::Announce(_) => "announce",
            Self::Interface { .. } => "interface",
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
