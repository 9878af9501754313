//! Interfaces and maps of the host.

use std::fmt;

use super::{Family, sheet::Sheet};
use crate::api::types::{MapStatus, MapsStatus, Status};

const ATTACHED: Family = Family::gauge(
    "anycast_interface_attached",
    &["interface", "mode"],
    "1 while packets of an interface come to the program, natively or in the slow generic mode; 0 while the interface is gone or \
     something is wrong with it",
);
const ENTRIES: Family = Family::gauge(
    "anycast_map_entries",
    &["map"],
    "Entries that are in use: pins and embryonic flows as the last sweep counted them, slots of all tables, counters of (VIP, \
     backend) pairs, rows of VIPs",
);
const CAPACITY: Family =
    Family::gauge("anycast_map_capacity_entries", &["map"], "Entries that there is room for in a map");

pub const FAMILIES: &[Family] = &[ATTACHED, ENTRIES, CAPACITY];

pub fn write(sheet: &mut Sheet<'_>, status: &Status) -> fmt::Result {
    let interfaces = status.interfaces.iter().map(|it| {
        let works = it.present && it.detail.is_none();
        ([&*it.name, it.mode.label()], works)
    });
    sheet.rows(&ATTACHED, interfaces)?;
    let maps = maps(&status.maps);
    sheet.rows(&ENTRIES, maps.iter().map(|(name, map)| ([*name], map.used)))?;
    sheet.rows(&CAPACITY, maps.iter().map(|(name, map)| ([*name], map.capacity)))
}

fn maps(maps: &MapsStatus) -> [(&'static str, MapStatus); 5] {
    let MapsStatus { pins, embryonic, slots, traffic_counters, vips } = *maps;
    [
        ("pins", pins),
        ("embryonic", embryonic),
        ("slots", slots),
        ("traffic_counters", traffic_counters),
        ("vips", vips),
    ]
}
