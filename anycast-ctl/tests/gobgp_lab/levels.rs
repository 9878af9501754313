//! What a route that is about to go has, and that it does not go before.

use anycast_ctl::{announce::driver::Level, model::Shutdown};

use crate::harness::{Lab, V4, V6, both, snippet};

const COMMUNITY: &str = "community: (65535,0)";

#[test]
fn a_route_about_to_go_has_the_community_and_routers_prefer_any_other() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::ShuttingDown));
    for (vip, prefix) in [V4, V6] {
        lab.await_route(prefix, true);
        let route = lab.router.route(prefix);
        for expected in [COMMUNITY, "as_path: 65001\n", "local_pref: 0"] {
            assert!(route.contains(expected), "{expected} in {route}");
        }
        assert_eq!(gobgp.look(&both(Level::ShuttingDown)).routes[vip].level, Level::ShuttingDown);
    }
}

#[test]
fn metric_and_path_are_as_the_settings_say() {
    let lab = Lab::new();
    let shutdown = Shutdown { community: false, med: Some(500), prepend: 2, ..Shutdown::default() };
    let mut gobgp = lab.connect(shutdown);
    gobgp.bring(&both(Level::ShuttingDown));
    for (vip, prefix) in [V4, V6] {
        lab.await_route(prefix, true);
        let route = lab.router.route(prefix);
        for expected in ["med: 500", "as_path: 65001 65001 65001\n"] {
            assert!(route.contains(expected), "{expected} in {route}");
        }
        assert!(!route.contains("community"), "{route}");
        assert_eq!(gobgp.look(&both(Level::ShuttingDown)).routes[vip].level, Level::ShuttingDown);
    }
}

#[test]
fn another_level_takes_the_place_of_the_former_without_a_withdrawal() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown { med: Some(7), prepend: 1, ..Shutdown::default() });
    for level in [Level::Announced, Level::ShuttingDown].repeat(10) {
        gobgp.bring(&both(level));
        for (_, prefix) in [V4, V6] {
            let is_there = || lab.router.route(prefix).contains(COMMUNITY) == (level == Level::ShuttingDown);
            lab.wait("the router heard of the level", || lab.router.has(prefix) && is_there());
        }
    }
    assert_eq!([lab.router.withdrawals("site4"), lab.router.withdrawals("site6")], [0, 0]);
}

#[test]
fn a_neighbour_of_the_same_system_takes_the_community_and_drops_a_path_with_the_own_number() {
    let mut lab = Lab::configured(&snippet(0).replacen("peer-as = 65000", "peer-as = 65001", 1));
    lab.router.also("", "local 10.9.0.2 as 65000", "local 10.9.0.2 as 65001");
    lab.start();
    lab.await_sessions(2);
    let mut gobgp = lab.connect(Shutdown::default());
    for level in [Level::Announced, Level::ShuttingDown] {
        gobgp.bring(&both(level));
        lab.wait("the router heard of the level", || {
            let route = lab.router.route(V4.1);
            route.contains("next_hop: 10.9.0.1")
                && route.contains(COMMUNITY) == (level == Level::ShuttingDown)
        });
    }
    lab.connect(Shutdown { prepend: 1, med: Some(1), ..Shutdown::default() })
        .bring(&both(Level::ShuttingDown));
    lab.await_route(V4.1, false);
}
