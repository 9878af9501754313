//! Random edits, with traffic in between: numbers are never shared nor changed, and every packet stays counted.

use proptest::prelude::*;

use super::*;
use crate::{api::types::Traffic, dataplane};

const POOLS: [&str; 3] = ["a", "b", "c"];

/// What a site has: for each pool whether it exists and its backends, for each VIP its pool if it exists.
#[derive(Clone, Debug)]
struct Step {
    pools: Vec<Option<BTreeSet<u32>>>,
    vips: Vec<Option<usize>>,
    /// Whether what is leaving is read, and whether it is cleared.
    collects: (bool, bool),
    /// Whether the numbers come from their text.
    restarts: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let pool = prop::option::weighted(0.8, prop::collection::btree_set(0_u32..12, 0..8));
    let vip = prop::option::weighted(0.8, 0..POOLS.len());
    (
        prop::collection::vec(pool, POOLS.len()),
        prop::collection::vec(vip, 7),
        (prop::bool::weighted(0.8), any::<bool>()),
        any::<bool>(),
    )
        .prop_map(|(pools, vips, collects, restarts)| Step { pools, vips, collects, restarts })
}

fn site_of(step: &Step) -> Site {
    let pools = POOLS.iter().zip(&step.pools).filter_map(|(name, backends)| {
        let backends: Vec<u32> = backends.as_ref()?.iter().copied().collect();
        Some(Pool { slots: 13, ..pool(name, &backends) })
    });
    let exists = |pool: &usize| step.pools[*pool].is_some();
    let vips = (0_u8..).zip(&step.vips).filter_map(|(number, vip)| {
        Some(super::vip(&format!("v{number}"), number + 1, POOLS[vip.filter(exists)?]))
    });
    site(pools.collect(), vips.collect())
}

/// Counters as the kernel has them, and what they ought to come to.
#[derive(Default)]
struct Counted {
    kernel: BTreeMap<u32, u64>,
    by_vip: BTreeMap<String, u64>,
    by_backend: BTreeMap<(String, IpAddr), u64>,
}

impl Counted {
    /// One packet for every VIP and backend of its pool.
    fn send(&mut self, numbers: &Numbers, site: &Site) {
        for vip in &site.vips {
            for backend in &site.pool(&vip.pool).unwrap().backends {
                let seat = numbers.get(&vip.pool, backend.address).unwrap();
                let ordinal = numbers.vip(&vip.name, &vip.pool).unwrap().ordinal;
                *self.kernel.entry(seat.first_counter + ordinal).or_default() += 1;
                *self.by_vip.entry(vip.name.clone()).or_default() += 1;
                *self.by_backend.entry((vip.pool.clone(), backend.address)).or_default() += 1;
            }
        }
    }

    fn read(&self, counter: u32) -> Traffic {
        Traffic { packets: self.kernel.get(&counter).copied().unwrap_or_default(), ..Traffic::default() }
    }

    /// Compares with what a reader adds up.
    fn check(&self, numbers: &Numbers, carried: &Carried, site: &Site) -> Result<(), TestCaseError> {
        let known = |pool: &str| {
            let removed = numbers.removed(pool).into_iter().map(|occupant| occupant.backend.address);
            let present = site.pool(pool).unwrap().backends.iter().map(|backend| backend.address);
            removed.chain(present).collect::<Vec<_>>()
        };
        let given = numbers.traffic_counters_given();
        let read = dataplane::Counted::of_traffic(given.map(|counter| (counter, self.read(counter).packets)));
        let sum = |vip: &str, pool: &str, address| {
            let pairs = numbers.pairs(pool).unwrap();
            let own = pairs.delivered(address, &read).filter(|(name, _)| *name == vip);
            own.map(|(_, traffic)| traffic.packets).sum::<u64>()
        };
        for vip in &site.vips {
            let mut packets = carried.vip(&vip.name).map_or(0, |vip| vip.traffic.packets);
            let leaving = numbers.leaving_cells().into_iter().filter(|cell| cell.vip == vip.name);
            packets += leaving.map(|cell| self.read(cell.counter).packets).sum::<u64>();
            for address in known(&vip.pool) {
                packets += sum(&vip.name, &vip.pool, address);
            }
            prop_assert_eq!(packets, self.by_vip.get(&vip.name).copied().unwrap_or_default());
        }
        for pool in &site.pools {
            for backend in &pool.backends {
                let mut packets = carried.backend(&pool.name, backend.address).packets;
                let own = Some((pool.name.as_str(), backend.address));
                let leaving = numbers.leaving_cells().into_iter().filter(|cell| cell.backend == own);
                packets += leaving.map(|cell| self.read(cell.counter).packets).sum::<u64>();
                for vip in site.vips.iter().filter(|vip| vip.pool == pool.name) {
                    packets += sum(&vip.name, &pool.name, backend.address);
                }
                let key = (pool.name.clone(), backend.address);
                prop_assert_eq!(packets, self.by_backend.get(&key).copied().unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// Nobody shares a number with anybody, whether present, remembered or leaving.
fn check_unique(numbers: &Numbers) -> Result<(), TestCaseError> {
    fn distinct<T: Ord>(all: Vec<T>) -> Result<(), TestCaseError> {
        let count = all.len();
        prop_assert_eq!(all.into_iter().collect::<BTreeSet<T>>().len(), count);
        Ok(())
    }
    let gone = [&numbers.leaving, &numbers.counted];
    let pools = numbers.pools.values().filter_map(|pool| pool.number);
    distinct(pools.chain(gone.iter().flat_map(|gone| gone.pools.clone())).collect())?;
    let vips = numbers.vips.values().copied();
    distinct(vips.chain(gone.iter().flat_map(|gone| gone.vips.iter().map(|(_, number)| *number))).collect())?;
    for (name, pool) in &numbers.pools {
        let leaving = gone.iter().flat_map(|gone| gone.ordinals.iter().filter(|left| left.pool == *name));
        distinct(pool.ordinals.values().copied().chain(leaving.map(|left| left.ordinal)).collect())?;
    }
    let occupants: Vec<&Occupant> = numbers
        .pools
        .values()
        .flat_map(|pool| pool.backends.values())
        .chain(gone.iter().flat_map(|gone| gone.backends.iter().map(|(_, occupant)| occupant)))
        .collect();
    distinct(occupants.iter().map(|occupant| occupant.index).chain(numbers.free_indices.clone()).collect())?;
    let blocks = occupants.iter().flat_map(|occupant| &occupant.blocks);
    distinct(blocks.flat_map(|block| block.first..block.first + block.length).collect())
}

/// Whoever is in both sites has the same numbers in both.
fn check_kept(before: &Numbers, old: &Site, after: &Numbers, new: &Site) -> Result<(), TestCaseError> {
    for pool in new.pools.iter().filter(|pool| old.pool(&pool.name).is_some()) {
        prop_assert_eq!(before.pool(&pool.name), after.pool(&pool.name));
        for backend in &pool.backends {
            if before.is_present(&pool.name, backend.address) {
                let seat = |numbers: &Numbers| numbers.get(&pool.name, backend.address).unwrap();
                let (before, after) = (seat(before), seat(after));
                prop_assert_eq!((before.index, before.generation), (after.index, after.generation));
            }
        }
    }
    for vip in &new.vips {
        if let Some(other) = old.vips.iter().find(|other| other.name == vip.name) {
            let (was, is) =
                (before.vip(&vip.name, &other.pool).unwrap(), after.vip(&vip.name, &vip.pool).unwrap());
            prop_assert_eq!(was.number, is.number);
            prop_assert!(other.pool != vip.pool || was.ordinal == is.ordinal);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn numbers_are_never_shared_nor_changed_and_counts_stay_right(steps in prop::collection::vec(step(), 1..40)) {
        let (mut numbers, mut carried) = (Numbers::default(), Carried::default());
        let (mut counted, mut old) = (Counted::default(), site(Vec::new(), Vec::new()));
        for step in steps {
            let new = site_of(&step);
            let next = numbers.after(&new, &BTreeSet::new(), &CAPACITY).unwrap();
            check_unique(&next)?;
            check_kept(&numbers, &old, &next, &new)?;
            (numbers, old) = (next, new);
            counted.check(&numbers, &carried, &old)?;
            if step.collects.0 {
                numbers.leaving_cells().iter().for_each(|cell| carried.add_traffic(cell, counted.read(cell.counter)));
                carried.trim(&numbers);
                numbers.note_counted();
            }
            counted.check(&numbers, &carried, &old)?;
            if step.collects.1 {
                for cell in numbers.counted_cells() {
                    counted.kernel.remove(&cell);
                }
                numbers.release_counted();
            }
            counted.send(&numbers, &old);
            counted.check(&numbers, &carried, &old)?;
            if step.restarts {
                numbers = serde_json::from_str(&serde_json::to_string(&numbers).unwrap()).unwrap();
                carried = serde_json::from_str(&serde_json::to_string(&carried).unwrap()).unwrap();
            }
        }
    }
}
