//! The relay, when the daemon or the relay itself goes and comes.

use std::{thread, time::Duration};

use anycast_ctl::announce::driver::{Failures, Level};
use nix::sys::signal::{Signal, kill};

use crate::harness::{FOUR, Lab, SIX, Way, both, eventually, wanted};

#[test]
fn a_daemon_that_is_gone_loses_its_routes_after_the_lease() {
    let mut lab = Lab::new(Way::Relay);
    lab.announce.lease = Duration::from_secs(1);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    drop(driver);
    lab.await_both(false);
    eventually("the relay says so", || {
        lab.log().contains("the daemon was not heard of for 1s: withdrew routes: 2")
    });

    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
}

#[test]
fn a_daemon_that_hangs_loses_its_routes_and_learns_of_it() {
    let mut lab = Lab::new(Way::Relay);
    lab.announce.lease = Duration::from_secs(1);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    lab.await_both(false);
    let error = lab.runtime.block_on(driver.bring(&both(Level::Announced))).unwrap_err();
    assert!(error.to_string().contains("relay"), "{error}");
    drop(driver);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
}

#[test]
fn a_daemon_that_asks_keeps_its_routes() {
    let mut lab = Lab::new(Way::Relay);
    lab.announce.lease = Duration::from_secs(2);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    let before = lab.router.moves();
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(500));
        assert_eq!(lab.look(&mut driver, &both(Level::Announced)).routes.len(), 2);
    }
    assert_eq!(lab.router.moves(), before);
}

#[test]
fn a_daemon_that_comes_back_in_time_moves_nothing() {
    let lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    let before = lab.router.moves();
    drop(driver);
    let mut driver = lab.connect();
    assert_eq!(lab.bring(&mut driver, &both(Level::Announced)), Failures::new());
    assert_eq!(lab.look(&mut driver, &both(Level::Announced)).routes.len(), 2);
    assert_eq!(lab.router.moves(), before);
}

#[test]
fn what_an_earlier_daemon_left_and_nobody_wants_is_withdrawn() {
    let lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    drop(driver);
    let mut driver = lab.connect();
    assert_eq!(lab.bring(&mut driver, &wanted(&[("four", FOUR, Level::Announced)])), Failures::new());
    eventually("the other is gone", || lab.router.route(SIX).is_none());
    assert!(lab.router.route(FOUR).is_some());
}

#[test]
fn without_a_lease_routes_stay() {
    let mut lab = Lab::new(Way::Relay);
    lab.announce.lease = Duration::ZERO;
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    let before = lab.router.moves();
    drop(driver);
    eventually("the relay knows", || lab.log().contains("the daemon hung up"));
    thread::sleep(Duration::from_secs(2));
    assert_eq!(lab.router.moves(), before);
}

#[test]
fn a_relay_that_is_killed_is_started_again_and_nothing_moves() {
    let lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    let before = lab.router.moves();
    let relay = lab.relay().unwrap();
    kill(relay, Signal::SIGKILL).unwrap();
    eventually("there is another", || lab.relay().is_some_and(|it| it != relay));
    let error = lab.runtime.block_on(driver.look(&both(Level::Announced))).unwrap_err();
    assert!(
        error.to_string().contains("relay hung up") || error.to_string().contains("ask ExaBGP's relay"),
        "{error}"
    );
    drop(driver);
    let mut driver = lab.connect();
    assert_eq!(lab.bring(&mut driver, &both(Level::Announced)), Failures::new());
    assert_eq!(lab.router.moves(), before);
    lab.bring_both(&mut driver, Level::Withdrawn);
}

#[test]
fn routes_go_when_relay_and_daemon_die_together() {
    let mut lab = Lab::with(Way::Relay, |it| it.replace("announce relay", "announce relay --lease 2s"));
    lab.start();
    lab.router.await_sessions();
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    drop(driver);
    kill(lab.relay().unwrap(), Signal::SIGKILL).unwrap();
    lab.await_both(false);
    assert!(lab.log().contains("took over 2 routes of an earlier relay's"), "{}", lab.log());
}

#[test]
fn a_relay_ends_with_exabgp() {
    let mut lab = Lab::new(Way::Relay);
    let _driver = lab.connect();
    let relay = lab.relay().unwrap();
    lab.signal(Signal::SIGKILL);
    eventually("it is gone", || kill(relay, None).is_err());
    lab.stop();
}
