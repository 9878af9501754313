//! A site leaves gracefully, each step by hand: its new flows go to the other site's servers through tunnels while its own
//! sessions live on, and the route moves only when those have ended and no slot is in transition any more. Earlier, a flow that
//! routers move between edges would be steered to the slot's base owner, for what is remembered is each edge's own.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{
    Family,
    receiver::Receiver,
    sites::{SitesLab, edges},
};

use crate::{
    harness::{A, B, By, CHECK, SOON, announce, idle, reached, served, sites_of},
    held::Held,
};

/// Has the edges of site a send new flows to one site's backends and not to the other's.
fn turn(sites: &SitesLab, from: usize, to: usize) {
    for edge in A {
        for (verb, site) in [("undrain", to), ("drain", from)] {
            for host in &sites.plan().sites[site].backends {
                for family in Family::ALL {
                    sites.ctl(edge, &["backend", verb, family.pool_name(), &host.name]).unwrap();
                }
            }
        }
    }
}

/// Slots of an edge that remember a base owner.
fn in_transition(sites: &SitesLab, edge: &str) -> u32 {
    let status = sites.edge(edge).unwrap().status().unwrap();
    status.pools.iter().map(|pool| pool.transition.slots).sum()
}

#[test]
fn a_site_leaves_by_hand_and_breaks_no_session() {
    let mut sites = idle();
    let receivers: Vec<Receiver> =
        sites.plan().sites[1].backends.iter().map(|host| sites.receive(&host.name).unwrap()).collect();
    let lines = format!("idle_timeout = \"2s\"\n{CHECK}");
    for edge in A.into_iter().chain(B) {
        let site =
            if A.contains(&edge) { sites.site_with_backups(edge, &lines) } else { sites.site(edge, &lines) };
        sites.start_daemon(edge, Some(&site.unwrap()), &["--xdp-mode", "native"]).unwrap();
        announce(&sites, &[edge], By::Route);
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);

    let old = Held::open(&sites, "a", 100);
    turn(&sites, 0, 1);
    let before = sites.sent().unwrap();
    assert_eq!(sites_of(&served(&sites, 40)), ["b"], "new flows are the other site's");
    assert_eq!(reached(&sites, &before), edges(&A), "by the same edges");
    let new = old.open_more(&sites, "b", 50);
    assert!(A.iter().all(|edge| in_transition(&sites, edge) > 0));
    old.finish_but_serve_on(|| {
        let start = Instant::now();
        while A.iter().any(|edge| in_transition(&sites, edge) > 0) {
            assert!(start.elapsed() < SOON, "{}", sites.ctl("a1", &["pool", "show", "web4"]).unwrap());
            thread::sleep(Duration::from_millis(200));
        }
        announce(&sites, &A, By::ShuttingDown);
        sites.wait_for_routes(&edges(&B), SOON).unwrap();
        announce(&sites, &A, By::Nothing);
        thread::sleep(Duration::from_secs(2));
        assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
        new.finish_unbroken();
    });
    drop(receivers);
}
