//! What others have, what an earlier run left, and what cannot be.

use anycast_ctl::announce::driver::{DriverError, Level};
use caps::{CapSet, Capability};

use crate::{
    border::{V4, V6, both, one, run},
    harness::{Stage, addresses, routes},
};

#[test]
fn what_an_earlier_run_left_is_removed_and_others_routes_stay() {
    let stage = Stage::alone();
    for words in [
        "route add 192.0.2.9/32 dev lo proto 77 metric 100",
        "route add 192.0.2.10/32 dev lo proto 77 metric 5",
        "route add 192.0.2.1/32 dev eth0 proto 77 metric 100",
        "-6 route add 2001:db8::9/128 dev lo proto 77 metric 200",
        "route add 192.0.2.11/32 dev lo proto 78 metric 100",
        "route add 192.0.2.12/32 dev lo proto 77 metric 100 table 99",
        "route add blackhole 192.0.2.13/32 proto 77 metric 100",
    ] {
        run(&stage.edge, &format!("ip {words}"));
    }
    stage.bring(&mut stage.driver(), &both(Level::Announced));
    let own = run(&stage.edge, "ip route show proto 77");
    let own: Vec<&str> = own.lines().map(str::trim).collect();
    assert_eq!(own, ["192.0.2.1 dev lo scope link metric 100", "blackhole 192.0.2.13 metric 100"]);
    assert_eq!(
        run(&stage.edge, "ip -6 route show proto 77").trim(),
        "2001:db8::1 dev lo metric 100 pref medium"
    );
    assert!(run(&stage.edge, "ip route show proto 78").contains("192.0.2.11"));
    assert!(run(&stage.edge, "ip route show table 99").contains("192.0.2.12"));
}

#[test]
fn a_route_of_somebody_elses_in_that_place_is_left_alone_and_named() {
    let stage = Stage::alone();
    run(&stage.edge, "ip route add 192.0.2.1/32 dev eth0 proto 78 metric 200");
    let mut driver = stage.driver();
    stage.bring(&mut driver, &both(Level::Announced));
    let failures = stage.block_on(driver.bring(&both(Level::ShuttingDown))).unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["web4"]);
    assert!(failures["web4"].contains("somebody else's is there"), "{failures:?}");
    // Without its successor, the one there is stays.
    assert_eq!(stage.look(&mut driver, &both(Level::ShuttingDown)).routes["web4"].level, Level::Announced);
    assert!(run(&stage.edge, "ip route show proto 78").contains("dev eth0"));
}

#[test]
fn an_interface_that_is_missing_or_down_is_named() {
    let stage = Stage::alone();
    let mut driver = stage.driver_with(routes(), |it| it.interface = "vips".to_owned());
    let failures = stage.block_on(driver.bring(&both(Level::Announced))).unwrap();
    assert_eq!(failures.len(), 2);
    assert!(failures["web6"].contains("interface vips of [announce.kernel]"), "{failures:?}");
    stage.bring(&mut driver, &both(Level::Withdrawn));
    run(&stage.edge, "ip link add vips type veth peer name other");
    let failures = stage.block_on(driver.bring(&both(Level::Announced))).unwrap();
    assert!(failures["web4"].contains("set the interface up"), "{failures:?}");
    run(&stage.edge, "ip link set vips up");
    stage.bring(&mut driver, &both(Level::Announced));
    run(&stage.edge, "ip link del vips");
    assert_eq!(stage.look(&mut driver, &both(Level::Announced)).routes, [].into());
    run(&stage.edge, "ip link add vips type veth peer name other");
    run(&stage.edge, "ip link set vips up");
    stage.bring(&mut driver, &both(Level::Announced));
    assert_eq!(stage.look(&mut driver, &both(Level::Announced)).routes.len(), 2);
}

#[test]
fn what_somebody_removed_is_seen_and_put_back() {
    let stage = Stage::alone();
    let mut driver = stage.driver();
    let wanted = both(Level::Announced);
    stage.bring(&mut driver, &wanted);
    run(&stage.edge, "ip route del 192.0.2.1/32 proto 77");
    assert_eq!(stage.look(&mut driver, &wanted).routes.keys().collect::<Vec<_>>(), ["web6"]);
    stage.bring(&mut driver, &wanted);
    assert_eq!(stage.look(&mut driver, &wanted).routes.len(), 2);
    run(&stage.edge, "ip route del 192.0.2.1/32 proto 77");
    stage.bring(&mut driver, &both(Level::Withdrawn));
    assert_eq!(run(&stage.edge, "ip -6 route show proto 77"), "");
}

#[test]
fn without_the_capability_it_is_named() {
    let stage = Stage::alone();
    for announce in [routes(), addresses()] {
        let mut driver = stage.connect(&announce).unwrap();
        let error = stage.edge.inside(|| {
            caps::drop(None, CapSet::Effective, Capability::CAP_NET_ADMIN)?;
            Ok(stage.runtime.block_on(driver.bring(&both(Level::Announced))).unwrap_err())
        });
        let error = error.unwrap();
        assert!(matches!(&error, DriverError::Refused(text) if text.contains("CAP_NET_ADMIN")), "{error}");
    }
}

#[test]
fn two_vips_with_one_prefix_are_announced_as_far_as_either_wants() {
    let stage = Stage::alone();
    let mut driver = stage.driver();
    let wanted =
        [one("a", V4, Level::Announced), one("b", V4, Level::Withdrawn), one("c", V6, Level::Withdrawn)];
    stage.bring(&mut driver, &wanted.into());
    assert!(run(&stage.edge, "ip route show proto 77").starts_with("192.0.2.1 dev lo"));
}
