//! Backends as they stand in their pools, and their drains.

use std::fmt;

use super::{Family, family::Figure, sheet::Sheet};
use crate::api::types::{BackendState, BackendStatus, DrainStatus, Status};

const LABELS: &[&str] = &["pool", "backend", "address"];

const UP: Family = Family::gauge(
    "anycast_backend_up",
    LABELS,
    "1 while a backend is steered to, 0 while it is not, for whatever reason",
);
const STATE: Family = Family::gauge(
    "anycast_backend_state",
    &["pool", "backend", "address", "state"],
    "1 with the state that a backend is in: up, draining, disabled, down, waiting, unresolved or removed",
);
const WEIGHT: Family =
    Family::gauge("anycast_backend_weight", LABELS, "Weight of a backend, as the site has it");
const SLOTS: Family =
    Family::gauge("anycast_backend_slots", LABELS, "Slots of its pool's table that are a backend's own");
const WANTED: Family = Family::gauge(
    "anycast_backend_wanted_slots",
    LABELS,
    "Slots that its weight entitles a backend to, among those that take new flows",
);
const PINS: Family = Family::gauge(
    "anycast_backend_pins",
    LABELS,
    "Flows that are remembered as a backend's own, as the last sweep counted them. Flows of stable slots are not remembered",
);
const PACKETS: Family = Family::counter(
    "anycast_backend_packets_total",
    LABELS,
    "Packets that were delivered to a backend, all VIPs together",
);
const BYTES: Family = Family::counter(
    "anycast_backend_bytes_total",
    LABELS,
    "Bytes of the packets that were delivered to a backend, from the IP header on, all VIPs together",
);
const NEW_FLOWS: Family = Family::counter(
    "anycast_backend_new_flows_total",
    LABELS,
    "Packets that were delivered to a backend and opened a flow, all VIPs together",
);
const DRAINED: Family = Family::gauge(
    "anycast_backend_drained",
    LABELS,
    "Of a backend that is draining: 1 when no flow of its is left or the deadline has passed, 0 before",
);
const DRAIN_FLOWS: Family = Family::gauge(
    "anycast_backend_drain_flows",
    LABELS,
    "Of a backend that is draining: flows that are remembered as its own, embryonic ones included",
);
const DRAIN_SLOTS: Family = Family::gauge(
    "anycast_backend_drain_slots",
    LABELS,
    "Of a backend that is draining: slots that wait for its flows of before",
);
const DRAIN_REMAINING: Family = Family::gauge(
    "anycast_backend_drain_remaining_seconds",
    LABELS,
    "Of a backend that is draining: time until flows that still live are given up. Absent when they are waited for without end",
);

pub const FAMILIES: &[Family] = &[
    UP,
    STATE,
    WEIGHT,
    SLOTS,
    WANTED,
    PINS,
    PACKETS,
    BYTES,
    NEW_FLOWS,
    DRAINED,
    DRAIN_FLOWS,
    DRAIN_SLOTS,
    DRAIN_REMAINING,
];

/// Every state, in the order in which they are told of.
pub const STATES: [BackendState; 7] = [
    BackendState::Up,
    BackendState::Draining,
    BackendState::Disabled,
    BackendState::Down,
    BackendState::Waiting,
    BackendState::Unresolved,
    BackendState::Removed,
];

pub fn write(sheet: &mut Sheet<'_>, status: &Status) -> fmt::Result {
    let rows: Vec<(&str, &BackendStatus, String)> = status
        .pools
        .iter()
        .flat_map(|pool| pool.backends.iter().map(|it| (&*pool.name, it, it.address.to_string())))
        .collect();
    fn labels<'a>((pool, backend, address): &'a (&str, &BackendStatus, String)) -> [&'a str; 3] {
        [pool, &backend.name, address]
    }
    sheet.rows(&UP, rows.iter().map(|row| (labels(row), row.1.state == BackendState::Up)))?;
    let states = rows.iter().map(|row| {
        let [pool, backend, address] = labels(row);
        ([pool, backend, address, row.1.state.label()], 1_u64)
    });
    sheet.rows(&STATE, states)?;
    let figures: [Figure<BackendStatus, u64>; 7] = [
        (WEIGHT, |backend| backend.weight.into()),
        (SLOTS, |backend| backend.slots.into()),
        (WANTED, |backend| backend.slots_wanted.into()),
        (PINS, |backend| backend.pins),
        (PACKETS, |backend| backend.traffic.packets),
        (BYTES, |backend| backend.traffic.bytes),
        (NEW_FLOWS, |backend| backend.traffic.new_flows),
    ];
    for (family, figure) in figures {
        sheet.rows(&family, rows.iter().map(|row| (labels(row), figure(row.1))))?;
    }
    let drains: [Figure<DrainStatus, Option<u64>>; 4] = [
        (DRAINED, |drain| Some(drain.empty.into())),
        (DRAIN_FLOWS, |drain| Some(drain.flows)),
        (DRAIN_SLOTS, |drain| Some(drain.slots.into())),
        (DRAIN_REMAINING, |drain| drain.remaining_seconds),
    ];
    for (family, figure) in drains {
        let draining = rows.iter().filter_map(|row| Some((labels(row), figure(row.1.drain.as_ref()?)?)));
        sheet.rows(&family, draining)?;
    }
    Ok(())
}
