//! What is worth telling of checks.

use std::{fmt, sync::Arc};

use super::{mass::Panic, site::Extent, standing::Key, verdict::Verdict};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A backend has another verdict.
    Verdict {
        /// Which backend.
        key: Key,
        /// Its name.
        backend: Arc<str>,
        /// The verdict it had.
        before: Verdict,
        /// The verdict it has.
        after: Verdict,
        /// Why it is down.
        reason: Option<Arc<str>>,
    },
    /// A backend asks to be drained, or no longer does.
    Drain {
        /// Which backend.
        key: Key,
        /// Its name.
        backend: Arc<str>,
        /// Whether it does.
        begins: bool,
    },
    /// A backend's agent calls it down, or no longer does.
    Agent {
        /// Which backend.
        key: Key,
        /// Its name.
        backend: Arc<str>,
        /// Why it is down; `None`: it no longer is.
        why: Option<Arc<str>>,
    },
    /// A backend cannot be asked, or can again.
    Trouble {
        /// Which backend.
        key: Key,
        /// Its name.
        backend: Arc<str>,
        /// Why not; `None`: it can again.
        why: Option<Arc<str>>,
    },
    /// Too many backends of a pool fail at once, or no longer do.
    Panic {
        /// Name of the pool.
        pool: Arc<str>,
        /// How many; `None`: not too many any more.
        panic: Option<Panic>,
    },
    /// A pool has fewer healthy backends than it needs, or enough again.
    Enough {
        /// Name of the pool.
        pool: Arc<str>,
        /// Backends that are up.
        healthy: u32,
        /// Backends that are active.
        of: u32,
        /// Whether they are enough.
        enough: bool,
    },
    /// Failures reach further than before, or less far.
    Extent {
        /// How far they did.
        before: Extent,
        /// How far they do.
        after: Extent,
    },
}

impl Happening {
    /// Whether somebody should look.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::Verdict { after, .. } => *after == Verdict::Down,
            Self::Drain { .. } => false,
            Self::Agent { why, .. } | Self::Trouble { why, .. } => why.is_some(),
            Self::Panic { panic, .. } => panic.is_some(),
            Self::Enough { enough, .. } => !enough,
            Self::Extent { after, .. } => after.is_alarming(),
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict { key, backend, before, after, reason } => {
                write!(f, "backend {}/{backend} ({}) is {after}, was {before}", key.pool, key.address)?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::Drain { key, backend, begins: true } => {
                write!(f, "backend {}/{backend} ({}) asks to be drained", key.pool, key.address)
            }
            Self::Drain { key, backend, begins: false } => {
                write!(f, "backend {}/{backend} ({}) takes new flows again", key.pool, key.address)
            }
            Self::Agent { key, backend, why: Some(why) } => {
                write!(f, "backend {}/{backend} ({}) is down: {why}", key.pool, key.address)
            }
            Self::Agent { key, backend, why: None } => {
                write!(
                    f,
                    "backend {}/{backend} ({}) is not down any more for its agent",
                    key.pool, key.address
                )
            }
            Self::Trouble { key, backend, why: Some(why) } => {
                write!(f, "backend {}/{backend} ({}) cannot be checked: {why}", key.pool, key.address)
            }
            Self::Trouble { key, backend, why: None } => {
                write!(f, "backend {}/{backend} ({}) can be checked again", key.pool, key.address)
            }
            Self::Panic { pool, panic: Some(Panic { bad, of, .. }) } => write!(
                f,
                "pool {pool} is in panic: {bad} of {of} backends fail at once, so nobody is taken out; see `anycast-ctl \
                 health`"
            ),
            Self::Panic { pool, panic: None } => write!(f, "pool {pool} is no longer in panic"),
            Self::Enough { pool, healthy, of, enough: false } => {
                write!(f, "pool {pool} is unhealthy: {healthy} of {of} backends are up, fewer than it needs")
            }
            Self::Enough { pool, healthy, of, enough: true } => {
                write!(f, "pool {pool} is healthy: {healthy} of {of} backends are up")
            }
            Self::Extent { after, .. } => after.fmt(f),
        }
    }
}
