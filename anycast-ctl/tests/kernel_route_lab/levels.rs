//! What the neighbour is told at each level.

use anycast_ctl::announce::driver::Level;

use crate::{
    border::{V4, V6, both, one, run},
    harness::{Stage, routes},
};

fn each_level(stage: &Stage, prepended: &str) {
    let mut driver = stage.driver();
    stage.bring(&mut driver, &both(Level::Announced));
    for prefix in [V4, V6] {
        let received = stage.until_there(prefix);
        assert_eq!((received.path.as_str(), received.communities.as_str()), ("65001", ""), "{prefix}");
    }
    let withdrawals = stage.neighbour.withdrawals();
    stage.bring(&mut driver, &both(Level::ShuttingDown));
    for prefix in [V4, V6] {
        let received = stage.until(prefix, |it| it.is_some_and(|it| it.communities == "(65535,0)")).unwrap();
        assert_eq!((received.path.as_str(), received.med), (prepended, Some(500)), "{prefix}");
    }
    let seen = stage.look(&mut driver, &both(Level::ShuttingDown));
    assert_eq!((seen.daemon.as_str(), seen.peers.len()), ("Linux", 0));
    for route in seen.routes.values() {
        assert_eq!((route.level, &route.exported_to, &route.trouble), (Level::ShuttingDown, &None, &None));
    }
    stage.bring(&mut driver, &both(Level::Announced));
    for prefix in [V4, V6] {
        stage.until(prefix, |it| it.is_some_and(|it| it.communities.is_empty()));
    }
    assert_eq!(stage.neighbour.withdrawals(), withdrawals, "a route was withdrawn between levels");
    stage.bring(&mut driver, &both(Level::Withdrawn));
    for prefix in [V4, V6] {
        stage.until_gone(prefix);
    }
    assert_eq!(stage.look(&mut driver, &both(Level::Withdrawn)).routes, [].into());
}

#[test]
fn bird_redistributes_each_level_without_a_gap() {
    each_level(&Stage::with_bird(), "65001 65001");
}

#[test]
fn frr_redistributes_each_level_without_a_gap() {
    each_level(&Stage::with_frr(), "65001");
}

#[test]
fn without_another_metric_what_shuts_down_is_gone() {
    let stage = Stage::alone();
    let mut driver = stage.driver_with(routes(), |it| it.shutdown_metric = None);
    stage.bring(&mut driver, &both(Level::Announced));
    stage.bring(&mut driver, &both(Level::ShuttingDown));
    assert_eq!(run(&stage.edge, "ip route show proto 77"), "");
    assert_eq!(run(&stage.edge, "ip -6 route show proto 77"), "");
}

#[test]
fn the_routes_are_those_that_were_asked_for() {
    let stage = Stage::alone();
    let mut driver = stage.driver_with(routes(), |it| (it.table, it.metric) = (7700, 0));
    let wanted =
        [one("all", "0.0.0.0/0", Level::Announced), one("six", "2001:db8:1::/48", Level::Announced)].into();
    stage.bring(&mut driver, &wanted);
    assert_eq!(run(&stage.edge, "ip route show table 7700").trim(), "default dev lo proto 77 scope link");
    let six = run(&stage.edge, "ip -6 route show table 7700");
    assert_eq!(six.trim(), "2001:db8:1::/48 dev lo proto 77 metric 1024 pref medium");
    assert_eq!(stage.look(&mut driver, &wanted).routes.len(), 2);
    stage.bring(&mut driver, &wanted);
    let mut other = stage.driver_with(routes(), |it| (it.table, it.metric) = (7700, 0));
    let withdrawn =
        wanted.into_iter().map(|(vip, it)| one(&vip, &it.prefix.to_string(), Level::Withdrawn)).collect();
    stage.bring(&mut other, &withdrawn);
    assert_eq!(run(&stage.edge, "ip -6 route show table 7700"), "");
}

#[test]
fn a_host_that_holds_the_vip_goes_on_answering() {
    let stage = Stage::with_bird();
    run(&stage.edge, "ip address add 192.0.2.1/32 dev lo");
    run(&stage.router, "ip route add 192.0.2.0/24 via 10.9.0.1");
    let mut driver = stage.driver();
    for level in [Level::Announced, Level::ShuttingDown, Level::Withdrawn] {
        stage.bring(&mut driver, &both(level));
        run(&stage.router, "ping -c 1 -W 2 192.0.2.1");
    }
}
