//! Looks how full the maps are.

use super::Controller;
use crate::api::types::Event;

pub(super) use crate::events::capacity::Capacities;

impl Controller {
    /// Tells which maps fill, and which have room again.
    pub(super) fn tell_capacities(&mut self) {
        let (figures, capacity) = (self.figures(), self.dataplane.capacity());
        let swept = &figures.found.swept;
        // A sweep counts an entry that made room for another one twice.
        let pins = swept.pins.min(figures.pins_capacity.into());
        let embryonic = swept.embryonic.min(figures.embryonic_capacity.into());
        let counters = u64::from(self.numbers.traffic_counters_given().end);
        let vips = self.numbers.vip_numbers().count() as u64;
        let maps = [
            ("pins", pins, figures.pins_capacity.into()),
            ("embryonic", embryonic, figures.embryonic_capacity.into()),
            ("slots", u64::from(self.site.slots_needed()), capacity.slots.into()),
            ("traffic_counters", counters, capacity.traffic_counters.into()),
            ("vips", vips, capacity.vips.into()),
        ];
        for (map, used, capacity) in maps {
            let told = self.capacities.look(map, used, capacity);
            told.into_iter().for_each(|event| self.tell(Event::Capacity(event)));
        }
    }
}
