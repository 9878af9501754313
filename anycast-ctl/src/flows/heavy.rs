//! The most frequent of any number of things, in bounded memory: Space-Saving (Metwally, Agrawal and El Abbadi, ICDT 2005).
//!
//! With m counters, whoever has more than one part in m of all that was counted has a counter at the end, and no count is too
//! high by more than that; by how much each may be is kept beside it.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

/// Counters of things.
#[derive(Clone, Debug)]
pub struct Heavy<K> {
    places: HashMap<K, usize>,
    counters: Vec<(K, Count)>,
    /// Counts and places, the lowest first.
    order: BTreeSet<(u64, usize)>,
    most: usize,
}

/// What was counted of one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets, and perhaps up to `overcount` that were somebody else's.
    packets: u64,
    /// Those of them that may be others'.
    pub overcount: u64,
    /// Bytes of those that are surely its own.
    pub bytes: u64,
}

impl Count {
    /// Packets that are surely its own.
    pub const fn packets(&self) -> u64 {
        self.packets - self.overcount
    }
}

impl<K: Clone + Eq + Hash> Heavy<K> {
    /// With so many counters; at least one.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { places: HashMap::new(), counters: Vec::new(), order: BTreeSet::new(), most }
    }

    /// Counts a packet of that many bytes.
    pub fn count(&mut self, key: &K, bytes: u64) {
        let place = match self.places.get(key) {
            Some(&place) => place,
            None => self.admit(key),
        };
        if let Some((_, count)) = self.counters.get_mut(place) {
            self.order.remove(&(count.packets, place));
            count.packets += 1;
            count.bytes += bytes;
            self.order.insert((count.packets, place));
        }
    }

    /// A counter for somebody who has none: a free one, or that of whoever was counted least, whose count stays with it.
    fn admit(&mut self, key: &K) -> usize {
        let free = self.counters.len();
        let place = if free < self.most {
            self.counters.push((key.clone(), Count::default()));
            self.order.insert((0, free));
            free
        } else {
            let place = self.order.first().map_or(0, |(_, place)| *place);
            if let Some((held, count)) = self.counters.get_mut(place) {
                self.places.remove(held);
                *held = key.clone();
                *count = Count { packets: count.packets, overcount: count.packets, bytes: 0 };
            }
            place
        };
        self.places.insert(key.clone(), place);
        place
    }

    /// Things that have a counter.
    pub fn len(&self) -> usize {
        self.counters.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// What was counted, the most frequent first by what is surely theirs.
    pub fn ranked(self) -> Vec<(K, Count)> {
        let mut ranked = self.counters;
        ranked.sort_by_key(|(_, count)| std::cmp::Reverse((count.packets(), count.bytes)));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_things_are_counted_exactly() {
        let mut heavy = Heavy::new(4);
        for (key, bytes) in [("a", 100), ("b", 40), ("a", 200), ("c", 60), ("a", 1)] {
            heavy.count(&key, bytes);
        }
        let ranked = heavy.ranked();
        let found: Vec<_> = ranked.iter().map(|(key, count)| (*key, count.packets(), count.bytes)).collect();
        assert_eq!(found, [("a", 3, 301), ("c", 1, 60), ("b", 1, 40)]);
    }

    #[test]
    fn a_flood_of_strangers_hides_nobody() {
        let mut heavy = Heavy::new(100);
        for number in 0..100_000_u32 {
            heavy.count(&(number + 10), 1);
            // One in 21 of all packets is of 1, one in 51 of 2.
            if number % 20 == 0 {
                heavy.count(&1, 1);
            }
            if number % 50 == 0 {
                heavy.count(&2, 1);
            }
        }
        assert_eq!(heavy.len(), 100);
        let ranked = heavy.ranked();
        assert_eq!([ranked[0].0, ranked[1].0], [1, 2]);
        assert!(ranked[0].1.packets() > 4_500 && ranked[0].1.packets() <= 5_000, "{:?}", ranked[0]);
    }

    proptest! {
        #[test]
        fn counts_are_bounds(keys in proptest::collection::vec(0_u8..40, 0..2_000), most in 1_usize..20) {
            let mut heavy = Heavy::new(most);
            let mut exact: HashMap<u8, u64> = HashMap::new();
            for key in &keys {
                heavy.count(key, 1);
                *exact.entry(*key).or_default() += 1;
            }
            prop_assert!(heavy.len() <= most);
            let all = keys.len() as u64;
            let held: HashMap<u8, Count> = heavy.ranked().into_iter().collect();
            for (key, truth) in &exact {
                match held.get(key) {
                    Some(count) => {
                        prop_assert!(count.packets() <= *truth && *truth <= count.packets);
                        prop_assert!(count.overcount <= all / most as u64);
                        prop_assert!(count.bytes <= *truth);
                    }
                    None => prop_assert!(*truth <= all / most as u64),
                }
            }
        }
    }
}
