//! What others have, and what an earlier run left.

use anycast_ctl::announce::driver::Level;

use crate::{
    border::{V4, V6, both, one},
    harness::{Stage, config},
};

#[test]
fn what_an_earlier_run_left_is_withdrawn_and_others_routes_stay() {
    let stage = Stage::new();
    let lines =
        ["configure terminal", "router bgp 65001", "address-family ipv4 unicast", "network 192.0.2.200/32"];
    stage.frr.vtysh(&lines);
    let old = [one("old", "192.0.2.9/32", Level::Announced), one("web4", V4, Level::Announced)].into();
    stage.bring(&mut stage.driver(), &old);
    stage.until_there("192.0.2.9/32");
    let withdrawals = stage.neighbour.withdrawals();
    stage.bring(&mut stage.driver(), &both(Level::Announced));
    stage.until_gone("192.0.2.9/32");
    for prefix in [V4, V6, "192.0.2.200/32"] {
        stage.until_there(prefix);
    }
    assert_eq!(stage.neighbour.withdrawals(), withdrawals + 1);
}

#[test]
fn a_statement_of_somebody_elses_is_left_alone_and_named() {
    let stage = Stage::new();
    let lines =
        ["configure terminal", "router bgp 65001", "address-family ipv4 unicast", "network 192.0.2.1/32"];
    stage.frr.vtysh(&lines);
    let mut driver = stage.driver();
    for level in [Level::Announced, Level::Withdrawn] {
        let failures = stage.block_on(driver.bring(&both(level))).unwrap();
        assert_eq!(failures.keys().collect::<Vec<_>>(), ["web4"]);
        assert!(failures["web4"].contains("remove it (`no network 192.0.2.1/32`"), "{}", failures["web4"]);
    }
    let seen = stage.look(&mut driver, &both(Level::Withdrawn));
    assert_eq!(seen.routes["web4"].level, Level::Announced);
    assert!(seen.routes["web4"].trouble.as_ref().unwrap().contains("is not this daemon's"));
    stage.until_there(V4);
}

#[test]
fn what_somebody_removed_is_seen_and_put_back() {
    let stage = Stage::new();
    let mut driver = stage.driver();
    let wanted = both(Level::Announced);
    stage.bring(&mut driver, &wanted);
    stage.until_there(V4);
    let lines =
        ["configure terminal", "router bgp 65001", "address-family ipv4 unicast", "no network 192.0.2.1/32"];
    stage.frr.vtysh(&lines);
    stage.until_gone(V4);
    assert!(!stage.look(&mut driver, &wanted).routes.contains_key("web4"));
    stage.bring(&mut driver, &wanted);
    stage.until_there(V4);
    stage.frr.vtysh(&lines);
    stage.bring(&mut driver, &both(Level::Withdrawn));
    stage.until_gone(V6);
}

#[test]
fn a_bgpd_that_was_killed_is_named_and_gets_its_routes_again() {
    let mut stage = Stage::new();
    let mut driver = stage.driver();
    let wanted = both(Level::Announced);
    stage.bring(&mut driver, &wanted);
    stage.until_there(V4);
    stage.frr.restart(&config());
    let error = stage.block_on(driver.look(&wanted)).unwrap_err().to_string();
    assert!(error.contains("hung up") && error.contains("see whether it runs"), "{error}");
    let mut driver = stage.driver();
    assert_eq!(stage.look(&mut driver, &wanted).routes, [].into());
    stage.bring(&mut driver, &wanted);
    stage.until_true("told again", || {
        let seen = stage.look(&mut driver, &wanted);
        seen.routes.values().all(|it| it.trouble.is_none())
    });
    stage.until_there(V4);
    stage.until_there(V6);
}
