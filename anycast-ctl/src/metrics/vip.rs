//! Packets by VIP: what was delivered to whom, and what was not, and why.

use std::fmt;

use super::{Family, family::Figure, sheet::Sheet};
use crate::api::types::{Status, Traffic};

const INFO: Family = Family::gauge(
    "anycast_vip_info",
    &["vip", "address", "pool"],
    "1 for every VIP, with its address and the pool that serves it",
);
const PACKETS: Family = Family::counter(
    "anycast_vip_packets_total",
    &["vip"],
    "Packets to a VIP that were delivered to any backend, removed ones included",
);
const BYTES: Family = Family::counter(
    "anycast_vip_bytes_total",
    &["vip"],
    "Bytes of the packets to a VIP that were delivered, from the IP header on, outer headers not counted",
);
const NEW_FLOWS: Family = Family::counter(
    "anycast_vip_new_flows_total",
    &["vip"],
    "Delivered packets to a VIP that opened a flow: TCP SYN without ACK",
);
const PAIR: &[&str] = &["vip", "pool", "backend", "address"];
const PAIR_PACKETS: Family = Family::counter(
    "anycast_vip_backend_packets_total",
    PAIR,
    "Packets to a VIP that were delivered to a backend. Absent while there were none",
);
const PAIR_BYTES: Family = Family::counter(
    "anycast_vip_backend_bytes_total",
    PAIR,
    "Bytes of the packets to a VIP that were delivered to a backend, from the IP header on. Absent while there were none",
);
const PAIR_NEW_FLOWS: Family = Family::counter(
    "anycast_vip_backend_new_flows_total",
    PAIR,
    "Packets to a VIP that were delivered to a backend and opened a flow. Absent while no packet was delivered",
);
const UNDELIVERED: Family = Family::counter(
    "anycast_undelivered_packets_total",
    &["reason", "verdict"],
    "Packets that were not delivered, by reason, all VIPs together and those to other addresses. Verdict drop: the packet is \
     gone; answer: its sender got an answer from here; pass: this host's own stack got it",
);
const VIP_UNDELIVERED: Family = Family::counter(
    "anycast_vip_undelivered_packets_total",
    &["vip", "reason", "verdict"],
    "Packets to a VIP that were not delivered, by reason. Absent while there were none",
);
const VIP_DETAILS: Family = Family::counter(
    "anycast_vip_detail_packets_total",
    &["vip", "detail"],
    "Packets to a VIP with something special about them, whatever became of them. Absent while there were none",
);

pub const FAMILIES: &[Family] = &[
    INFO,
    PACKETS,
    BYTES,
    NEW_FLOWS,
    PAIR_PACKETS,
    PAIR_BYTES,
    PAIR_NEW_FLOWS,
    UNDELIVERED,
    VIP_UNDELIVERED,
    VIP_DETAILS,
];

pub fn write(sheet: &mut Sheet<'_>, status: &Status) -> fmt::Result {
    let vips = &status.vips;
    let addresses: Vec<String> = vips.iter().map(|vip| vip.address.to_string()).collect();
    let named = vips.iter().zip(&addresses);
    sheet.rows(&INFO, named.map(|(vip, address)| ([&*vip.name, address, &*vip.pool], 1_u64)))?;

    let whole: [Figure<Traffic, u64>; 3] = [
        (PACKETS, |traffic| traffic.packets),
        (BYTES, |traffic| traffic.bytes),
        (NEW_FLOWS, |traffic| traffic.new_flows),
    ];
    for (family, count) in whole {
        sheet.rows(&family, vips.iter().map(|vip| ([&*vip.name], count(&vip.traffic))))?;
    }

    // There may be a million: each address is written once.
    let pairs: Vec<(&str, &str, &str, String, &Traffic)> = vips
        .iter()
        .flat_map(|vip| {
            vip.backends
                .iter()
                .map(|it| (&*vip.name, &*vip.pool, &*it.name, it.address.to_string(), &it.traffic))
        })
        .collect();
    let by_pair: [Figure<Traffic, u64>; 3] = [
        (PAIR_PACKETS, |traffic| traffic.packets),
        (PAIR_BYTES, |traffic| traffic.bytes),
        (PAIR_NEW_FLOWS, |traffic| traffic.new_flows),
    ];
    for (family, count) in by_pair {
        let rows = pairs.iter().map(|(vip, pool, backend, address, traffic)| {
            ([*vip, *pool, *backend, &**address], count(traffic))
        });
        sheet.rows(&family, rows)?;
    }

    let reasons = status.reasons.iter();
    sheet.rows(&UNDELIVERED, reasons.map(|it| ([&*it.reason, &*it.verdict], it.packets)))?;
    let reasons = vips.iter().flat_map(|vip| vip.reasons.iter().map(move |it| (vip, it)));
    sheet.rows(
        &VIP_UNDELIVERED,
        reasons.map(|(vip, it)| ([&*vip.name, &*it.reason, &*it.verdict], it.packets)),
    )?;
    let details = vips.iter().flat_map(|vip| vip.details.iter().map(move |it| (vip, it)));
    sheet.rows(&VIP_DETAILS, details.map(|(vip, it)| ([&*vip.name, &*it.detail], it.packets)))
}
