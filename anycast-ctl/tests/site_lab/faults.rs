//! Edge hosts that fall silent.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{
    Family,
    sites::{SitesLab, edges},
};

use crate::{
    harness::{A, By, SOON, announce, served, sites_of, steering},
    held::Held,
};

const SESSIONS: usize = 200;

/// Cuts an edge, and answers with when the last route by it was gone from transit's kernel.
fn fell_silent(sites: &SitesLab, edge: &str, left: &[&str]) -> Duration {
    let start = Instant::now();
    sites.cut(edge).unwrap();
    // The cut itself takes its time: what is measured is from when it was complete.
    let cut = start.elapsed();
    sites.wait_for_routes(&edges(left), SOON).unwrap();
    let vips = Family::ALL.map(|family| sites.plan().vips.of(family));
    let gone = vips.map(|vip| sites.watch().heard(start, vip, &edges(left)).unwrap().at);
    gone.into_iter().max().unwrap().duration_since(start).saturating_sub(cut)
}

#[test]
fn bfd_notices_a_silent_edge_and_sessions_go_on_by_the_other() {
    let sites = steering();
    let held = Held::open(&sites, "a", SESSIONS);
    for (silent, left) in [("a1", "a2"), ("a2", "a1")] {
        let before = sites.sent().unwrap();
        assert!(before.values().take(2).all(|sent| sent.packets > 0), "{before:?}");
        let took = fell_silent(&sites, silent, &[left]);
        println!("{silent} was silent, and out of transit's routes after {} ms", took.as_millis());
        // Long enough for what was lost to be sent again.
        thread::sleep(Duration::from_secs(3));
        sites.mend(silent).unwrap();
        sites.wait_for_routes(&edges(&A), SOON).unwrap();
        let after = sites.sent().unwrap();
        assert!(after[left].since(before[left]).packets > 0, "{after:?}");
    }
    held.finish_unbroken();
}

#[test]
fn both_edges_of_a_site_fall_silent_and_the_other_site_takes_over() {
    let sites = steering();
    sites.cut("a1").unwrap();
    sites.cut("a2").unwrap();
    sites.wait_for_routes(&edges(&["b1", "b2"]), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
    // What changed meanwhile is true when they are back.
    announce(&sites, &["a1"], By::Nothing);
    sites.mend("a1").unwrap();
    sites.mend("a2").unwrap();
    sites.wait_for_routes(&edges(&["a2"]), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
}

#[test]
fn a_dead_web_server_is_out_on_both_edges_and_back_when_it_is_started() {
    let mut sites = steering();
    let up = |sites: &SitesLab| {
        A.iter().all(|edge| sites.edge(edge).unwrap().status().is_ok_and(|status| status.all_up()))
    };
    let wait = |sites: &SitesLab, wanted: bool| {
        let start = Instant::now();
        while up(sites) != wanted {
            assert!(start.elapsed() < SOON, "{}", sites.ctl("a1", &["status"]).unwrap());
            thread::sleep(Duration::from_millis(50));
        }
    };
    sites.stop_server("a-web2").unwrap();
    wait(&sites, false);
    sites.start_server("a-web2").unwrap();
    wait(&sites, true);
    assert_eq!(served(&sites, 60).keys().collect::<Vec<_>>(), ["a-web1", "a-web2", "a-web3"]);
}
