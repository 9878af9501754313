//! The filter that tells flows that may be remembered from those that are not.

use anycast_common::{
    flow::Flow,
    pin::{Filter, FlowKey, Pin, Record},
};

use super::{Dataplane, DataplaneError};

impl Dataplane {
    /// Pins a flow as the program does that saw its opening packet.
    pub fn pin(&mut self, flow: &Flow, pin: Pin) -> Result<(), DataplaneError> {
        self.note_remembered(flow);
        self.pins.insert(self.key(flow), &Record::new(flow, pin))
    }

    /// Takes a flow for one that may be remembered.
    pub fn note_remembered(&self, flow: &Flow) {
        const CELLS: usize = size_of::<u64>();
        let cell = Filter::cell_of(flow.wide_hash(&self.hash_key));
        let word = self.filter.load_word(cell / CELLS);
        self.filter.store_from(0, cell / CELLS, &[word | 1 << (cell % CELLS * 8)]);
    }

    /// The key under which a flow is remembered.
    pub fn key(&self, flow: &Flow) -> FlowKey {
        FlowKey::new(flow, flow.wide_hash(&self.hash_key))
    }

    /// Takes all flows for not remembered. Only while no slot of any pool is in transition, so that what is remembered of a
    /// flow and its slot's owner are the same: see docs/steering.md.
    pub fn clear_filter(&self) {
        self.filter.clear();
    }
}
