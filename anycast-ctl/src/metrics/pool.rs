//! Pools and their slot tables.

use std::fmt;

use super::{Family, backend::STATES, family::Figure, sheet::Sheet};
use crate::api::types::{PoolStatus, Status};

const POOL: &[&str] = &["pool"];

const SLOTS: Family = Family::gauge("anycast_pool_slots", POOL, "Slots of a pool's table");
const TRANSITION_SLOTS: Family = Family::gauge(
    "anycast_pool_transition_slots",
    POOL,
    "Slots of a pool's table that remember a base owner, whose flows are waited for",
);
const TRANSITION: Family = Family::gauge(
    "anycast_pool_transition_age_seconds",
    POOL,
    "Time since a pool last had no slot in transition; 0 while it has none",
);
const BASE_SLOTS: Family = Family::gauge(
    "anycast_pool_base_owner_slots",
    &["pool", "backend", "address"],
    "Slots in transition whose base owner a backend is. Absent for those that are base owner of none",
);
const BACKENDS: Family =
    Family::gauge("anycast_pool_backends", &["pool", "state"], "Backends of a pool that are in a state");

pub const FAMILIES: &[Family] = &[SLOTS, TRANSITION_SLOTS, TRANSITION, BASE_SLOTS, BACKENDS];

pub fn write(sheet: &mut Sheet<'_>, status: &Status) -> fmt::Result {
    let pools = &status.pools;
    let figures: [Figure<PoolStatus, u64>; 3] = [
        (SLOTS, |pool| pool.slots.into()),
        (TRANSITION_SLOTS, |pool| pool.transition.slots.into()),
        (TRANSITION, |pool| pool.transition.since_seconds.unwrap_or_default()),
    ];
    for (family, figure) in figures {
        sheet.rows(&family, pools.iter().map(|pool| ([&*pool.name], figure(pool))))?;
    }
    let owners: Vec<(&str, &str, String, u32)> = pools
        .iter()
        .flat_map(|pool| {
            let owners = pool.transition.base_owners.iter();
            owners.map(|it| (&*pool.name, &*it.name, it.address.to_string(), it.slots))
        })
        .collect();
    sheet.rows(
        &BASE_SLOTS,
        owners.iter().map(|(pool, name, address, slots)| ([*pool, *name, &**address], *slots)),
    )?;
    let states = pools.iter().flat_map(|pool| {
        STATES.iter().map(|&state| {
            let there = pool.backends.iter().filter(|backend| backend.state == state).count();
            ([&*pool.name, state.label()], there as u64)
        })
    });
    sheet.rows(&BACKENDS, states)
}
