//! A site is drained: its new flows go to the other site's servers through tunnels while its own sessions live on, and the route
//! moves only when those have ended.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::announce::machine::Phase;
use xtask::lab::{
    Process,
    sites::{SitesLab, edges},
};

use crate::{
    announcing::{QUICK, announcements, announcing, wait_for_phase},
    harness::{A, B, CHECK, SOON, idle, reached, served, sites_of},
    held::Held,
};

/// Sessions that stream while the site is drained.
const SESSIONS: usize = 1_000;

/// Waits for commands to end well.
fn wait(commands: Vec<Process>) {
    for mut command in commands {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = command.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < SOON * 2, "{} does not end", command.name());
            thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{} ended with {status}", command.name());
    }
}

fn on_all(sites: &SitesLab, words: &[&str]) -> Vec<Process> {
    A.iter().map(|edge| sites.start_ctl(edge, words).unwrap()).collect()
}

#[test]
fn a_site_is_drained_under_a_thousand_sessions_and_breaks_none() {
    let (sites, _receivers) = announcing(QUICK);
    let old = Held::open(&sites, "a", SESSIONS);
    let before = sites.sent().unwrap();
    let held = on_all(&sites, &["site", "drain", "--hold", "--wait"]);
    wait_for_phase(&sites, &A, Phase::Lingering);
    assert_eq!(sites.routes(sites.plan().vips.v4.into()).unwrap(), edges(&A), "nothing has moved");
    assert_eq!(sites_of(&served(&sites, 40)), ["b"], "new flows are the other site's");
    assert_eq!(reached(&sites, &before), edges(&A), "by the same edges");
    let new = old.open_more(&sites, "b", SESSIONS / 10);
    old.finish_but_serve_on(|| {
        wait(held);
        assert!(announcements(&sites, "a1").vips.iter().all(|vip| vip.ready));
        wait(on_all(&sites, &["site", "drain", "--wait"]));
        sites.wait_for_routes(&edges(&B), SOON).unwrap();
        wait_for_phase(&sites, &A, Phase::Withdrawn);
        thread::sleep(Duration::from_secs(2));
        assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
        // On the way back it is the routes first, and then new flows.
        for edge in A {
            sites.ctl(edge, &["site", "undrain"]).unwrap();
        }
        sites.wait_for_routes(&edges(&A), SOON).unwrap();
        let start = Instant::now();
        while sites_of(&served(&sites, 20)) != ["a"] {
            assert!(start.elapsed() < SOON, "{}", sites.ctl("a1", &["pool", "show", "web4"]).unwrap());
        }
        thread::sleep(Duration::from_secs(3));
        new.finish_unbroken();
    });
}

#[test]
fn a_drain_survives_its_daemon_and_ends_at_its_deadline() {
    let (mut sites, _receivers) = announcing(QUICK);
    let old = Held::open(&sites, "a", 20);
    for edge in A {
        sites.ctl(edge, &["site", "drain", "--deadline", "8s"]).unwrap();
    }
    sites.kill_daemon("a1").unwrap();
    sites.start_daemon("a1", None, &[]).unwrap();
    wait_for_phase(&sites, &["a1"], Phase::Lingering);
    assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    wait_for_phase(&sites, &A, Phase::Withdrawn);
    drop(old);
    for edge in A {
        sites.ctl(edge, &["site", "undrain"]).unwrap();
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
}

#[test]
fn the_answer_to_a_drain_and_to_an_undrain_knows_of_it() {
    let mut sites = idle();
    let site = sites.site("b1", CHECK).unwrap() + &sites.announce("b1", "").unwrap();
    sites.start_daemon("b1", Some(&site), &["--xdp-mode", "native"]).unwrap();
    for _ in 0..20 {
        for (verb, is_drained) in [("drain", true), ("undrain", false)] {
            let answer = sites.ctl("b1", &["site", verb, "--json"]).unwrap();
            assert_eq!(answer.contains("\"maintenance\""), is_drained, "{verb}: {answer}");
        }
    }
}
