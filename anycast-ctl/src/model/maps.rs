//! Sizes of the dataplane's maps: what they may be, and what a site needs.

use std::ops::RangeInclusive;

use anycast_common::limits::{
    DEFAULT_ARENA_LINES, DEFAULT_TRAFFIC_COUNTERS, MAX_SLOTS, MAX_VIPS, SLOTS_PER_LINE,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Site;

/// VIPs that can be counted at the least: most sites stay below that for good.
const LEAST_VIP_ROWS: u32 = 64;

/// Sizes the operator wants for maps, in entries. Left out: the default, or more where the site needs it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, JsonSchema,
)]
#[serde(deny_unknown_fields, default)]
pub struct MapSizes {
    /// Flows that can be pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = *Self::FLOWS.start(), max = *Self::FLOWS.end()))]
    pub pins: Option<u32>,
    /// Flows of which only the opening packet was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = *Self::FLOWS.start(), max = *Self::FLOWS.end()))]
    pub embryonic: Option<u32>,
    /// Slots of all tables together, those being replaced included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = *Self::SLOTS.start(), max = *Self::SLOTS.end()))]
    pub slots: Option<u32>,
    /// (VIP, backend) pairs that can be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = *Self::TRAFFIC_COUNTERS.start(), max = *Self::TRAFFIC_COUNTERS.end()))]
    pub traffic_counters: Option<u32>,
    /// VIPs whose refused packets can be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = *Self::VIPS.start(), max = *Self::VIPS.end()))]
    pub vips: Option<u32>,
}

impl MapSizes {
    /// Flows that may be remembered: below the least the kernel's per-CPU free lists leave nothing to remember with,
    /// the most are some 2 GB.
    pub const FLOWS: RangeInclusive<u32> = 1_024..=1 << 24;

    /// Slots of all tables: the most are 2 GiB, stamps included.
    pub const SLOTS: RangeInclusive<u32> = 1_024..=1 << 28;

    /// Traffic counters: the most are 96 MiB a CPU.
    pub const TRAFFIC_COUNTERS: RangeInclusive<u32> = 1_024..=1 << 22;

    /// VIPs: as many as one host has.
    pub const VIPS: RangeInclusive<u32> = 1..=MAX_VIPS as u32;
}

impl Site {
    /// Slots the arena must hold: the tables of all pools, those that replace them, and what lies between tables of
    /// different lengths.
    pub fn slots_needed(&self) -> u32 {
        let slots: u64 = self.pools.iter().map(|pool| 3 * u64::from(pool.slots.min(MAX_SLOTS))).sum();
        u32::try_from(slots).unwrap_or(u32::MAX)
    }

    /// Traffic counters the site needs: each (VIP, backend) pair twice, as removed backends keep theirs for a while.
    pub fn traffic_counters_needed(&self) -> u32 {
        let pools = self.vips.iter().filter_map(|vip| self.pool(&vip.pool));
        u32::try_from(pools.map(|pool| 2 * pool.backends.len()).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// Slots the arena gets.
    pub fn arena_slots(&self) -> u32 {
        let default = DEFAULT_ARENA_LINES * SLOTS_PER_LINE as u32;
        self.maps.slots.unwrap_or_else(|| default.max(self.slots_needed()))
    }

    /// VIPs that can be counted: as long as nobody says otherwise twice as many as there are, as those that go and those that
    /// come have numbers at the same time.
    pub fn vip_rows(&self) -> u32 {
        let twice = u32::try_from(self.vips.len().saturating_mul(2)).unwrap_or(u32::MAX);
        self.maps.vips.unwrap_or(twice.max(LEAST_VIP_ROWS))
    }

    /// Traffic counters there are.
    pub fn traffic_counters(&self) -> u32 {
        let needed = || DEFAULT_TRAFFIC_COUNTERS.max(self.traffic_counters_needed());
        self.maps.traffic_counters.unwrap_or_else(needed)
    }
}
