use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    config::parse,
    model::{AdminState, Delivery, HashPolicy, OnDown, OnEmpty, OnUnknownPort, UdpPolicy, arbitrary},
};

const EXAMPLE: &str = include_str!("../../../../dist/site.toml");

#[test]
fn a_site_of_defaults_has_few_lines() {
    assert_eq!(to_toml(&Site::default()), "interfaces = []\n");
    let backend = Backend::new("web-1", "10.0.0.11".parse().unwrap());
    let vip = Vip::new("www", "192.0.2.1".parse().unwrap(), vec!["tcp/443".parse().unwrap()], "web");
    let site = Site {
        interfaces: vec!["eth0".into()],
        pools: vec![Pool::new("web", vec![backend])],
        vips: vec![vip],
        ..Site::default()
    };
    let text = r#"interfaces = ["eth0"]

[[pool]]
name = "web"

    [[pool.backend]]
    name = "web-1"
    address = "10.0.0.11"

[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/443"]
pool = "web"
"#;
    assert_eq!(to_toml(&site), text);
}

#[test]
fn everything_that_is_no_default_is_written() {
    let text = r#"node = "edge-1"
interfaces = ["eth0", 'a"b']
seed = "00000000000000ff"

[maps]
pins = 2000
embryonic = 3000
slots = 300000
traffic_counters = 5000
vips = 6

[tunnel]
source = ["192.0.2.10", "2001:db8::10"]
ttl = 63
gue_port = 6081
vlan = 7

[icmp]
too_big_per_second = 0

[[pool]]
name = "web"
delivery = "gue"
hash = "source-and-destination"
slots = 251
seed = "0000000000000100"
udp = "quic"
on_down = "keep"
on_empty = "pass"
idle_timeout = "1m30s"
unchecked = "steer"
panic_threshold = "50%"
min_healthy = "2"
slow_start = "30s"
slow_start_curve = "aggressive"

    [pool.check]
    type = "http"
    via = "vip"
    vips = ["www"]
    interval = "1s500ms"
    path = "/a%22b"
    status = "200,204-299"

    [pool.feedback]
    type = "http"
    port = 8081
    path = "/load"
    interval = "10s"
    timeout = "500ms"
    floor = "20%"

    [[pool.backend]]
    name = "web-1"
    address = "10.0.0.11"
    weight = 2
    delivery = "ipip"
    state = "draining"
    drain_until = 2026-11-21T18:00:00Z
    when_drained = "remove"

        [pool.backend.check]
        port = 8080
        full_size = true

    [[pool.backend]]
    name = "far-1"
    address = "10.9.0.11"
    backup = true

[[vip]]
name = "www"
address = "2001:db8::1"
services = ["tcp/443", "udp/any"]
pool = "web"
on_unknown_port = "drop"
echo = false
"#;
    let site = parse(text, "site.toml").unwrap();
    assert_eq!(to_toml(&site), text);
    let pool = &site.pools[0];
    assert_eq!((pool.hash, pool.udp), (HashPolicy::SourceAndDestination, UdpPolicy::Quic));
    assert_eq!((pool.on_down, pool.idle_timeout), (OnDown::Keep, Duration::from_secs(90)));
    assert_eq!(pool.on_empty, OnEmpty::Pass);
    let backend = &pool.backends[0];
    assert_eq!((backend.delivery, backend.state), (Some(Delivery::Ipip), AdminState::Draining));
    assert_eq!(site.vips[0].on_unknown_port, OnUnknownPort::Drop);
}

#[test]
fn the_example_comes_back() {
    let site = parse(EXAMPLE, "dist/site.toml").unwrap();
    assert_eq!(parse(&to_toml(&site), "exported").unwrap(), site);
}

proptest! {
    #[test]
    fn what_is_written_is_read(site in arbitrary::site()) {
        prop_assert_eq!(site.problems(), []);
        let text = to_toml(&site);
        let read = parse(&text, "site.toml").map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&read, &site, "{}", text);
        prop_assert_eq!(to_toml(&read), text);
    }

    #[test]
    fn json_says_the_same(site in arbitrary::site()) {
        let json = serde_json::to_string(&site).unwrap();
        prop_assert_eq!(serde_json::from_str::<Site>(&json).unwrap(), site);
    }
}
