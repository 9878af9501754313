//! When a drain is over: what is left of a backend's flows. No IO; time is an argument.
//!
//! A backend that drains owns no slots from the moment its pool's next table is published. What flows it still has is in
//! two places:
//!
//! - flows of before are recorded nowhere. The slots they may be in name it as their base owner, until a sweep finds that
//!   such a slot was silent for the idle timeout;
//! - flows that were born while their slot was in transition, and UDP flows of a pool with `udp = "pinned"`, are recorded.
//!   A slot of theirs need not name the backend at all, so the records themselves are asked: a sweep counts those that
//!   live.
//!
//! A sweep sees every record that was there when it began. None of the backend is written later than [`SETTLE_TICKS`]
//! after it lost its last slot: a run of the program that read the slot before takes microseconds. So a sweep that began
//! after that and finds no record, while no slot names the backend, says that nothing is left, and nothing comes after.

use std::collections::BTreeMap;

use anycast_common::clock;

use crate::{
    model::{AdminState, Backend, Pool, WhenDrained},
    sweep::{Outcome, SETTLE_TICKS},
    transition::Census,
};

#[cfg(test)]
mod tests;

/// What sweeps have found, and since when backends own no slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What the last sweep came to.
    pub swept: Outcome,
    /// The tick before that sweep began; `None`: there was none.
    began: Option<u32>,
    /// The tick since which slots are watched: nobody knows who owned some before.
    watched_since: u32,
    /// The tick at which a backend, by its index, was last seen to own slots, for those that do not any more.
    left: BTreeMap<u16, u32>,
}

impl Found {
    /// Nothing yet: slots are watched from that tick on.
    pub fn since(now: u32) -> Self {
        Self { watched_since: now, ..Self::default() }
    }

    /// Takes note of a table that was published in the place of another.
    pub fn note_published(&mut self, before: &Census, after: &Census, now: u32) {
        let gone = before.owned.keys().filter(|index| !after.owned.contains_key(index));
        self.left.extend(gone.map(|&index| (index, now)));
    }

    /// Takes note of a sweep, which began after that tick.
    pub fn note_swept(&mut self, outcome: Outcome, began: u32) {
        (self.swept, self.began) = (outcome, Some(began));
    }
}

/// What is left of one backend's flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Slots that it owns: its flows are still being born.
    pub owned: u32,
    /// Slots whose base owner it is: they wait for flows of before.
    pub slots: u32,
    /// Remembered flows that were its own when the last sweep looked.
    pub flows: u64,
    /// Whether that sweep saw all there can be.
    pub seen: bool,
}

impl Remains {
    /// What is left of the backend with that index, in a pool whose slots name whom the census says.
    pub fn of(index: u16, census: Option<&Census>, found: &Found) -> Self {
        let slots = |of: fn(&Census) -> &BTreeMap<u16, u32>| {
            census.and_then(|census| of(census).get(&index)).copied().unwrap_or_default()
        };
        let swept = &found.swept;
        let flows = [&swept.pins_by_backend, &swept.embryonic_by_backend];
        let last_owned = found.left.get(&index).copied().unwrap_or(found.watched_since);
        Self {
            owned: slots(|census| &census.owned),
            slots: slots(|census| &census.based),
            flows: flows.iter().filter_map(|flows| flows.get(&index)).sum(),
            seen: found.began.is_some_and(|began| clock::since(last_owned, began) >= SETTLE_TICKS),
        }
    }

    /// Whether no flow is left, and none comes any more.
    pub fn is_nothing(&self) -> bool {
        let Self { owned, slots, flows, seen } = *self;
        (owned, slots, flows, seen) == (0, 0, 0, true)
    }

    /// Whether only a further sweep can tell whether something is left.
    pub fn is_unseen(&self) -> bool {
        self.owned == 0 && !self.seen
    }
}

/// Whether a backend is to be removed from its pool as soon as no flow of its is left. The last one of a pool that is no
/// backup stays.
pub fn removes(pool: &Pool, backend: &Backend) -> bool {
    let stays = |other: &Backend| other.address != backend.address && !other.backup;
    wants_removal(backend) && pool.backends.iter().any(stays)
}

/// Whether it is to be removed if it is not the last.
pub fn wants_removal(backend: &Backend) -> bool {
    backend.state == AdminState::Draining && backend.when_drained == WhenDrained::Remove
}
