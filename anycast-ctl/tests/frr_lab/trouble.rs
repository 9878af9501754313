//! What keeps a route from being used or told.

use anycast_ctl::announce::driver::Level;

use crate::{
    border::{V4, V6, both, one},
    harness::{Stage, config},
};

/// What the driver sees of the IPv4 VIP once it is announced, and the neighbours are there.
fn trouble(stage: &Stage, is_shown: impl Fn(&str) -> bool) {
    let mut driver = stage.driver();
    let wanted = both(Level::Announced);
    stage.bring(&mut driver, &wanted);
    stage.until_true("the trouble does not show", || {
        let seen = stage.look(&mut driver, &wanted);
        let route = &seen.routes["web4"];
        assert_eq!(route.level, Level::Announced);
        route.exported_to == Some(vec![]) && route.trouble.as_deref().is_some_and(&is_shown)
    });
    assert_eq!(stage.neighbour.received(V4), None);
}

#[test]
fn a_route_that_the_import_check_holds_back_is_seen() {
    let config = config().replace(" no bgp network import-check\n", " bgp network import-check\n");
    trouble(&Stage::with(&config), |text| {
        text.contains("take `no bgp network import-check` into `router bgp`")
    });
}

#[test]
fn a_neighbour_without_a_policy_is_named() {
    let config = config().replace("  neighbor 10.9.0.2 route-map to-upstream out\n", "");
    trouble(&Stage::with(&config), |text| text.contains("`neighbor 10.9.0.2 route-map … out`"));
}

#[test]
fn a_filter_is_said_to_hold_a_route_back() {
    let config = config().replace("permit 192.0.2.0/24 le 32", "permit 198.51.100.0/24 le 32");
    trouble(&Stage::with(&config), |text| text.contains("see their outgoing filters"));
}

#[test]
fn it_shows_that_no_session_is_established() {
    let config = config().replace("10.9.0.2", "10.9.0.7");
    trouble(&Stage::with(&config), |text| {
        text.contains("no neighbour for ipv4 unicast with which a session is")
    });
}

#[test]
fn a_prefix_that_bgpd_rejects_is_blamed_on_its_vip_alone() {
    let stage = Stage::new();
    let mut driver = stage.driver();
    let mut wanted = both(Level::Announced);
    wanted.extend([
        one("wrong", "fe80::1/128", Level::Announced),
        one("last", "2001:db8::9/128", Level::Announced),
    ]);
    let failures = stage.block_on(driver.bring(&wanted)).unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["wrong"]);
    assert!(
        failures["wrong"].starts_with("bgpd does not take `network fe80::1/128 route-map"),
        "{failures:?}"
    );
    for prefix in [V4, V6, "2001:db8::9/128"] {
        stage.until_there(prefix);
    }
    // And again, by a driver that has to find out anew.
    assert_eq!(stage.block_on(driver.bring(&wanted)).unwrap().len(), 1);
}

#[test]
fn an_frr_without_bgp_says_so() {
    let stage = Stage::with("frr defaults traditional\n");
    let error = stage.connect(&stage.announce()).err().unwrap().to_string();
    assert_eq!(error, "bgpd runs no BGP outside of VRFs: give it a `router bgp NUMBER` with neighbours");
}
