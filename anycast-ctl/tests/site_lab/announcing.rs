//! Two sites whose daemons announce by themselves.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{
    announce::machine::Phase,
    api::types::{AnnounceStatus, VipAnnouncement},
};
use xtask::lab::{
    Family,
    receiver::Receiver,
    sites::{SitesLab, edges},
};

use crate::harness::{A, B, SOON, idle};

/// In each pool: quick checks, and slots that settle soon.
pub const POOL: &str = "idle_timeout = \"2s\"\n\
    check = { type = \"http\", port = 80, interval = \"200ms\", fast_interval = \"100ms\", timeout = \"500ms\", fall = 2 }";
/// In `[announce]`: short times.
pub const QUICK: &str = "hold_up = \"200ms\"\nlease = \"5s\"\nquiet = \"2s\"";

/// Both sites announce, with these lines in [announce]; site a's pools have site b's backends as backups.
pub fn announcing(settings: &str) -> (SitesLab, Vec<Receiver>) {
    announcing_with(POOL, settings)
}

/// The same with other lines in each pool.
pub fn announcing_with(pool: &str, settings: &str) -> (SitesLab, Vec<Receiver>) {
    let mut sites = idle();
    let receivers =
        sites.plan().sites[1].backends.iter().map(|host| sites.receive(&host.name).unwrap()).collect();
    for edge in A.into_iter().chain(B) {
        let site = if A.contains(&edge) {
            sites.site_with_backups(edge, pool).unwrap()
        } else {
            sites.site(edge, pool).unwrap()
        };
        let site = site + &sites.announce(edge, settings).unwrap();
        sites.start_daemon(edge, Some(&site), &["--xdp-mode", "native"]).unwrap();
    }
    wait_for_phase(&sites, &B, Phase::Announced);
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    (sites, receivers)
}

pub fn announcements(sites: &SitesLab, edge: &str) -> AnnounceStatus {
    serde_json::from_str(&sites.ctl(edge, &["announce", "list", "--json"]).unwrap()).unwrap()
}

pub fn announcement(sites: &SitesLab, edge: &str, vip: &str) -> VipAnnouncement {
    serde_json::from_str(&sites.ctl(edge, &["announce", "show", vip, "--json"]).unwrap()).unwrap()
}

/// Waits until both VIPs of these edges are there.
#[track_caller]
pub fn wait_for_phase(sites: &SitesLab, edges: &[&str], phase: Phase) {
    wait_for(sites, edges, |status| status.vips.iter().all(|vip| vip.phase == phase));
}

/// Waits until that holds of these edges' announcements.
#[track_caller]
pub fn wait_for(sites: &SitesLab, edges: &[&str], holds: impl Fn(&AnnounceStatus) -> bool) {
    let start = Instant::now();
    for edge in edges {
        while !holds(&announcements(sites, edge)) {
            let list = || sites.ctl(edge, &["announce", "list"]).unwrap();
            assert!(start.elapsed() < SOON, "{}\n{}\n{}", list(), sites.log(edge).unwrap(), sites.evidence());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// How often transit's route to the IPv4 VIP changed to other edges since that moment.
pub fn moves_since(sites: &SitesLab, moment: Instant) -> usize {
    let vip = sites.plan().vips.of(Family::V4);
    let changes = sites.watch().changes();
    let mut before = None;
    let mut moves = 0;
    for change in changes.iter().filter(|change| change.vip == vip) {
        moves += usize::from(change.at >= moment && before != Some(&change.edges));
        before = Some(&change.edges);
    }
    moves
}
