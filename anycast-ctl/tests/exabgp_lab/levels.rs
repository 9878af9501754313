//! What each level is at the router, in both ways.

use anycast_ctl::announce::driver::{Failures, Level};

use crate::harness::{FOUR, Lab, SIX, Way, both, eventually, wanted};

#[test]
fn each_level_reaches_the_router_by_the_relay() {
    each_level_reaches_the_router(&Lab::new(Way::Relay));
}

#[test]
fn each_level_reaches_the_router_by_the_pipes() {
    each_level_reaches_the_router(&Lab::new(Way::Pipes));
}

fn each_level_reaches_the_router(lab: &Lab) {
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    for prefix in [FOUR, SIX] {
        assert_eq!(lab.router.attribute(prefix, "BGP.as_path").as_deref(), Some("65001"));
        assert_eq!(lab.router.attribute(prefix, "BGP.community"), None);
        assert_eq!(lab.router.attribute(prefix, "BGP.med"), None);
    }
    assert_eq!(lab.router.attribute(FOUR, "BGP.next_hop").as_deref(), Some("10.9.0.1"));
    assert!(lab.router.attribute(SIX, "BGP.next_hop").unwrap().starts_with("fd09::1"));

    let seen = lab.look(&mut driver, &both(Level::Announced));
    assert_eq!(seen.daemon, "ExaBGP 4.2.21");
    let peers: Vec<_> = seen.peers.iter().map(|it| (it.name.as_str(), it.asn, it.established)).collect();
    assert_eq!(peers, [("10.9.0.2", Some(65002), true), ("fd09::2", Some(65002), true)]);
    for (vip, peer) in [("four", "10.9.0.2"), ("six", "fd09::2")] {
        let route = &seen.routes[vip];
        assert_eq!((route.level, &route.trouble), (Level::Announced, &None));
        assert_eq!(route.exported_to, Some(vec![peer.to_owned()]));
    }

    lab.bring_both(&mut driver, Level::ShuttingDown);
    for prefix in [FOUR, SIX] {
        let is = |name: &str| lab.router.attribute(prefix, name);
        eventually("the router knows that it is about to go", || is("BGP.community").is_some());
        assert_eq!(is("BGP.community").as_deref(), Some("(65535,0)"));
        assert_eq!(is("BGP.med").as_deref(), Some("50"));
        assert_eq!(is("BGP.as_path").as_deref(), Some("65001 65001"));
    }
    let seen = lab.look(&mut driver, &both(Level::ShuttingDown));
    assert!(seen.routes.values().all(|it| it.level == Level::ShuttingDown), "{seen:?}");
    assert!(
        lab.router
            .moves()
            .iter()
            .filter(|it| it.contains("withdraws"))
            .all(|it| it.split_whitespace().nth(2) == Some("0")),
        "it was never gone: {:?}",
        lab.router.moves()
    );

    lab.bring_both(&mut driver, Level::Announced);
    eventually("it is as before", || lab.router.attribute(FOUR, "BGP.community").is_none());
    lab.bring_both(&mut driver, Level::Withdrawn);
    assert!(lab.look(&mut driver, &both(Level::Withdrawn)).routes.is_empty());
    lab.bring_both(&mut driver, Level::Withdrawn);
}

#[test]
fn a_relay_that_is_not_root_may_come_in() {
    let mut lab = Lab::with(Way::Relay, str::to_owned);
    lab.start_unprivileged();
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
}

#[test]
fn vips_that_share_a_route_have_it_as_long_as_one_wants_it() {
    let lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    let shared = |dns, web| wanted(&[("dns", FOUR, dns), ("web", FOUR, web)]);
    assert_eq!(lab.bring(&mut driver, &shared(Level::Announced, Level::Withdrawn)), Failures::new());
    eventually("it is there", || lab.router.route(FOUR).is_some());
    assert_eq!(lab.bring(&mut driver, &shared(Level::Withdrawn, Level::Withdrawn)), Failures::new());
    eventually("it is gone", || lab.router.route(FOUR).is_none());
}

#[test]
fn a_hundred_vips_come_and_go() {
    let lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    let names: Vec<_> =
        (0..50).flat_map(|it| [format!("198.51.100.{it}/32"), format!("2001:db8::{it}/128")]).collect();
    let all = |level| wanted(&names.iter().map(|it| (it.as_str(), it.as_str(), level)).collect::<Vec<_>>());
    for level in [Level::Announced, Level::ShuttingDown, Level::Withdrawn] {
        assert_eq!(lab.bring(&mut driver, &all(level)), Failures::new());
        assert_eq!(
            lab.look(&mut driver, &all(level)).routes.len(),
            if level == Level::Withdrawn { 0 } else { 100 }
        );
        let count = if level == Level::Withdrawn { "Total: 0 of 0" } else { "Total: 100 of 100" };
        eventually("the router has as many", || lab.router.ask("show route count").contains(count));
    }
}

#[test]
fn what_somebody_else_withdrew_shows_and_is_put_right() {
    let mut lab = Lab::new(Way::Relay);
    let mut driver = lab.connect();
    lab.bring_both(&mut driver, Level::Announced);
    drop(driver);
    // A new ExaBGP has no routes.
    lab.stop();
    lab.start();
    let mut driver = lab.connect();
    assert!(lab.look(&mut driver, &both(Level::Announced)).routes.is_empty());
    lab.bring_both(&mut driver, Level::Announced);
}
