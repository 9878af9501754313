//! Which traffic counters are whose, the other way round: from what was counted to (VIP, backend) pairs.

use std::{collections::BTreeMap, net::IpAddr, ops::Range};

use super::{Numbers, PoolNumbers};
use crate::{api::types::Traffic, dataplane::Counted};

/// The counters of one pool.
pub struct Pairs<'a> {
    pool: &'a PoolNumbers,
    /// VIPs by ordinal.
    vips: BTreeMap<u32, &'a str>,
}

impl Numbers {
    /// Whose the counters of a pool are.
    pub fn pairs(&self, pool: &str) -> Option<Pairs<'_>> {
        let pool = self.pools.get(pool)?;
        let vips = pool.ordinals.iter().map(|(vip, &ordinal)| (ordinal, vip.as_str())).collect();
        Some(Pairs { pool, vips })
    }

    /// Every traffic counter that anybody has or had.
    pub fn traffic_counters_given(&self) -> Range<u32> {
        0..self.counters.end()
    }

    /// How many traffic counters somebody has.
    pub fn traffic_counters_taken(&self) -> u32 {
        self.counters.taken()
    }

    /// Every traffic counter of a backend, present or removed.
    pub fn traffic_counters_of_backend(&self, pool: &str, address: IpAddr) -> impl Iterator<Item = u32> {
        let blocks = self.occupant(pool, address).into_iter().flat_map(|occupant| &occupant.blocks);
        blocks.flat_map(|block| block.first..block.first + block.length)
    }

    /// Every traffic counter of a VIP in a pool.
    pub fn traffic_counters_of_vip(&self, vip: &str, pool: &str) -> Vec<u32> {
        let Some(pool) = self.pools.get(pool) else { return Vec::new() };
        let Some(&ordinal) = pool.ordinals.get(vip) else { return Vec::new() };
        pool.backends.values().flat_map(|occupant| occupant.counters(ordinal)).collect()
    }
}

impl<'a> Pairs<'a> {
    /// What was counted for a backend, by VIP; a VIP may come several times.
    pub fn delivered<'b>(
        &'b self,
        address: IpAddr,
        counted: &'b Counted,
    ) -> impl Iterator<Item = (&'a str, Traffic)> + 'b {
        let blocks = self.pool.backends.get(&address).into_iter().flat_map(|occupant| &occupant.blocks);
        blocks.flat_map(move |block| {
            let counters = counted.traffic_in(block.first..block.first + block.length);
            // A counter whose VIP has left the pool is one of the cells that are leaving.
            let vip = |counter: u32| self.vips.get(&(counter - block.first)).copied();
            counters.iter().filter_map(move |&(counter, traffic)| Some((vip(counter)?, traffic.into())))
        })
    }
}
