//! How many flows are remembered, and of whom.

use std::collections::BTreeMap;

use super::{Known, Remembered, Wanted};
use crate::{
    api::types::{FlowCount, FlowCounts, FlowGroup, FlowState, FlowTally, Kept},
    dataplane::DataplaneError,
};

/// Counts flows for as long as somebody `wants_it`.
///
/// # Errors
///
/// What the kernel refuses.
pub fn count(
    remembered: &Remembered,
    by: FlowGroup,
    wanted: &Wanted,
    wants_it: impl Fn() -> bool,
) -> Result<FlowCounts, DataplaneError> {
    // By their places, so that they come in the order of their names; those nobody knows come last.
    let mut groups: BTreeMap<u64, FlowCount> = BTreeMap::new();
    let mut total = FlowTally::default();
    remembered.read_all(wants_it, |known| {
        if wanted.matches(&known) {
            total.add(&known);
            let (place, removed) = match by {
                FlowGroup::Backend => known.backend.map(|backend| (backend.place, backend.removed)),
                FlowGroup::Vip => known.vip.map(|vip| (vip.place, false)),
            }
            .map_or((u64::MAX, true), |(place, removed)| (place.into(), removed));
            let group = groups.entry(place).or_insert_with(|| FlowCount {
                name: match by {
                    FlowGroup::Backend => {
                        known.backend.map(|backend| format!("{}/{}", backend.pool, backend.name))
                    }
                    FlowGroup::Vip => known.vip.map(|vip| vip.name.clone()),
                },
                removed,
                tally: FlowTally::default(),
            });
            group.tally.add(&known);
        }
    })?;
    Ok(FlowCounts {
        by,
        groups: groups.into_values().collect(),
        total,
        pins_capacity: remembered.pins.capacity(),
        embryonic_capacity: remembered.embryonic.capacity(),
    })
}

impl FlowTally {
    fn add(&mut self, known: &Known<'_>) {
        match known.entry.state {
            FlowState::Embryonic => self.embryonic += 1,
            FlowState::Pinned => self.pinned += 1,
        }
        self.holding += u64::from(known.kept == Kept::HoldsSlot);
        self.ended += u64::from(known.kept.has_ended());
    }
}
