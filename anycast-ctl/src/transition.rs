//! What becomes of a pool's slots when its table changes. No IO.
//!
//! The flows of a stable slot are not remembered anywhere: all that is known of them is that they are its owner's. So when
//! the slot moves, that owner stays written in it as the base owner, and it stays the base owner through every further
//! move until the slot is stable again (see [`crate::sweep`]): whatever is born in the meantime is remembered.
//!
//! ```text
//!                 to B
//!   stable A ────────────▶ B, base A ───▶ C, base A ───▶ A, base A
//!      ▲                       │              │              │
//!      │                       ▼              ▼              ▼
//!      └───────────────  stable B        stable C        stable A      by the sweeper
//! ```

use std::collections::BTreeMap;

use anycast_common::slot::{NO_BACKEND, Slot};

#[cfg(test)]
mod tests;

/// A pool's slots after a change, and how much of the pool it moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The slots.
    pub slots: Vec<Slot>,
    /// Slots whose new flows go elsewhere than before.
    pub moved: u32,
}

impl Merged {
    /// The share of the pool's slots that moved, 0 to 1.
    pub fn share_moved(&self) -> f64 {
        if self.slots.is_empty() { 0.0 } else { f64::from(self.moved) / self.slots.len() as f64 }
    }

    /// Whether nobody owns a slot or did: packets find as much in a table without slots.
    pub fn is_void(&self) -> bool {
        self.slots.iter().all(|slot| *slot == Slot::EMPTY)
    }
}

/// The slots a pool goes on with, when it has `present` and its table says that `owners` should own them
/// ([`NO_BACKEND`]: nobody can).
///
/// Slots are matched by their place. A pool keeps its number of slots while it is steered; `present` of another length is
/// taken for a pool that has no flows yet, all of whose slots begin stable.
pub fn merge(present: &[Slot], owners: &[u16]) -> Merged {
    if present.len() != owners.len() {
        let slots: Vec<Slot> = owners.iter().map(|&owner| Slot::stable(owner)).collect();
        return Merged { moved: slots.len() as u32, slots };
    }
    let slots = present.iter().zip(owners).map(|(&slot, &owner)| step(slot, owner)).collect();
    let moved = present.iter().zip(owners).filter(|(slot, owner)| slot.current() != **owner).count() as u32;
    Merged { slots, moved }
}

/// One slot's next state.
///
/// The old owner becomes the base owner even if it was removed and none of its flows can live on: flows that were recorded
/// for it are still in the maps, and a slot may only be stable once they are not. A new flow with the addresses of such a
/// one would else be born unrecorded, and be taken for the old one at the next transition.
fn step(slot: Slot, owner: u16) -> Slot {
    if owner == slot.current() {
        slot
    } else if !slot.is_stable() {
        Slot::in_transition(owner, slot.base())
    } else {
        // `Slot::EMPTY` becomes stable: nobody's flows can be recorded for it.
        Slot::in_transition(owner, slot.current())
    }
}

/// The stamps that belong to the slots `after`, if `before` had the stamps `stamps`; see [`stamp`].
pub fn stamps(before: &[Slot], stamps: &[u32], after: &[Slot], now: u32) -> Vec<u32> {
    if before.len() != after.len() || stamps.len() != after.len() {
        return vec![now; after.len()];
    }
    let old = before.iter().zip(stamps);
    old.zip(after).map(|((&before, &old), &after)| stamp(before, old, after, now)).collect()
}

/// The stamp of a slot that had another: one whose owner changed begins its transition, or begins it anew, at `now`.
#[inline]
pub const fn stamp(before: Slot, old: u32, after: Slot, now: u32) -> u32 {
    if before.current() == after.current() { old } else { now }
}

/// Whom a pool's slots name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Slots by the index of their owner.
    pub owned: BTreeMap<u16, u32>,
    /// Slots in transition by the index of their base owner.
    pub based: BTreeMap<u16, u32>,
}

impl Census {
    /// Counts a table.
    pub fn of(slots: &[Slot]) -> Self {
        // Arrays while counting: in a map every slot would be searched for, and a change waits for its census.
        let (mut owned, mut based) = (Vec::new(), Vec::new());
        for slot in slots {
            count(&mut owned, slot.current());
            count(&mut based, slot.base());
        }
        Self { owned: counted(&owned), based: counted(&based) }
    }

    /// Slots in transition.
    pub fn in_transition(&self) -> u32 {
        self.based.values().sum()
    }

    /// Every index a slot names.
    pub fn named(&self) -> impl Iterator<Item = u16> {
        self.owned.keys().chain(self.based.keys()).copied()
    }
}

fn count(counts: &mut Vec<u32>, index: u16) {
    if index == NO_BACKEND {
        return;
    }
    let place = usize::from(index);
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

fn counted(counts: &[u32]) -> BTreeMap<u16, u32> {
    (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
}
