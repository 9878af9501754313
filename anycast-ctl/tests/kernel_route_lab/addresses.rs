//! VIPs as addresses.

use anycast_ctl::announce::driver::Level;

use crate::{
    border::{V4, V6, both, one, run},
    harness::{Stage, addresses},
};

const DIRECT: &str = "
router id 10.9.0.1;
protocol device { }
protocol direct { ipv4; ipv6; interface \"lo\"; }
protocol bgp upstream4 {
    local 10.9.0.1 as 65001; neighbor 10.9.0.2 as 65002; connect delay time 1;
    ipv4 { import none; export where net ~ [192.0.2.0/24+]; next hop self; };
}
protocol bgp upstream6 {
    local fd09::1 as 65001; neighbor fd09::2 as 65002; connect delay time 1;
    ipv6 { import none; export where net ~ [2001:db8::/48+]; next hop self; };
}
";

#[test]
fn an_address_is_redistributed_and_answers() {
    let stage = Stage::with_bird_as(DIRECT);
    run(&stage.router, "ip route add 192.0.2.0/24 via 10.9.0.1");
    let mut driver = stage.connect(&addresses()).unwrap();
    stage.bring(&mut driver, &both(Level::Announced));
    stage.until_there(V4);
    stage.until_there(V6);
    run(&stage.router, "ping -c 1 -W 2 192.0.2.1");
    let seen = stage.look(&mut driver, &both(Level::Announced));
    assert!(seen.routes.values().all(|it| it.level == Level::Announced && it.trouble.is_none()), "{seen:?}");
    assert_eq!(seen.routes.len(), 2);
    stage.bring(&mut driver, &both(Level::Announced));
    // By a driver that has to find out what is its own.
    stage.bring(&mut stage.connect(&addresses()).unwrap(), &both(Level::ShuttingDown));
    stage.until_gone(V4);
    stage.until_gone(V6);
}

#[test]
fn an_address_of_somebody_elses_is_left_alone_and_named() {
    let stage = Stage::alone();
    run(&stage.edge, "ip address add 192.0.2.1/32 dev lo");
    run(&stage.edge, "ip address add 2001:db8::1/128 dev lo");
    run(&stage.edge, "ip address add 192.0.2.7/32 dev lo");
    let mut driver = stage.connect(&addresses()).unwrap();
    for level in [Level::Announced, Level::Withdrawn] {
        let failures = stage.block_on(driver.bring(&both(level))).unwrap();
        assert_eq!(failures.len(), 2);
        assert!(failures["web4"].contains("`ip address del 192.0.2.1/32 dev lo`"), "{failures:?}");
    }
    let seen = stage.look(&mut driver, &both(Level::Withdrawn));
    assert_eq!(seen.routes["web6"].level, Level::Announced);
    assert!(seen.routes["web6"].trouble.as_ref().unwrap().contains("not this daemon's"));
    run(&stage.edge, "ip address del 192.0.2.1/32 dev lo");
    let failures = stage.block_on(driver.bring(&both(Level::Announced))).unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["web6"]);
    assert!(run(&stage.edge, "ip address show dev lo").contains("192.0.2.7/32"));
}

#[test]
fn a_shorter_prefix_is_no_address() {
    let stage = Stage::alone();
    let mut driver = stage.connect(&addresses()).unwrap();
    let wanted = [one("net", "192.0.2.0/24", Level::Announced), one("web6", V6, Level::Announced)].into();
    let failures = stage.block_on(driver.bring(&wanted)).unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["net"]);
    assert!(failures["net"].contains("take mode = \"route\""), "{failures:?}");
    assert!(run(&stage.edge, "ip address show dev lo").contains("2001:db8::1/128"));
}

#[test]
fn what_an_earlier_run_left_is_removed() {
    let stage = Stage::alone();
    let old = [one("old", "192.0.2.9/32", Level::Announced), one("six", "2001:db8::9/128", Level::Announced)]
        .into();
    stage.bring(&mut stage.connect(&addresses()).unwrap(), &old);
    stage.bring(&mut stage.connect(&addresses()).unwrap(), &both(Level::Announced));
    let shown = run(&stage.edge, "ip address show dev lo");
    assert!(
        shown.contains(V4) && shown.contains(V6) && !shown.contains("::9/") && !shown.contains("2.9/"),
        "{shown}"
    );
}
