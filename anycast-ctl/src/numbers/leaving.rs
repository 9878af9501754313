//! What has gone from the site and still has its numbers.
//!
//! ```text
//!  in the site ──▶ leaving ─────────▶ counted ────────▶ free
//!           after()      read, carried,      cleared
//!                        written down
//! ```
//!
//! Whoever dies between two of these steps does the next one again: what was written down as read is only cleared.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Numbers, Occupant};

/// What has gone from the site and still has its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Pool numbers.
    pub pools: Vec<u16>,
    /// VIPs: name and number.
    pub vips: Vec<(String, u16)>,
    /// Places of VIPs in pools.
    pub ordinals: Vec<Ordinal>,
    /// Backends, with the names of their pools.
    pub backends: Vec<(String, Occupant)>,
}

/// A VIP's place in a pool that it has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordinal {
    /// Name of the pool.
    pub pool: String,
    /// Name of the VIP.
    pub vip: String,
    /// The place.
    pub ordinal: u32,
}

/// A traffic counter that is to be read for the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// The counter.
    pub counter: u32,
    /// The VIP it counted for.
    pub vip: &'a str,
    /// Pool and address of the backend it counted for, if that is still remembered.
    pub backend: Option<(&'a str, IpAddr)>,
}

impl Leaving {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.vips.is_empty() && self.ordinals.is_empty() && self.backends.is_empty()
    }

    fn append(&mut self, other: Self) {
        let Self { pools, vips, ordinals, backends } = other;
        self.pools.extend(pools);
        self.vips.extend(vips);
        self.ordinals.extend(ordinals);
        self.backends.extend(backends);
    }
}

impl Numbers {
    /// What is to be read for the last time.
    pub fn leaving(&self) -> &Leaving {
        &self.leaving
    }

    /// What was read for the last time and is to be cleared.
    pub fn counted(&self) -> &Leaving {
        &self.counted
    }

    /// Traffic counters to be read for the last time.
    pub fn leaving_cells(&self) -> Vec<Cell<'_>> {
        let mut cells = Vec::new();
        for Ordinal { pool, vip, ordinal } in &self.leaving.ordinals {
            for (&address, occupant) in self.pools.get(pool).into_iter().flat_map(|pool| &pool.backends) {
                let backend = Some((pool.as_str(), address));
                cells.extend(occupant.counters(*ordinal).map(|counter| Cell { counter, vip, backend }));
            }
        }
        for (pool, occupant) in &self.leaving.backends {
            let present = self.pools.get(pool).into_iter().flat_map(|pool| &pool.ordinals);
            let present = present.map(|(vip, ordinal)| (vip, *ordinal));
            let leaving = self.leaving.ordinals.iter().filter(|left| left.pool == *pool);
            let leaving = leaving.map(|left| (&left.vip, left.ordinal));
            for (vip, ordinal) in present.chain(leaving) {
                cells.extend(occupant.counters(ordinal).map(|counter| Cell { counter, vip, backend: None }));
            }
        }
        cells
    }

    /// Notes that all that was leaving has been read.
    pub fn note_counted(&mut self) {
        self.counted.append(std::mem::take(&mut self.leaving));
    }

    /// Traffic counters to be cleared.
    pub fn counted_cells(&self) -> Vec<u32> {
        let mut cells = Vec::new();
        for Ordinal { pool, ordinal, .. } in &self.counted.ordinals {
            let occupants = self.pools.get(pool).into_iter().flat_map(|pool| pool.backends.values());
            cells.extend(occupants.flat_map(|occupant| occupant.counters(*ordinal)));
        }
        for block in self.counted.backends.iter().flat_map(|(_, occupant)| &occupant.blocks) {
            cells.extend(block.first..block.first + block.length);
        }
        cells
    }

    /// Notes that all that was counted has been cleared: it may be given to others.
    pub fn release_counted(&mut self) {
        for (_, occupant) in std::mem::take(&mut self.counted).backends {
            self.free_indices.push(occupant.index);
            occupant.blocks.into_iter().for_each(|block| self.counters.release(block));
        }
    }
}
