//! Slot tables: published as a whole, settled slot by slot.

use anycast_common::{
    limits::SLOTS_PER_LINE,
    slot::{Slot, Table},
};

use super::{Dataplane, DataplaneError, mapped::MappedArray, now_ticks};
use crate::{sweep::Tables, transition};

impl Dataplane {
    /// Publishes a pool's table. Readers see the old one or the new one, never a mixture. Slots whose owner changed are
    /// stamped with the time; the others keep their stamps, but for one the program writes in this very moment.
    pub fn publish_table(&mut self, pool: u16, slots: &[Slot]) -> Result<(), DataplaneError> {
        let old = self.place(pool);
        let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let table =
            if slots.is_empty() { Table::default() } else { Table::new(self.arena.allocate(count)?, count) };
        self.write(old, table, slots);
        self.tables.store(usize::from(pool), &[table.to_word()]);
        self.arena.retire(old);
        self.tables_may_be_read = true;
        Ok(())
    }

    /// Ends the table of a pool that no VIP of the published directory names.
    pub fn unpublish_table(&mut self, pool: u16) {
        // Packets that found the pool in the directory before are steered first.
        self.directory.wait_for_readers();
        let old = self.place(pool);
        self.tables.store(usize::from(pool), &[Table::default().to_word()]);
        self.arena.retire(old);
        self.tables_may_be_read = true;
    }

    /// Lets packets find a pool's table where it was published, after somebody else changed that.
    pub fn restore_table(&mut self, pool: u16, place: Table) {
        self.tables.store(usize::from(pool), &[place.to_word()]);
    }

    /// Writes slots and their stamps to a place no packet looks at: one pass and no copy in between, as this takes most of the
    /// time of a publication.
    fn write(&self, old: Table, new: Table, slots: &[Slot]) {
        let now = now_ticks();
        let (from, to) = (first_word(old), first_word(new));
        // Slots are matched by their place: with another number of them all begin now.
        let same = old.slots() == new.slots();
        let stamps_of = |word: usize, after: [Slot; 2]| {
            let [low, high] = pair(self.slots.load_word(word)).map(Slot::from_word);
            let [old_low, old_high] = pair(self.stamps.load_word(word));
            let [new_low, new_high] = after;
            let stamp = |before, old, after| transition::stamp(before, old, after, now);
            [stamp(low, old_low, new_low), stamp(high, old_high, new_high)]
        };
        for (word, slots) in slots.chunks(2).enumerate() {
            let after = match slots {
                [low, high] => [*low, *high],
                rest => [rest.first().copied().unwrap_or(Slot::EMPTY), Slot::EMPTY],
            };
            let stamps = if same { stamps_of(from + word, after) } else { [now; 2] };
            self.stamps.store_word(to + word, unite(stamps));
            self.slots.store_word(to + word, unite(after.map(Slot::to_word)));
        }
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
        let Some(half) = self.half(pool, slot) else { return };
        // A whole word, as other threads read them: nobody else stores to slots.
        let [low, high] = pair(self.slots.load_word(half / 2));
        let word = if half % 2 == 0 { [settled.to_word(), high] } else { [low, settled.to_word()] };
        self.slots.store_word(half / 2, unite(word));
    }

    /// The published tables, to be read on any thread.
    pub fn published(&self) -> Published {
        Published { tables: self.tables.clone(), slots: self.slots.clone() }
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

/// The published tables, apart from who writes them.
#[derive(Clone)]
pub struct Published {
    tables: MappedArray,
    slots: MappedArray,
}

impl Published {
    /// Where a pool's table lies, and how many slots it has.
    pub fn place(&self, pool: u16) -> Table {
        Table::from_word(self.tables.load(usize::from(pool)))
    }

    /// A slot of a pool, if its table has it.
    pub fn slot(&self, pool: u16, slot: u32) -> Option<Slot> {
        loop {
            let table = self.place(pool);
            if slot >= table.slots() {
                return None;
            }
            let half = table.first_line() as usize * SLOTS_PER_LINE + slot as usize;
            let words = pair(self.slots.load_word(half / 2));
            // Once another table is published this one's lines may be another pool's.
            if self.place(pool) == table {
                return words.get(half % 2).copied().map(Slot::from_word);
            }
        }
    }
}

/// Where a table begins in the arena.
fn first_word(table: Table) -> usize {
    table.first_line() as usize * (SLOTS_PER_LINE / 2)
}

/// Half-words of a word, the lower first, as they lie in memory on the little-endian machines the object is built for.
fn pair(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

fn unite([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
