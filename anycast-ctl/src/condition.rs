//! What a backend may do at the moment, beside being in the site and being reachable. No IO: time is an argument.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    model::{AdminState, Backend, OnDown},
    utc::Utc,
};

/// Backends that the operator marked down, by pool and address.
pub type Marks = BTreeSet<(String, IpAddr)>;

/// One backend's condition.
///
/// | | new flows | existing flows |
/// |---|---|---|
/// | active and up | yes | live |
/// | draining, or down with `on_down = "keep"` | no | live |
/// | down with `on_down = "reset"` | no | go to the slot's current owner while it lasts |
/// | drained: past its deadline | no | are over |
/// | disabled | no | are over |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Set while it takes no flows because the operator says so.
    pub draining: Option<Drain>,
    /// Whether the site has it disabled.
    pub disabled: bool,
    /// Whether the operator marked it down.
    pub marked_down: bool,
}

/// A drain under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// When the flows that are left are given up; `None`: never.
    pub until: Option<Utc>,
}

impl Condition {
    /// What a backend of a pool may do, by the site and by the operator's verdict.
    pub fn of(marks: &Marks, pool: &str, backend: &Backend) -> Self {
        Self {
            draining: (backend.state == AdminState::Draining).then_some(Drain { until: backend.drain_until }),
            disabled: backend.state == AdminState::Disabled,
            marked_down: marks.contains(&(pool.to_owned(), backend.address)),
        }
    }

    /// Whether it takes flows.
    pub fn is_eligible(&self) -> bool {
        self.draining.is_none() && !self.disabled && !self.marked_down
    }

    /// Whether the flows it has can reach it.
    pub fn is_usable(&self, on_down: OnDown, now: Utc) -> bool {
        !self.is_drained(now) && (on_down == OnDown::Keep || !self.marked_down)
    }

    /// Whether its flows are over, as if it had been removed.
    pub fn is_drained(&self, now: Utc) -> bool {
        self.disabled || self.draining.and_then(|drain| drain.until).is_some_and(|until| until <= now)
    }
}
