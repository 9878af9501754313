//! Numbers for names: which index and which counters each backend has in the kernel's maps.
//!
//! A backend keeps its seat while it is in the site, whatever else changes. A removed one keeps it for a while, so
//! that its counters can still be read and a backend that comes back continues them, and for as long as a slot names its
//! index. Each time an index is given out its generation goes up: what is remembered of earlier flows names an earlier one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anycast_common::limits::MAX_BACKENDS;

use crate::model::{Backend, Site};

/// Removed backends that are remembered, all pools together.
const MAX_REMOVED: usize = 256;

/// Where a backend sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its index in the backend map and in slots.
    pub index: u16,
    /// How often the index was given out before, to whomever.
    pub generation: u16,
    /// Its first traffic counter; one follows for each VIP of its pool.
    pub first_counter: u32,
}

/// One backend, present or removed.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// Name of its pool.
    pub pool: String,
    /// The backend as the site has it, or had it last.
    pub backend: Backend,
    /// Its seat.
    pub seat: Seat,
    /// When it was removed, counted in removals; `None` while it is in the site.
    removed: Option<u64>,
}

impl Occupant {
    /// Whether it is no longer in the site.
    pub fn is_removed(&self) -> bool {
        self.removed.is_some()
    }
}

/// No seat is left.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatsError {
    /// Every index is taken.
    #[error("no backend index is left: one host holds {MAX_BACKENDS} backends")]
    Indices,
    /// Every counter is taken.
    #[error("no traffic counter is left: {0} (vip, backend) pairs can be counted")]
    Counters(u32),
}

/// The seats of one host.
#[derive(Clone, Debug)]
pub struct Seats {
    occupants: BTreeMap<(String, IpAddr), Occupant>,
    removals: u64,
    free_indices: Vec<u16>,
    /// Generation of each index that was ever given out. 16 bits wrap around after 65,536 removals of backends with that
    /// index, within which no flow is remembered.
    generations: Vec<u16>,
    counters: CounterRanges,
}

impl Seats {
    /// Empty seats, with that many traffic counters to give out.
    pub fn new(traffic_counters: u32) -> Self {
        let counters = CounterRanges { free: BTreeMap::new(), next: 0, capacity: traffic_counters };
        Self {
            occupants: BTreeMap::new(),
            removals: 0,
            free_indices: Vec::new(),
            generations: Vec::new(),
            counters,
        }
    }

    /// Seats every backend of the site, and marks those that are gone. Those whose index is `named` by a slot keep their
    /// seats. Returns the removed backends that lost theirs: their counters are to be read for the last time and cleared.
    pub fn update(&mut self, site: &Site, named: &BTreeSet<u16>) -> Result<Vec<Occupant>, SeatsError> {
        for pool in &site.pools {
            let vips = site.vips.iter().filter(|vip| vip.pool == pool.name).count();
            for backend in &pool.backends {
                self.seat(&pool.name, backend, vips)?;
            }
        }
        let present = |pool: &str, address: IpAddr| {
            site.pool(pool).is_some_and(|pool| pool.backends.iter().any(|backend| backend.address == address))
        };
        for ((pool, address), occupant) in &mut self.occupants {
            if !occupant.is_removed() && !present(pool, *address) {
                self.removals += 1;
                occupant.removed = Some(self.removals);
            }
        }
        Ok(self.forget(site, named))
    }

    /// The seat of a backend, present or removed.
    pub fn get(&self, pool: &str, address: IpAddr) -> Option<Seat> {
        self.occupants.get(&(pool.to_owned(), address)).map(|occupant| occupant.seat)
    }

    /// Indices of the backends that are in the site.
    pub fn present(&self) -> BTreeSet<u16> {
        let present = self.occupants.values().filter(|occupant| !occupant.is_removed());
        present.map(|occupant| occupant.seat.index).collect()
    }

    /// Whether a backend of the site has that index.
    pub fn is_present(&self, index: u16) -> bool {
        self.occupants.values().any(|occupant| occupant.seat.index == index && !occupant.is_removed())
    }

    /// Backends of a pool that were removed, the earliest first.
    pub fn removed(&self, pool: &str) -> Vec<&Occupant> {
        let mut removed: Vec<&Occupant> = self
            .occupants
            .values()
            .filter(|occupant| occupant.pool == pool && occupant.is_removed())
            .collect();
        removed.sort_by_key(|occupant| occupant.removed);
        removed
    }

    fn seat(&mut self, pool: &str, backend: &Backend, vips: usize) -> Result<(), SeatsError> {
        let key = (pool.to_owned(), backend.address);
        if let Some(occupant) = self.occupants.get_mut(&key) {
            occupant.backend = backend.clone();
            if occupant.removed.take().is_some() {
                // Its flows were reset: none of them may be taken up again.
                occupant.seat.generation = next_generation(&mut self.generations, occupant.seat.index);
            }
            return Ok(());
        }
        let index = match self.free_indices.pop() {
            Some(index) => index,
            None if self.generations.len() < MAX_BACKENDS => {
                self.generations.push(u16::MAX);
                (self.generations.len() - 1) as u16
            }
            None => return Err(SeatsError::Indices),
        };
        let Some(first_counter) = self.counters.allocate(vips) else {
            self.free_indices.push(index);
            return Err(SeatsError::Counters(self.counters.capacity));
        };
        let generation = next_generation(&mut self.generations, index);
        let seat = Seat { index, generation, first_counter };
        self.occupants
            .insert(key, Occupant { pool: pool.to_owned(), backend: backend.clone(), seat, removed: None });
        Ok(())
    }

    /// Takes their seats from the backends removed longest ago, but for those that slots name.
    fn forget(&mut self, site: &Site, named: &BTreeSet<u16>) -> Vec<Occupant> {
        let mut removed: Vec<(u64, (String, IpAddr))> = self
            .occupants
            .iter()
            .filter_map(|(key, occupant)| Some((occupant.removed?, key.clone())))
            .collect();
        removed.sort();
        let surplus = removed.len().saturating_sub(MAX_REMOVED);
        let is_named = |key: &(String, IpAddr)| {
            self.occupants.get(key).is_some_and(|occupant| named.contains(&occupant.seat.index))
        };
        removed.truncate(surplus);
        removed.retain(|(_, key)| !is_named(key));
        let forgotten: Vec<Occupant> =
            removed.into_iter().filter_map(|(_, key)| self.occupants.remove(&key)).collect();
        for occupant in &forgotten {
            let vips = site.vips.iter().filter(|vip| vip.pool == occupant.pool).count();
            self.free_indices.push(occupant.seat.index);
            self.counters.release(occupant.seat.first_counter, vips);
        }
        forgotten
    }
}

/// Gives an index out once more.
fn next_generation(generations: &mut [u16], index: u16) -> u16 {
    let Some(generation) = generations.get_mut(usize::from(index)) else { return 0 };
    *generation = generation.wrapping_add(1);
    *generation
}

/// Runs of traffic counters, each as long as its pool has VIPs.
#[derive(Clone, Debug)]
struct CounterRanges {
    free: BTreeMap<usize, Vec<u32>>,
    next: u32,
    capacity: u32,
}

impl CounterRanges {
    fn allocate(&mut self, length: usize) -> Option<u32> {
        if let Some(first) = self.free.get_mut(&length).and_then(Vec::pop) {
            return Some(first);
        }
        let end = self.next.checked_add(u32::try_from(length).ok()?)?;
        (end <= self.capacity).then(|| std::mem::replace(&mut self.next, end))
    }

    fn release(&mut self, first: u32, length: usize) {
        self.free.entry(length).or_default().push(first);
    }
}

#[cfg(test)]
mod tests;
