//! Numbers for names: which pool, VIP and backend has which place in the kernel's maps.
//!
//! Whatever is in the site keeps its numbers, whatever else changes, and over restarts. A removed backend keeps its for a
//! while, so that its counters can still be read and a backend that comes back continues them, and for as long as a slot
//! names its index. Each time an index is given out its generation goes up: what is remembered of earlier flows names an
//! earlier one. Nothing is given to somebody else before what it counted was read and cleared: see [`Leaving`].

mod carried;
mod counters;
mod leaving;
mod pairs;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::IpAddr,
};

use anycast_common::limits::{MAX_BACKENDS, MAX_POOLS};
use serde::{Deserialize, Serialize};

use self::counters::{Block, CounterRanges};
use crate::model::{Backend, Pool, Site};

pub use self::{
    carried::{Carried, VipCounts},
    leaving::{Cell, Leaving},
    pairs::Pairs,
};

/// Removed backends that are remembered, all pools together.
const MAX_REMOVED: usize = 256;

/// What the maps that are loaded have room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// VIPs whose packets can be counted.
    pub vips: u16,
    /// (VIP, backend) pairs that can be counted.
    pub traffic_counters: u32,
    /// Slots of all tables together, those being replaced included.
    pub slots: u32,
}

/// Where a backend sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its index in the backend map and in slots.
    pub index: u16,
    /// How often the index was given out before, to whomever.
    pub generation: u16,
    /// The first of the traffic counters in use; a VIP's is this plus its ordinal.
    pub first_counter: u32,
}

/// A VIP's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VipNumbers {
    /// Its row of reason and detail counters, from 1.
    pub number: u16,
    /// Its place among the counters of each backend of its pool.
    pub ordinal: u32,
}

/// One backend, present or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    /// The backend as the site has it, or had it last.
    pub backend: Backend,
    index: u16,
    generation: u16,
    /// Its traffic counters. The program uses the last block; those before were too short when its pool got more VIPs.
    blocks: Vec<Block>,
    /// When it was removed, counted in removals; `None` while it is in the site.
    removed: Option<u64>,
}

/// Something does not fit the maps that are loaded, or any.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumbersError {
    /// Every pool number is taken.
    #[error("no pool number is left: one host holds {MAX_POOLS} pools, those just removed included")]
    Pools,
    /// Every VIP number is taken.
    #[error("no room for another vip: the maps that are loaded count {0}; {advice}", advice = raise("vips"))]
    Vips(u16),
    /// Every backend index is taken.
    #[error("no backend index is left: one host holds {MAX_BACKENDS} backends, those just removed included")]
    Indices,
    /// Every traffic counter is taken.
    #[error(
        "no room for more (vip, backend) pairs: the maps that are loaded count {0}; {advice}",
        advice = raise("traffic_counters")
    )]
    Counters(u32),
    /// The tables do not fit.
    #[error(
        "the tables of all pools and what replaces them need {needed} slots, the maps that are loaded hold {capacity}; {advice}",
        advice = raise("slots")
    )]
    Slots {
        /// Slots needed.
        needed: u32,
        /// Slots there are.
        capacity: u32,
    },
}

fn raise(key: &str) -> String {
    format!(
        "raise `{key}` under [maps], then `anycast-ctl down` and start the daemon again, which ends all sessions that are \
         remembered"
    )
}

/// The numbers of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// VIP numbers, by name.
    vips: BTreeMap<String, u16>,
    /// Pools of the site, and others of which backends are remembered.
    pools: BTreeMap<String, PoolNumbers>,
    removals: u64,
    free_indices: Vec<u16>,
    /// Generation of each index that was ever given out. 16 bits wrap around after 65,536 removals of backends with that
    /// index, within which no flow is remembered.
    generations: Vec<u16>,
    counters: CounterRanges,
    /// Gone from the site; what they counted is still in the maps alone.
    leaving: Leaving,
    /// Gone from the site; what they counted was read, and may still be in the maps as well.
    counted: Leaving,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PoolNumbers {
    /// `None` when the pool is no longer in the site.
    number: Option<u16>,
    /// Ordinals of its VIPs, by name.
    ordinals: BTreeMap<String, u32>,
    backends: BTreeMap<IpAddr, Occupant>,
}

impl Numbers {
    /// The numbers for a site that follows another one. Backends whose index is `named` by a slot keep their seats.
    ///
    /// # Errors
    ///
    /// What does not fit; see [`NumbersError`].
    pub fn after(
        &self,
        site: &Site,
        named: &BTreeSet<u16>,
        capacity: &Capacity,
    ) -> Result<Self, NumbersError> {
        let needed = site.slots_needed();
        if needed > capacity.slots {
            return Err(NumbersError::Slots { needed, capacity: capacity.slots });
        }
        let mut next = self.clone();
        next.take_leave_of_vips(site);
        next.take_leave_of_pools(site);
        next.number_pools(site)?;
        next.number_vips(site, capacity)?;
        for pool in &site.pools {
            next.seat(pool, capacity.traffic_counters)?;
        }
        next.forget(named);
        Ok(next)
    }

    /// The numbers with which the same names begin in maps that were just loaded: nothing is remembered there.
    pub fn for_fresh_maps(mut self) -> Self {
        self.leaving = Leaving::default();
        self.counted = Leaving::default();
        self.counters = CounterRanges::default();
        for pool in self.pools.values_mut() {
            for occupant in pool.backends.values_mut() {
                // `after` gives it one that is long enough.
                occupant.blocks.clear();
            }
            let removed = pool.backends.extract_if(.., |_, occupant| occupant.is_removed());
            self.free_indices.extend(removed.map(|(_, occupant)| occupant.index));
        }
        self.drop_empty_pools();
        self
    }

    /// The number of a pool of the site.
    pub fn pool(&self, name: &str) -> Option<u16> {
        self.pools.get(name)?.number
    }

    /// The numbers of a VIP of the site.
    pub fn vip(&self, name: &str, pool: &str) -> Option<VipNumbers> {
        let ordinal = *self.pools.get(pool)?.ordinals.get(name)?;
        Some(VipNumbers { number: *self.vips.get(name)?, ordinal })
    }

    /// Rows of reason and detail counters with packets that were not carried.
    pub fn vip_numbers(&self) -> impl Iterator<Item = u16> {
        self.vips.values().copied().chain(self.leaving.vips.iter().map(|(_, number)| *number))
    }

    /// The seat of a backend, present or removed.
    pub fn get(&self, pool: &str, address: IpAddr) -> Option<Seat> {
        self.occupant(pool, address).map(Occupant::seat)
    }

    /// Every backend that has a seat, the removed ones included, and the name of its pool.
    pub fn seats(&self) -> impl Iterator<Item = (&str, &Occupant, Seat)> {
        self.pools.iter().flat_map(|(pool, numbers)| {
            numbers.backends.values().map(|occupant| (pool.as_str(), occupant, occupant.seat()))
        })
    }

    /// Whether the site has a backend.
    pub fn is_present(&self, pool: &str, address: IpAddr) -> bool {
        self.occupant(pool, address).is_some_and(|occupant| !occupant.is_removed())
    }

    /// Indices of the backends that are in the site.
    pub fn present(&self) -> BTreeSet<u16> {
        let occupants = self.pools.values().flat_map(|pool| pool.backends.values());
        occupants.filter(|occupant| !occupant.is_removed()).map(|occupant| occupant.index).collect()
    }

    /// Backends of a pool that were removed, the earliest first.
    pub fn removed(&self, pool: &str) -> Vec<&Occupant> {
        let occupants = self.pools.get(pool).into_iter().flat_map(|pool| pool.backends.values());
        let mut removed: Vec<&Occupant> = occupants.filter(|occupant| occupant.is_removed()).collect();
        removed.sort_by_key(|occupant| occupant.removed);
        removed
    }

    fn occupant(&self, pool: &str, address: IpAddr) -> Option<&Occupant> {
        self.pools.get(pool)?.backends.get(&address)
    }

    fn take_leave_of_vips(&mut self, site: &Site) {
        let pools: BTreeMap<&str, &str> =
            site.vips.iter().map(|vip| (vip.name.as_str(), vip.pool.as_str())).collect();
        for (pool, numbers) in &mut self.pools {
            let gone =
                numbers.ordinals.extract_if(.., |vip, _| pools.get(vip.as_str()) != Some(&pool.as_str()));
            for (vip, ordinal) in gone {
                self.leaving.ordinals.push(leaving::Ordinal { pool: pool.clone(), vip, ordinal });
            }
        }
        self.leaving.vips.extend(self.vips.extract_if(.., |vip, _| !pools.contains_key(vip.as_str())));
    }

    fn take_leave_of_pools(&mut self, site: &Site) {
        let pools: BTreeMap<&str, &Pool> = site.pools.iter().map(|pool| (pool.name.as_str(), pool)).collect();
        for (name, pool) in &mut self.pools {
            let found = pools.get(name.as_str());
            if found.is_none() {
                self.leaving.pools.extend(pool.number.take());
            }
            let present: BTreeSet<IpAddr> =
                found.into_iter().flat_map(|pool| &pool.backends).map(|backend| backend.address).collect();
            for (address, occupant) in &mut pool.backends {
                if !occupant.is_removed() && !present.contains(address) {
                    self.removals += 1;
                    occupant.removed = Some(self.removals);
                }
            }
        }
    }

    fn number_pools(&mut self, site: &Site) -> Result<(), NumbersError> {
        let leaving = self.leaving.pools.iter().chain(&self.counted.pools).copied();
        let taken: BTreeSet<u16> =
            self.pools.values().filter_map(|pool| pool.number).chain(leaving).collect();
        let mut free = (0..MAX_POOLS as u16).filter(|number| !taken.contains(number));
        for pool in &site.pools {
            let number = &mut self.pools.entry(pool.name.clone()).or_default().number;
            if number.is_none() {
                *number = Some(free.next().ok_or(NumbersError::Pools)?);
            }
        }
        Ok(())
    }

    fn number_vips(&mut self, site: &Site, capacity: &Capacity) -> Result<(), NumbersError> {
        let leaving = self.leaving.vips.iter().chain(&self.counted.vips).map(|(_, number)| *number);
        let taken: BTreeSet<u16> = self.vips.values().copied().chain(leaving).collect();
        let mut free = (1..=capacity.vips).filter(|number| !taken.contains(number));
        let mut pools: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for vip in &site.vips {
            if !self.vips.contains_key(&vip.name) {
                self.vips.insert(vip.name.clone(), free.next().ok_or(NumbersError::Vips(capacity.vips))?);
            }
            pools.entry(&vip.pool).or_default().push(&vip.name);
        }
        for (pool, vips) in pools {
            let ordinals = &mut self.pools.entry(pool.to_owned()).or_default().ordinals;
            let leaving = self.leaving.ordinals.iter().chain(&self.counted.ordinals);
            let leaving = leaving.filter(|ordinal| ordinal.pool == pool).map(|ordinal| ordinal.ordinal);
            let taken: BTreeSet<u32> = ordinals.values().copied().chain(leaving).collect();
            let free = (0..).filter(|ordinal| !taken.contains(ordinal));
            let new: Vec<&str> = vips.into_iter().filter(|vip| !ordinals.contains_key(*vip)).collect();
            ordinals.extend(new.into_iter().map(str::to_owned).zip(free));
        }
        Ok(())
    }

    /// Gives every backend of a pool its seat, with a counter for each VIP of the pool.
    fn seat(&mut self, pool: &Pool, counters: u32) -> Result<(), NumbersError> {
        let numbers = self.pools.entry(pool.name.clone()).or_default();
        let needed = numbers.ordinals.values().max().map_or(0, |ordinal| ordinal + 1);
        for backend in &pool.backends {
            let occupant = match numbers.backends.entry(backend.address) {
                Entry::Occupied(entry) => {
                    let occupant = entry.into_mut();
                    occupant.backend = backend.clone();
                    if occupant.removed.take().is_some() {
                        // Its flows were reset: none of them may be taken up again.
                        occupant.generation = next_generation(&mut self.generations, occupant.index);
                    }
                    occupant
                }
                Entry::Vacant(entry) => {
                    let index = match self.free_indices.pop() {
                        Some(index) => index,
                        None if self.generations.len() < MAX_BACKENDS => {
                            self.generations.push(u16::MAX);
                            (self.generations.len() - 1) as u16
                        }
                        None => return Err(NumbersError::Indices),
                    };
                    let generation = next_generation(&mut self.generations, index);
                    let (backend, blocks) = (backend.clone(), Vec::new());
                    entry.insert(Occupant { backend, index, generation, blocks, removed: None })
                }
            };
            let length = occupant.blocks.last().map(|block| block.length);
            if length.unwrap_or_default() < needed {
                // A pool that grows will grow again.
                let length = if length.is_none() { needed } else { needed.next_power_of_two() };
                let block = self.counters.allocate(length, counters);
                occupant.blocks.push(block.ok_or(NumbersError::Counters(counters))?);
            }
        }
        Ok(())
    }

    /// Takes their seats from the backends removed longest ago, but for those that slots name.
    fn forget(&mut self, named: &BTreeSet<u16>) {
        let mut removed: Vec<(u64, u16)> = self
            .pools
            .values()
            .flat_map(|pool| pool.backends.values())
            .filter_map(|occupant| Some((occupant.removed?, occupant.index)))
            .collect();
        removed.sort_unstable();
        removed.truncate(removed.len().saturating_sub(MAX_REMOVED));
        let forgotten: BTreeSet<u16> =
            removed.into_iter().map(|(_, index)| index).filter(|index| !named.contains(index)).collect();
        if !forgotten.is_empty() {
            for (name, pool) in &mut self.pools {
                let gone = pool.backends.extract_if(.., |_, occupant| forgotten.contains(&occupant.index));
                self.leaving.backends.extend(gone.map(|(_, occupant)| (name.clone(), occupant)));
            }
        }
        self.drop_empty_pools();
    }

    fn drop_empty_pools(&mut self) {
        self.pools.retain(|_, pool| pool.number.is_some() || !pool.backends.is_empty());
    }
}

impl Occupant {
    /// Whether it is no longer in the site.
    pub fn is_removed(&self) -> bool {
        self.removed.is_some()
    }

    fn seat(&self) -> Seat {
        let first_counter = self.blocks.last().map_or(0, |block| block.first);
        Seat { index: self.index, generation: self.generation, first_counter }
    }

    /// Its counters of the VIP with that ordinal.
    fn counters(&self, ordinal: u32) -> impl Iterator<Item = u32> {
        self.blocks.iter().filter(move |block| ordinal < block.length).map(move |block| block.first + ordinal)
    }
}

/// Gives an index out once more.
fn next_generation(generations: &mut [u16], index: u16) -> u16 {
    let Some(generation) = generations.get_mut(usize::from(index)) else { return 0 };
    *generation = generation.wrapping_add(1);
    *generation
}

#[cfg(test)]
mod tests;
