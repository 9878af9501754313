//! What the API asks of the controller.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::types::{
    BackendStatus, Committed, Explanation, HookState, HookStatus, PlanStatus, PoolStatus, ReconcileStatus,
    RevisionStatus, SlotsStatus, Status, VipStatus,
};
use crate::{
    announce::orders::Hand,
    capture::book::Book,
    dataplane::{Tapped, TraceSource},
    flows::Remembered,
    model::{Edit, Site, diff::Subject},
    store::{Author, Revision, Store},
    utc::Utc,
};

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, RequestError>>;

/// One question or order. A reply that is dropped means that the controller is stopping.
#[derive(Debug)]
pub enum Request {
    /// What is steered where, with all counters.
    Status(Reply<Status>),
    /// The desired state and its revision.
    Site(Reply<Desired>),
    /// Where the history can be read.
    Store(Reply<Arc<dyn Store>>),
    /// One thing as it stands.
    Show(Subject, Reply<Shown>),
    /// The slot table of a pool.
    Slots {
        /// Name of the pool.
        pool: String,
        /// Its table.
        reply: Reply<SlotsStatus>,
    },
    /// What remembered flows are read with.
    Flows(Reply<Remembered>),
    /// Makes a change.
    Change(Order, Reply<Committed>),
    /// Says what a change would do.
    Plan(Order, Reply<PlanStatus>),
    /// Compares the maps with what should be there, and repairs them.
    Reconcile {
        /// Whether only to say what has drifted.
        dry_run: bool,
        /// What has drifted.
        reply: Reply<ReconcileStatus>,
    },
    /// Says what would become of a packet.
    Explain {
        /// Name of the interface it comes in by; `None`: the first that the program is attached to.
        interface: Option<String>,
        /// The frame.
        frame: Vec<u8>,
        /// What would.
        reply: Reply<Explanation>,
    },
    /// Announces otherwise.
    Announce {
        /// What.
        change: AnnounceChange,
        /// Who.
        author: Author,
        /// When it is noted; the routes follow.
        reply: Reply<()>,
    },
    /// What programs that note what they do are loaded from.
    TraceSource(Reply<TraceSource>),
    /// Names for the numbers of the maps.
    Book(Reply<Arc<Book>>),
    /// Puts the program that shows packets on the interfaces.
    BeginToShow(Box<Tapped>, Reply<()>),
    /// Puts the ordinary one back.
    EndToShow(Reply<()>),
    /// Takes the program off the interfaces, or puts it back, or takes everything down: then the daemon ends after it answered.
    Hook(HookState, Reply<HookStatus>),
}

/// What an operator wants of announcements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnnounceChange {
    /// Of one VIP.
    Hand {
        /// Its name.
        vip: String,
        /// What, and until when; `None`: its health decides.
        hand: Option<(Hand, Option<Utc>)>,
    },
    /// Of the site: maintenance begins, or goes on on other terms; `None`: it ends.
    Maintenance(Option<MaintenanceTerms>),
}

/// On which terms a site is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceTerms {
    /// When flows that are left are given up; `None`: they are waited for.
    pub until: Option<Utc>,
    /// Whether routes stay though they could leave.
    pub holds: bool,
}

/// A change that somebody wants.
#[derive(Clone, Debug)]
pub struct Order {
    /// What.
    pub proposal: Proposal,
    /// The revision it was made for; `None`: whichever is the newest.
    pub expected: Option<Revision>,
    /// Who.
    pub author: Author,
    /// What the site file says, where the change is made by applying it.
    pub applied_file: Option<String>,
}

/// What can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// The desired state.
    Edit(Edit),
    /// The operator's verdict on a backend, which is no part of it.
    Mark {
        /// Name of the pool.
        pool: String,
        /// Name of the backend.
        backend: String,
        /// Whether it may be steered to.
        up: bool,
    },
}

/// The desired state.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Its revision, who made it and when; `None` before the first.
    pub record: Option<RevisionStatus>,
    /// All of it, seeds included.
    pub site: Site,
}

/// One thing as it stands.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A VIP.
    Vip(VipStatus),
    /// A pool.
    Pool(PoolStatus),
    /// A backend, or one that was removed.
    Backend(BackendStatus),
    /// It is not there, or has no status of its own.
    Nothing,
}

/// Why the controller refused. The text says what is wrong and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such VIP, pool or backend: 404.
    #[error("{0}")]
    NotFound(String),
    /// It contradicts what is there: 409.
    #[error("{0}")]
    Conflict(String),
    /// It was made for another revision than the newest: 412.
    #[error("{error}")]
    Stale {
        /// What is wrong and what to do next.
        error: String,
        /// The newest revision; `None` before the first.
        current: Option<Box<RevisionStatus>>,
    },
    /// The site would break a rule: 422.
    #[error("{0}")]
    Invalid(String),
    /// There is no room to store it: 507.
    #[error("{0}")]
    Full(String),
    /// Nobody knows whether it was stored: 500.
    #[error("{0}")]
    Uncertain(String),
    /// It could not be done: 500.
    #[error("{0}")]
    Internal(String),
}
