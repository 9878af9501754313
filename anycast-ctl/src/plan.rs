//! What a change of a pool would do, before it is made. No IO.

use std::collections::BTreeMap;

use anycast_common::slot::{NO_BACKEND, Slot};

#[cfg(test)]
mod tests;

/// What would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Slots whose owner would be another one.
    pub moved: u32,
    /// Slots each index owns.
    pub before: BTreeMap<u16, u32>,
    /// Slots each index would own.
    pub after: BTreeMap<u16, u32>,
}

impl Plan {
    /// Compares the slots a pool has, if any, with the owners a table would give them.
    pub fn between(present: &[Slot], owners: &[u16]) -> Self {
        let mut plan = Self::default();
        for slot in present.iter().filter(|slot| slot.current() != NO_BACKEND) {
            *plan.before.entry(slot.current()).or_default() += 1;
        }
        for owner in owners.iter().filter(|owner| **owner != NO_BACKEND) {
            *plan.after.entry(*owner).or_default() += 1;
        }
        // A pool that nobody served has no slots.
        let present = present.iter().map(|slot| slot.current()).chain(std::iter::repeat(NO_BACKEND));
        plan.moved = present.zip(owners).filter(|(is, would_be)| is != *would_be).count() as u32;
        plan
    }
}

/// Slots whose unrecorded flows are lost with a backend: those where it is the stable owner, and those where it is the
/// base owner of a transition. Where it is only the present owner of a transition its flows are remembered.
pub fn slots_at_stake(present: &[Slot], index: u16) -> u32 {
    let at_stake =
        |slot: &&Slot| if slot.is_stable() { slot.current() == index } else { slot.base() == index };
    present.iter().filter(at_stake).count() as u32
}
