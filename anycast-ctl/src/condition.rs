//! What a backend may do at the moment, beside being in the site and being reachable. No IO: time is an argument.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    health::standing::{Standing, Standings},
    model::{AdminState, Backend, OnDown, Pool, Unchecked},
    utc::Utc,
};

/// Names of pools.
pub type Names = BTreeSet<String>;

/// Backends, by pool and address: those that the operator marked down, or those that had slots.
pub type Marks = BTreeSet<(String, IpAddr)>;

/// Everybody's opinion of the backends.
#[derive(Clone, Copy, Debug)]
pub struct Opinions<'a> {
    /// Whom the operator marked down.
    pub marks: &'a Marks,
    /// What checks say.
    pub standings: &'a Standings,
    /// Who had slots, of those that are checked: they keep them until a check that is new to them has said something.
    pub serving: &'a Marks,
    /// Pools whose new flows are to go to their backups, as the site is being drained.
    pub diverted: &'a Names,
}

/// One backend's condition.
///
/// | | new flows | existing flows |
/// |---|---|---|
/// | active and up | yes; a backup only while no other may | live |
/// | active and up, of a pool that is diverted to a backup | no | live |
/// | draining, or down with `on_down = "keep"` | no | live |
/// | waiting for its first checks | no | live |
/// | down with `on_down = "reset"` | no | go to the slot's current owner while it lasts |
/// | drained: past its deadline | no | are over |
/// | disabled | no | are over |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Set while it takes no flows because somebody says so.
    pub draining: Option<Drain>,
    /// Whether the site has it disabled.
    pub disabled: bool,
    /// Whether the operator marked it down.
    pub marked_down: bool,
    /// Whether its checks have it down.
    pub checked_down: bool,
    /// Whether its checks have not said anything yet.
    pub waiting: bool,
    /// The share of its weight that it gets, per mille.
    pub share: u16,
}

/// A drain under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// When the flows that are left are given up; `None`: never.
    pub until: Option<Utc>,
    /// Who wants it.
    pub by: DrainedBy,
}

/// Who wants a backend to be drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainedBy {
    /// The operator.
    Operator,
    /// The backend itself.
    Itself,
    /// Whoever drains the site: its pool is diverted.
    Diversion,
}

impl Opinions<'static> {
    /// Nobody has any.
    pub const NONE: Self = {
        static NOBODY: Marks = Marks::new();
        static NOTHING: Standings = Standings::NOTHING;
        static NOWHERE: Names = Names::new();
        Self { marks: &NOBODY, standings: &NOTHING, serving: &NOBODY, diverted: &NOWHERE }
    };
}

impl Opinions<'_> {
    /// What the checks of a backend come to.
    pub fn standing(&self, pool: &Pool, backend: &Backend) -> Standing {
        if let Some(standing) = self.standings.find(&pool.name, backend.address) {
            return standing.clone();
        }
        if !pool.is_checked(backend) {
            return Standing::UNCHECKED;
        }
        let in_service = pool.unchecked == Unchecked::Steer
            || self.serving.contains(&(pool.name.clone(), backend.address));
        Standing::unknown(in_service)
    }

    /// Whether the new flows of a pool go to its backups though others could take them. Where no backup can, they do not.
    pub fn divert(&self, pool: &Pool) -> bool {
        let is_ready =
            |backend: &Backend| backend.backup && Condition::own(self, pool, backend).is_eligible();
        self.diverted.contains(&pool.name) && pool.backends.iter().any(is_ready)
    }
}

impl Condition {
    /// What a backend of a pool may do.
    pub fn of(opinions: &Opinions<'_>, pool: &Pool, backend: &Backend) -> Self {
        let own = Self::own(opinions, pool, backend);
        if own.draining.is_some() || backend.backup || !opinions.divert(pool) {
            return own;
        }
        Self { draining: Some(Drain { until: None, by: DrainedBy::Diversion }), ..own }
    }

    /// The same, wherever the flows of its pool go.
    fn own(opinions: &Opinions<'_>, pool: &Pool, backend: &Backend) -> Self {
        let standing = opinions.standing(pool, backend);
        let by_operator = (backend.state == AdminState::Draining)
            .then_some(Drain { until: backend.drain_until, by: DrainedBy::Operator });
        let by_itself = standing.asks_drain.then_some(Drain { until: None, by: DrainedBy::Itself });
        Self {
            draining: by_operator.or(by_itself),
            disabled: backend.state == AdminState::Disabled,
            marked_down: opinions.marks.contains(&(pool.name.clone(), backend.address)),
            checked_down: standing.is_down(),
            waiting: !standing.in_service && !standing.is_down(),
            share: standing.share,
        }
    }

    /// Whether it takes flows; a backup, when its turn comes.
    pub fn is_eligible(&self) -> bool {
        self.draining.is_none() && !self.disabled && !self.is_down() && !self.waiting
    }

    /// Whether it is draining, and by whose will.
    pub fn is_drained_by(&self, by: DrainedBy) -> bool {
        self.draining.is_some_and(|drain| drain.by == by)
    }

    /// Whether it would take flows if its pool were not diverted.
    pub fn is_diverted(&self) -> bool {
        self.is_drained_by(DrainedBy::Diversion) && Self { draining: None, ..*self }.is_eligible()
    }

    /// Whether the operator or the checks have it down.
    pub fn is_down(&self) -> bool {
        self.marked_down || self.checked_down
    }

    /// Whether the flows it has can reach it.
    pub fn is_usable(&self, on_down: OnDown, now: Utc) -> bool {
        !self.is_drained(now) && (on_down == OnDown::Keep || !self.is_down())
    }

    /// Whether its flows are over, as if it had been removed.
    pub fn is_drained(&self, now: Utc) -> bool {
        self.disabled || self.draining.and_then(|drain| drain.until).is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests;
