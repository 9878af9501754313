//! Where tables lie in the slot arena.

use anycast_common::{limits::SLOTS_PER_LINE, slot::Table};

use super::DataplaneError;

/// Free and retired lines of the slot arena.
pub struct Arena {
    /// Free runs as (first line, lines), in order, never adjacent.
    free: Vec<(u32, u32)>,
    /// Runs that a packet may still be reading.
    retired: Vec<(u32, u32)>,
    lines: u32,
    /// Returns when no packet can still be reading what was retired.
    wait: fn(),
}

impl Arena {
    /// An arena of that many lines, in which these tables lie and nothing else.
    pub fn holding(lines: u32, tables: &[Table], wait: fn()) -> Self {
        let mut taken: Vec<(u32, u32)> =
            tables.iter().map(|table| (table.first_line(), Table::lines(table.slots()))).collect();
        taken.sort_unstable();
        let (mut free, mut next) = (Vec::new(), 0);
        for (first, lines) in taken.into_iter().filter(|(_, lines)| *lines > 0) {
            if first > next {
                free.push((next, first - next));
            }
            next = next.max(first.saturating_add(lines));
        }
        if next < lines {
            free.push((next, lines - next));
        }
        Self { free, retired: Vec::new(), lines, wait }
    }

    /// Slots of the whole arena.
    pub fn slots(&self) -> u64 {
        u64::from(self.lines) * SLOTS_PER_LINE as u64
    }

    /// First line of a free run for `slots` slots. Waits for retired runs when nothing else is left.
    pub fn allocate(&mut self, slots: u32) -> Result<u32, DataplaneError> {
        let lines = Table::lines(slots);
        if let Some(first) = self.take(lines) {
            return Ok(first);
        }
        if !self.retired.is_empty() {
            (self.wait)();
            for run in std::mem::take(&mut self.retired) {
                self.release(run);
            }
        }
        let capacity = self.lines.saturating_mul(SLOTS_PER_LINE as u32);
        self.take(lines).ok_or(DataplaneError::ArenaFull { slots, capacity })
    }

    /// Marks a table's lines as no longer published.
    pub fn retire(&mut self, table: Table) {
        if !table.is_empty() {
            self.retired.push((table.first_line(), Table::lines(table.slots())));
        }
    }

    /// First fit.
    fn take(&mut self, lines: u32) -> Option<u32> {
        let position = self.free.iter().position(|&(_, free)| free >= lines)?;
        let (first, free) = self.free.remove(position);
        if free > lines {
            self.free.insert(position, (first + lines, free - lines));
        }
        Some(first)
    }

    fn release(&mut self, (first, lines): (u32, u32)) {
        let position = self.free.partition_point(|&(other, _)| other < first);
        self.free.insert(position, (first, lines));
        self.free = self.free.iter().fold(Vec::new(), |mut merged: Vec<(u32, u32)>, &(first, lines)| {
            match merged.last_mut() {
                Some((last, length)) if *last + *length == first => *length += lines,
                _ => merged.push((first, lines)),
            }
            merged
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_arena_says_so_and_retired_lines_come_back() {
        let mut arena = Arena::holding(4, &[], || ());
        let first = arena.allocate(33).unwrap();
        assert!(matches!(arena.allocate(33), Err(DataplaneError::ArenaFull { slots: 33, capacity: 64 })));
        arena.retire(Table::new(first, 33));
        assert_eq!(arena.allocate(64).unwrap(), 0);
    }

    proptest! {
        /// Whoever finds the tables knows the rest.
        #[test]
        fn free_lines_are_recovered(sizes in prop::collection::vec(1u32..200, 1..12), gone in any::<u16>()) {
            let mut arena = Arena::holding(200, &[], || ());
            let tables: Vec<Table> = sizes
                .iter()
                .map_while(|&slots| Some(Table::new(arena.allocate(slots).ok()?, slots)))
                .collect();
            let (gone, kept): (Vec<_>, Vec<_>) =
                (0..).zip(tables).partition(|(place, _)| gone >> (place % 16) & 1 == 1);
            for (_, table) in gone {
                arena.release((table.first_line(), Table::lines(table.slots())));
            }
            let kept: Vec<Table> = kept.into_iter().map(|(_, table)| table).collect();
            let recovered = Arena::holding(200, &kept, || ());
            prop_assert_eq!(recovered.free, arena.free);
        }

        /// Live tables never overlap, and when all are gone the arena is one run again.
        #[test]
        fn tables_never_overlap(steps in prop::collection::vec((1u32..200, any::<prop::sample::Index>()), 1..60)) {
            let mut arena = Arena::holding(64, &[], || ());
            let mut live: Vec<Table> = Vec::new();
            for (slots, victim) in steps {
                match arena.allocate(slots) {
                    Ok(first) => live.push(Table::new(first, slots)),
                    Err(_) if live.is_empty() => prop_assert!(Table::lines(slots) > 64),
                    Err(_) => arena.retire(live.swap_remove(victim.index(live.len()))),
                }
                for (position, a) in live.iter().enumerate() {
                    for b in &live[position + 1..] {
                        let end = |table: &Table| table.first_line() + Table::lines(table.slots());
                        prop_assert!(end(a) <= b.first_line() || end(b) <= a.first_line());
                        prop_assert!(end(a) <= 64 && end(b) <= 64);
                    }
                }
            }
            for table in live {
                arena.retire(table);
            }
            prop_assert_eq!(arena.allocate(64 * 16).unwrap(), 0);
        }
    }
}
