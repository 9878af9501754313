//! What the checks come to, as the controller and the status see it.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{
    mass::Panic,
    site::Extent,
    verdict::{Saved, Verdict},
    weight::WHOLE,
};

/// A backend: its pool's name, and its address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Name of the pool.
    pub pool: Arc<str>,
    /// The backend's address.
    pub address: IpAddr,
}

/// Every pool with backends that are checked or asked for their load, and how far failures reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// Pools, by name.
    pub pools: BTreeMap<Arc<str>, PoolStanding>,
    /// How far failures reach.
    pub extent: Extent,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What its checks say.
    pub verdict: Verdict,
    /// Whether it may be steered to. One that is down stays in service while its pool is in panic.
    pub in_service: bool,
    /// Whether it asks itself to be drained.
    pub asks_drain: bool,
    /// The share of its weight that it gets, per mille, at least 1.
    pub share: u16,
    /// Why it is down, in words.
    pub reason: Option<Arc<str>>,
}

impl Standing {
    /// Of a backend that nothing is asked of.
    pub const UNCHECKED: Self =
        Self { verdict: Verdict::Up, in_service: true, asks_drain: false, share: WHOLE, reason: None };

    /// Of a backend that nobody has judged.
    pub const fn unknown(in_service: bool) -> Self {
        Self { verdict: Verdict::Unknown, in_service, ..Self::UNCHECKED }
    }

    /// Whether it was taken out because of what its checks say.
    pub fn is_down(&self) -> bool {
        !self.in_service && self.verdict == Verdict::Down
    }
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStanding {
    /// Its backends, by address.
    pub backends: BTreeMap<IpAddr, Standing>,
    /// Backends that are up, of those that are active and no backups.
    pub healthy: u32,
    /// Backends that are active and no backups.
    pub of: u32,
    /// Whether that is as many as the pool needs.
    pub enough: bool,
    /// The alarm, while it lasts.
    pub panic: Option<Panic>,
    /// What last put backends into service, or took them out.
    pub moved: Option<Moved>,
}

/// Why other backends are in service than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How often that was so.
    pub times: u64,
    /// Why, in words.
    pub why: Arc<str>,
}

impl Standings {
    /// Nobody is checked.
    pub const NOTHING: Self = Self { pools: BTreeMap::new(), extent: Extent::Nothing };

    /// A backend's; `None` of one that nothing is asked of, and of one that the checker does not know yet.
    pub fn find(&self, pool: &str, address: IpAddr) -> Option<&Standing> {
        self.pools.get(pool)?.backends.get(&address)
    }
}

/// What must survive the daemon, by pool and address.
pub type SavedJudges = BTreeMap<Key, SavedJudge>;

/// What must survive of one backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SavedJudge {
    /// Its judge.
    #[serde(flatten)]
    pub judge: Saved,
    /// Whether it was in service.
    pub in_service: bool,
    /// Whether it had asked to be drained.
    #[serde(default)]
    pub asks_drain: bool,
}
