//! Routes that ExaBGP does not take, and VIPs that say so.

use anycast_ctl::announce::driver::Level;

use crate::harness::{FOUR, Lab, Way, both, eventually};

fn started(change: impl Fn(&str) -> String) -> Lab {
    let mut lab = Lab::with(Way::Relay, change);
    lab.start();
    lab
}

#[test]
fn neighbours_that_do_not_name_the_process_are_an_error_of_exabgps() {
    let lab = started(|config| config.replace("api { processes [ anycast ]; }", ""));
    let mut driver = lab.connect();
    let failures = lab.bring(&mut driver, &both(Level::Announced));
    assert_eq!(failures.len(), 2, "{failures:?}");
    let text = &failures["four"];
    assert!(text.contains("answers `error`") && text.contains("api { processes"), "{text}");
    assert_eq!(lab.router.route(FOUR), None);
}

#[test]
fn a_family_that_no_neighbour_gets_is_named() {
    let lab = started(|config| config.split("neighbor fd09").next().unwrap().to_owned());
    let mut driver = lab.connect();
    let failures = lab.bring(&mut driver, &both(Level::Announced));
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["six"]);
    assert!(failures["six"].contains("family { ipv6 unicast; }"), "{failures:?}");
    eventually("the other one is there", || lab.router.route(FOUR).is_some());
}

#[test]
fn ipv6_over_ipv4_is_not_announced_and_harms_nobody() {
    let lab = started(|config| {
        config.replace("family { ipv4 unicast; }", "family { ipv4 unicast; ipv6 unicast; }")
    });
    let mut driver = lab.connect();
    let failures = lab.bring(&mut driver, &both(Level::Announced));
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["six"]);
    assert!(failures["six"].contains("neighbour 10.9.0.2 over IPv4 without a next hop"), "{failures:?}");
    eventually("the other one is there", || lab.router.route(FOUR).is_some());
}

#[test]
fn a_neighbour_of_the_same_system_gets_no_longer_path() {
    let lab = started(|config| config.replace("peer-as 65002", "peer-as 65001"));
    let mut driver = lab.connect();
    let failures = lab.bring(&mut driver, &both(Level::ShuttingDown));
    assert!(failures["four"].contains("same autonomous system"), "{failures:?}");
    let seen = lab.look(&mut driver, &both(Level::ShuttingDown));
    assert_eq!(seen.routes["four"].level, Level::ShuttingDown, "it has the rest");
    assert_eq!(seen.routes["four"].exported_to, Some(Vec::new()));
    assert_eq!(seen.routes["four"].trouble.as_deref(), Some("no neighbour that is to be told is up"));
}

#[test]
fn without_acknowledgements_the_setting_is_named() {
    let mut lab = Lab::with(Way::Relay, str::to_owned);
    lab.start_in(&[("exabgp.api.ack", "false")]);
    eventually("it says so", || lab.try_connect().err().unwrap().to_string().contains("exabgp.api.ack"));
}
