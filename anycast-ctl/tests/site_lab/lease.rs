//! Daemons that end, in every way, and what becomes of their routes.

use std::time::Instant;

use anycast_ctl::announce::machine::Phase;
use xtask::lab::{
    server::{self, HTTP_PORT},
    sites::edges,
};

use crate::{
    announcing::{QUICK, announcements, announcing, moves_since, wait_for, wait_for_phase},
    harness::{A, B, SOON, served, sites_of},
};

#[test]
fn a_killed_daemon_is_withdrawn_by_the_watchdog_and_comes_back_once() {
    let (mut sites, _receivers) = announcing(QUICK);
    let watchdogs: Vec<_> =
        A.iter().map(|edge| sites.start_ctl(edge, &["announce", "watchdog"]).unwrap()).collect();
    wait_for(&sites, &A, |status| status.daemon.as_ref().is_some_and(|daemon| daemon.watched));
    let start = Instant::now();
    for edge in A {
        sites.kill_daemon(edge).unwrap();
    }
    assert_eq!(
        sites_of(&served(&sites, 20)),
        ["a"],
        "packets are steered on, and the routes stay for the lease"
    );
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    println!(
        "killed daemons were withdrawn after {:.1} s, with a lease of 5 s",
        start.elapsed().as_secs_f64()
    );
    assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
    let start = Instant::now();
    for edge in A {
        sites.start_daemon(edge, None, &[]).unwrap();
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    wait_for_phase(&sites, &A, Phase::Announced);
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
    assert!(moves_since(&sites, start) <= 2, "{:#?}", sites.watch().changes());
    drop(watchdogs);
}

#[test]
fn a_daemon_that_is_back_within_the_lease_moves_nothing() {
    let (mut sites, _receivers) = announcing(QUICK);
    let _watchdog = sites.start_ctl("a1", &["announce", "watchdog"]).unwrap();
    wait_for(&sites, &["a1"], |status| status.daemon.as_ref().is_some_and(|daemon| daemon.watched));
    let start = Instant::now();
    for _ in 0..3 {
        sites.kill_daemon("a1").unwrap();
        sites.start_daemon("a1", None, &[]).unwrap();
        sites.stop_daemon("a1").unwrap();
        sites.start_daemon("a1", None, &[]).unwrap();
    }
    wait_for_phase(&sites, &["a1"], Phase::Announced);
    assert_eq!(moves_since(&sites, start), 0, "{:#?}", sites.watch().changes());
}

#[test]
fn a_daemon_that_is_to_withdraw_does_so_before_it_ends() {
    let settings = format!("{QUICK}\non_stop = \"withdraw\"");
    let (mut sites, _receivers) = announcing(&settings);
    for edge in A {
        sites.stop_daemon(edge).unwrap();
    }
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    let released = sites.ctl("a1", &["announce", "release"]).unwrap();
    assert_eq!(released, "no routes are left announced\n");
    for edge in A {
        sites.start_daemon(edge, None, &[]).unwrap();
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    // One that crashes leaves them, and what systemd runs then takes them away.
    for edge in A {
        sites.kill_daemon(edge).unwrap();
        assert_eq!(sites.ctl(edge, &["announce", "release"]).unwrap(), "withdrew 2 routes\n");
    }
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
}

#[test]
fn nothing_is_released_that_is_to_stay() {
    let (mut sites, _receivers) = announcing(QUICK);
    let refused = sites.ctl("a1", &["announce", "release"]).unwrap_err().to_string();
    assert!(refused.contains("a daemon runs"), "{refused}");
    sites.kill_daemon("a1").unwrap();
    let kept = sites.ctl("a1", &["announce", "release"]).unwrap();
    assert_eq!(kept, "2 routes stay for the time of the lease, as on_stop = \"keep\" has it\n");
    assert_eq!(sites.ctl("a1", &["announce", "release", "--force"]).unwrap(), "withdrew 2 routes\n");
    sites.wait_for_routes(&edges(&["a2"]), SOON).unwrap();
    // Who takes down what a dead daemon left takes its routes first.
    sites.kill_daemon("a2").unwrap();
    assert!(sites.ctl("a2", &["down"]).unwrap().starts_with("down: "));
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
}

#[test]
fn the_dataplane_goes_down_only_when_nobody_sends_to_it() {
    let (mut sites, _receivers) = announcing(QUICK);
    for edge in A {
        let downs = std::thread::scope(|scope| {
            let down = scope.spawn(|| sites.ctl(edge, &["down"]).unwrap());
            let (mut asked, mut has_failed) = (0, false);
            let vip = (sites.plan().vips.v4, HTTP_PORT).into();
            while !down.is_finished() {
                // A connection that the route moves under breaks; the next one is answered, by this site or by the other.
                let answer = server::get(sites.namespace("client").unwrap(), vip, "/");
                assert!(answer.is_ok() || !has_failed, "{answer:?}\n{}", sites.evidence());
                has_failed = answer.is_err();
                asked += 1;
            }
            down.join().unwrap();
            asked
        });
        assert!(downs > 0);
        assert!(sites.edge(edge).unwrap().status().is_err(), "the daemon has ended with it");
    }
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["b"]);
    for edge in A {
        sites.start_daemon(edge, None, &["--xdp-mode", "native"]).unwrap();
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    for edge in A {
        sites.ctl(edge, &["detach"]).unwrap();
        assert!(announcements(&sites, edge).vips.iter().all(|vip| vip.why.contains("off the interfaces")));
    }
    sites.wait_for_routes(&edges(&B), SOON).unwrap();
    for edge in A {
        sites.ctl(edge, &["attach"]).unwrap();
    }
    sites.wait_for_routes(&edges(&A), SOON).unwrap();
    assert_eq!(sites_of(&served(&sites, 20)), ["a"]);
}
