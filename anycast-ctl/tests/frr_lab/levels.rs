//! What the neighbour is told at each level.

use anycast_ctl::announce::driver::Level;

use crate::{
    border::{V4, V6, both, one},
    harness::Stage,
};

#[test]
fn each_level_reaches_the_neighbour_without_a_gap() {
    let stage = Stage::new();
    let mut driver = stage.driver();
    stage.bring(&mut driver, &both(Level::Announced));
    for prefix in [V4, V6] {
        let received = stage.until_there(prefix);
        assert_eq!((received.path.as_str(), received.communities.as_str()), ("65001", ""), "{prefix}");
    }
    let withdrawals = stage.neighbour.withdrawals();
    stage.bring(&mut driver, &both(Level::ShuttingDown));
    for prefix in [V4, V6] {
        let is_right = |path: &str| path == "65001 65001 65001";
        let received = stage.until(prefix, |it| it.is_some_and(|it| is_right(&it.path))).unwrap();
        assert_eq!((received.communities.as_str(), received.med), ("(65535,0)", Some(500)), "{prefix}");
    }
    stage.bring(&mut driver, &both(Level::Announced));
    for prefix in [V4, V6] {
        let received = stage.until(prefix, |it| it.is_some_and(|it| it.communities.is_empty())).unwrap();
        assert_eq!((received.path.as_str(), received.med), ("65001", Some(0)), "{prefix}");
    }
    assert_eq!(stage.neighbour.withdrawals(), withdrawals, "a route was withdrawn between levels");
    stage.bring(&mut driver, &both(Level::Withdrawn));
    for prefix in [V4, V6] {
        stage.until_gone(prefix);
    }
}

#[test]
fn what_is_seen_is_the_level_and_who_is_told() {
    let stage = Stage::new();
    let mut driver = stage.driver();
    let wanted = [one("web4", V4, Level::Announced), one("web6", V6, Level::ShuttingDown)].into();
    stage.bring(&mut driver, &wanted);
    stage.until_there(V4);
    stage.until_there(V6);
    let seen = stage.look(&mut driver, &wanted);
    assert!(seen.daemon.starts_with("FRR 8."), "{}", seen.daemon);
    let peers: Vec<_> =
        seen.peers.iter().map(|it| (it.name.as_str(), it.asn, it.established, &*it.state)).collect();
    assert_eq!(
        peers,
        [("10.9.0.2", Some(65_002), true, "Established"), ("fd09::2", Some(65_002), true, "Established")]
    );
    for (vip, level, peer) in
        [("web4", Level::Announced, "10.9.0.2"), ("web6", Level::ShuttingDown, "fd09::2")]
    {
        let route = &seen.routes[vip];
        assert_eq!((route.level, &route.trouble), (level, &None), "{vip}");
        assert_eq!(route.exported_to.as_deref(), Some(&[peer.to_owned()][..]), "{vip}");
    }
    stage.bring(&mut driver, &both(Level::Withdrawn));
    assert_eq!(stage.look(&mut driver, &wanted).routes, [].into());
}

#[test]
fn one_that_only_withdraws_does_so_and_makes_no_route_maps() {
    let stage = Stage::new();
    let mut driver = stage.driver();
    stage.bring(&mut driver, &both(Level::Withdrawn));
    assert!(!stage.frr.vtysh(&["show running-config"]).contains("route-map anycast"));
    stage.bring(&mut driver, &both(Level::Announced));
    stage.until_there(V4);
    let mut other = stage.driver();
    stage.bring(&mut other, &both(Level::Withdrawn));
    stage.until_gone(V4);
    stage.until_gone(V6);
}

#[test]
fn settings_that_changed_reach_the_route_map() {
    let stage = Stage::new();
    stage.bring(&mut stage.driver(), &both(Level::ShuttingDown));
    stage.until_there(V4);
    stage.frr.vtysh(&[
        "configure terminal",
        "route-map anycast-shutdown permit 10",
        "set large-community 65001:1:1",
    ]);
    let mut announce = stage.announce();
    (announce.shutdown.med, announce.shutdown.prepend) = (None, 1);
    let withdrawals = stage.neighbour.withdrawals();
    stage.bring(&mut stage.connect(&announce).unwrap(), &both(Level::ShuttingDown));
    let received = stage.until(V4, |it| it.is_some_and(|it| it.path == "65001 65001")).unwrap();
    assert_eq!((received.communities.as_str(), received.med), ("(65535,0)", Some(0)));
    assert_eq!(stage.neighbour.withdrawals(), withdrawals);
    assert!(stage.frr.vtysh(&["show running-config"]).contains("set large-community 65001:1:1"));
}
