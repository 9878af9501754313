//! What routers are told, and how the routing daemon does.

use std::fmt;

use super::{Family, sheet::Sheet};
use crate::{
    announce::machine::Phase,
    api::types::{AnnounceStatus, RoutingDaemonStatus, VipAnnouncement},
};

const VIP: &[&str] = &["vip"];

const ALARM: Family = Family::gauge(
    "anycast_announce_alarm",
    &[],
    "1 while somebody should look: a VIP is withdrawn for want of health, its route is not as it should be, or the routing \
     daemon cannot be driven",
);
const MAINTENANCE: Family = Family::gauge("anycast_site_maintenance", &[], "1 while the site is drained");
const ANNOUNCED: Family = Family::gauge(
    "anycast_vip_announced",
    VIP,
    "1 while a VIP is announced, also as one that is about to go",
);
const PHASE: Family = Family::gauge(
    "anycast_vip_announcement",
    &["vip", "phase"],
    "1 with the phase that the announcement of a VIP is in: withdrawn, announced, lingering or shutting-down",
);
const TRANSITIONS: Family = Family::counter(
    "anycast_vip_announcement_transitions_total",
    VIP,
    "Times that the announcement of a VIP went from one phase to another, since the daemon began",
);
const TROUBLE: Family = Family::gauge(
    "anycast_vip_announcement_trouble",
    VIP,
    "1 while the route of a VIP is not as it should be",
);
const PEERS: Family = Family::gauge(
    "anycast_vip_announced_peers",
    VIP,
    "Peers that the routing daemon tells of a VIP. Absent while it has no route of it, and where it cannot be asked",
);
const CONNECTED: Family = Family::gauge(
    "anycast_routing_daemon_connected",
    &["driver"],
    "1 while the routing daemon is driven. Absent where the site announces nothing",
);
const ATTEMPTS: Family = Family::gauge(
    "anycast_routing_daemon_attempts",
    &["driver"],
    "Times that the routing daemon was tried in vain since it was last reached",
);
const ESTABLISHED: Family = Family::gauge(
    "anycast_routing_daemon_peer_established",
    &["peer", "address"],
    "1 while the routing daemon exchanges routes with a BGP neighbour of its",
);
const WATCHED: Family = Family::gauge(
    "anycast_announce_lease_watched",
    &[],
    "1 while somebody watches that routes are withdrawn if this daemon dies, or that is not wanted",
);

pub const FAMILIES: &[Family] = &[
    ALARM,
    MAINTENANCE,
    ANNOUNCED,
    PHASE,
    TRANSITIONS,
    TROUBLE,
    PEERS,
    CONNECTED,
    ATTEMPTS,
    ESTABLISHED,
    WATCHED,
];

pub fn write(sheet: &mut Sheet<'_>, status: Option<&AnnounceStatus>) -> fmt::Result {
    // Without a routing daemon VIPs are nobody's to announce.
    let (status, daemon) = status.and_then(|it| Some((it, it.daemon.as_ref()?))).unzip();
    sheet.any(&ALARM, status.map(|status| status.alarm))?;
    sheet.any(&MAINTENANCE, status.map(|status| status.maintenance.is_some()))?;
    write_vips(sheet, status.map_or(&[][..], |status| &status.vips))?;
    write_daemon(sheet, daemon)
}

fn write_vips(sheet: &mut Sheet<'_>, vips: &[VipAnnouncement]) -> fmt::Result {
    sheet.rows(&ANNOUNCED, vips.iter().map(|vip| ([&*vip.name], vip.phase != Phase::Withdrawn)))?;
    sheet.rows(&PHASE, vips.iter().map(|vip| ([&*vip.name, phase(vip.phase)], 1_u64)))?;
    sheet.rows(&TRANSITIONS, vips.iter().map(|vip| ([&*vip.name], vip.transitions)))?;
    sheet.rows(&TROUBLE, vips.iter().map(|vip| ([&*vip.name], vip.trouble.is_some())))?;
    let told = |vip: &VipAnnouncement| Some(vip.seen.as_ref()?.exported_to.as_ref()?.len() as u64);
    sheet.rows(&PEERS, vips.iter().filter_map(|vip| Some(([&*vip.name], told(vip)?))))
}

fn write_daemon(sheet: &mut Sheet<'_>, daemon: Option<&RoutingDaemonStatus>) -> fmt::Result {
    sheet.rows(&CONNECTED, daemon.map(|daemon| ([&*daemon.driver], daemon.connected)))?;
    sheet.rows(&ATTEMPTS, daemon.map(|daemon| ([&*daemon.driver], daemon.attempts)))?;
    let peers: Vec<(&str, String, bool)> = daemon
        .into_iter()
        .flat_map(|daemon| &daemon.peers)
        .map(|peer| {
            let address = peer.address.map(|address| address.to_string()).unwrap_or_default();
            (&*peer.name, address, peer.established)
        })
        .collect();
    let peers = peers.iter().map(|(name, address, established)| ([*name, &**address], *established));
    sheet.rows(&ESTABLISHED, peers)?;
    sheet.any(&WATCHED, daemon.map(|daemon| daemon.watched || daemon.lease_seconds == 0))
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Withdrawn => "withdrawn",
        Phase::Announced => "announced",
        Phase::Lingering => "lingering",
        Phase::ShuttingDown => "shutting-down",
    }
}
