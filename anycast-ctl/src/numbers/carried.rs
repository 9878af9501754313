//! What was counted in maps' entries that have gone to others since.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{Cell, Numbers};
use crate::api::types::Traffic;

/// VIPs of which counts are kept after they were removed.
const MAX_REMOVED_VIPS: usize = 256;

/// Counts that the kernel's maps no longer have, to be added to those they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    vips: BTreeMap<String, VipCounts>,
    /// By pool and address.
    backends: BTreeMap<String, BTreeMap<IpAddr, Traffic>>,
    /// Refused packets of VIPs that are no longer remembered, by the reason's code.
    reasons: BTreeMap<u32, u64>,
    /// How often something was carried.
    rounds: u64,
}

/// Counts of one VIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VipCounts {
    /// Packets delivered to backends that are no longer remembered, or of pools that are no longer its own.
    pub traffic: Traffic,
    /// Refused packets by the reason's code.
    pub reasons: BTreeMap<u32, u64>,
    /// Packets by the detail's code.
    pub details: BTreeMap<u32, u64>,
    /// The last round in which anything was added.
    round: u64,
}

impl Carried {
    /// Counts of a VIP.
    pub fn vip(&self, name: &str) -> Option<&VipCounts> {
        self.vips.get(name)
    }

    /// Packets delivered to a backend for VIPs that are no longer its pool's.
    pub fn backend(&self, pool: &str, address: IpAddr) -> Traffic {
        self.backends.get(pool).and_then(|pool| pool.get(&address)).copied().unwrap_or_default()
    }

    /// Refused packets of all VIPs, those that are no longer remembered included.
    pub fn refused(&self, reason: u32) -> u64 {
        let known = self.vips.values().filter_map(|vip| vip.reasons.get(&reason));
        known.chain(self.reasons.get(&reason)).sum()
    }

    /// Adds what a counter had at the last.
    pub fn add_traffic(&mut self, cell: &Cell<'_>, traffic: Traffic) {
        if traffic == Traffic::default() {
            return;
        }
        self.counts(cell.vip).traffic += traffic;
        if let Some((pool, address)) = cell.backend {
            *self.backends.entry(pool.to_owned()).or_default().entry(address).or_default() += traffic;
        }
    }

    /// Adds refused packets.
    pub fn add_reason(&mut self, vip: &str, reason: u32, packets: u64) {
        if packets > 0 {
            *self.counts(vip).reasons.entry(reason).or_default() += packets;
        }
    }

    /// Adds packets with a detail.
    pub fn add_detail(&mut self, vip: &str, detail: u32, packets: u64) {
        if packets > 0 {
            *self.counts(vip).details.entry(detail).or_default() += packets;
        }
    }

    /// Ends a round: forgets backends that `numbers` has forgotten, and the VIPs removed longest ago.
    pub fn trim(&mut self, numbers: &Numbers) {
        self.rounds += 1;
        self.backends.retain(|pool, backends| {
            backends.retain(|&address, _| numbers.get(pool, address).is_some());
            !backends.is_empty()
        });
        let mut removed: Vec<(u64, String)> = self
            .vips
            .iter()
            .filter(|(name, _)| !numbers.vips.contains_key(*name))
            .map(|(name, vip)| (vip.round, name.clone()))
            .collect();
        removed.sort();
        removed.truncate(removed.len().saturating_sub(MAX_REMOVED_VIPS));
        for (_, name) in removed {
            for (reason, packets) in self.vips.remove(&name).unwrap_or_default().reasons {
                *self.reasons.entry(reason).or_default() += packets;
            }
        }
    }

    fn counts(&mut self, vip: &str) -> &mut VipCounts {
        let round = self.rounds;
        let counts = self.vips.entry(vip.to_owned()).or_default();
        counts.round = round;
        counts
    }
}
