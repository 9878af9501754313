//! Slot tables: published as a whole, settled slot by slot.

use anycast_common::{
    limits::SLOTS_PER_LINE,
    slot::{Slot, Table},
};

use super::{Dataplane, DataplaneError, now_ticks};
use crate::{sweep::Tables, transition};

impl Dataplane {
    /// Publishes a pool's table. Readers see the old one or the new one, never a mixture. Slots whose owner changed are
    /// stamped with the time; the others keep their stamps, but for one the program writes in this very moment.
    pub fn publish_table(&mut self, pool: u16, slots: &[Slot]) -> Result<(), DataplaneError> {
        let old = self.place(pool);
        let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let table =
            if slots.is_empty() { Table::default() } else { Table::new(self.arena.allocate(count)?, count) };
        let (before, stamps) = (self.table(pool), self.stamps(pool));
        let stamps = transition::stamps(&before, &stamps, slots, now_ticks());
        self.stamps.store(table.first_line() as usize, &words(stamps.iter().copied()));
        self.slots.store(table.first_line() as usize, &words(slots.iter().map(|slot| slot.to_word())));
        self.tables.store(usize::from(pool), &[table.to_word()]);
        self.arena.retire(old);
        self.tables_may_be_read = true;
        Ok(())
    }

    /// The table of a pool, as packets see it.
    pub fn table(&self, pool: u16) -> Vec<Slot> {
        self.halves(pool).map(|half| Slot::from_word(self.slots.load_half(half))).collect()
    }

    /// The stamps of a pool's slots.
    pub fn stamps(&self, pool: u16) -> Vec<u32> {
        self.halves(pool).map(|half| self.stamps.load_half(half)).collect()
    }

    /// Replaces one slot in place. Only for what sends every packet where the old slot would: see [`crate::sweep`].
    pub fn settle(&mut self, pool: u16, slot: u32, settled: Slot) {
        if let Some(half) = self.half(pool, slot) {
            self.slots.store_half(half, settled.to_word());
        }
    }

    /// Places of a pool's slots in the arena, in half-words.
    fn halves(&self, pool: u16) -> std::ops::Range<usize> {
        let table = self.place(pool);
        let first = table.first_line() as usize * SLOTS_PER_LINE;
        first..first + table.slots() as usize
    }

    fn half(&self, pool: u16, slot: u32) -> Option<usize> {
        let mut halves = self.halves(pool);
        halves.nth(slot as usize)
    }
}

impl Tables for Dataplane {
    fn place(&self, pool: u16) -> Table {
        Table::from_word(self.tables.load(usize::from(pool)))
    }

    fn slot(&self, pool: u16, slot: u32) -> Option<Slot> {
        self.half(pool, slot).map(|half| Slot::from_word(self.slots.load_half(half)))
    }

    fn stamp(&self, pool: u16, slot: u32) -> u32 {
        self.half(pool, slot).map(|half| self.stamps.load_half(half)).unwrap_or_default()
    }
}

/// Half-words in pairs, the lower half first, as they lie in memory on the little-endian machines the object is built for.
fn words(halves: impl Iterator<Item = u32>) -> Vec<u64> {
    let mut words = Vec::with_capacity(halves.size_hint().0.div_ceil(2));
    let mut halves = halves.map(u64::from);
    while let Some(low) = halves.next() {
        words.push(halves.next().unwrap_or_default() << 32 | low);
    }
    words
}
