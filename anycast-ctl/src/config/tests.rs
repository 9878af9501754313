use std::fs;

use proptest::prelude::*;

use super::*;
use crate::model::{
    AdminState, Delivery, HashPolicy, MapSizes, OnDown, OnUnknownPort, Pool, Seed, Service, TunnelSettings,
    UdpPolicy, VlanTags,
};

mod announce;
mod checks;
mod steering;
mod ways;

const EXAMPLE: &str = include_str!("../../../dist/site.toml");

/// A good file; the tests break it line by line.
const GOOD: &str = r#"interfaces = ["eth0"]
[[pool]]
name = "web4"
[[pool.backend]]
name = "backend1"
address = "10.0.0.11"
weight = 2
[[pool.backend]]
name = "backend2"
address = "10.0.0.12"
[[vip]]
name = "www4"
address = "192.0.2.1"
services = ["tcp/80"]
pool = "web4"
"#;

fn errors(text: &str) -> String {
    parse(text, "site.toml").unwrap_err().to_string()
}

/// The errors of the good file with one piece of it replaced.
fn broken(good: &str, bad: &str) -> String {
    assert!(GOOD.contains(good), "{good}");
    errors(&GOOD.replacen(good, bad, 1))
}

#[test]
fn the_example_is_a_site() {
    let site = parse(EXAMPLE, "dist/site.toml").unwrap();
    assert_eq!(site.interfaces, ["eth0"]);
    assert_eq!(site.seed, None);
    assert_eq!(site.pools.iter().map(|pool| pool.backends.len()).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(site.pools[0].backends[1].weight, 2);
    assert_eq!(
        site.vips[1].services,
        ["tcp/80", "tcp/443", "udp/443"].map(|s| s.parse::<Service>().unwrap())
    );
}

/// Every key is there, in use or as a comment, and what the comments propose is right.
#[test]
fn the_example_shows_every_key() {
    let proposed = |line: &&str| {
        let words = line.trim_start().strip_prefix('#').filter(|text| !text.starts_with(' '));
        words.is_some_and(|text| text.starts_with('[') || text.contains(" = "))
    };
    let lines =
        EXAMPLE.lines().map(|line| if proposed(&line) { line.replacen('#', "", 1) } else { line.into() });
    let text = lines.collect::<Vec<String>>().join("\n");
    parse(&text, "dist/site.toml").unwrap();
    let document: toml::Table = text.parse().unwrap();
    // One daemon is driven, in one way; of the others the comments only tell.
    let others = ["announce.exabgp", "announce.frr", "announce.gobgp", "announce.kernel"];
    let other_keys =
        [("announce", "exabgp"), ("announce", "frr"), ("announce", "gobgp"), ("announce", "kernel")];
    let is_shown = |table: &str, key: &str| {
        !other_keys.contains(&(table, key)) && (table, key) != ("announce.bird", "include")
    };
    for (name, keys) in read::TABLES.into_iter().filter(|(name, _)| !others.contains(name)) {
        let keys: Vec<_> = keys.iter().filter(|key| is_shown(name, key)).collect();
        let table = name.split('.').filter(|step| !step.is_empty()).fold(&document, |table, step| {
            let value = &table[step];
            if value.is_array() { value[0].as_table().unwrap() } else { value.as_table().unwrap() }
        });
        assert_eq!(table.keys().collect::<Vec<_>>(), keys, "[{name}]");
    }
}

#[test]
fn keys_left_out_have_their_defaults() {
    let site = parse(GOOD, "site.toml").unwrap();
    assert_eq!((site.pools[0].slots, site.pools[0].backends[1].weight), (65_537, 1));
    assert_eq!(site.vips[0].on_unknown_port, OnUnknownPort::Pass);
    assert_eq!(site.pools[0], Pool::new("web4", site.pools[0].backends.clone()));
    assert_eq!(site.maps, MapSizes::default());
    assert_eq!((site.tunnel, site.icmp.too_big_per_second), (TunnelSettings::default(), 1000));
    assert_eq!((site.pools[0].delivery, site.vips[0].echo), (Delivery::L2, true));
    let text = GOOD.replace("pool = \"web4\"", "pool = \"web4\"\non_unknown_port = \"drop\"");
    let site = parse(&format!("seed = \"00000000000000fF\"\r\n{text}"), "site.toml").unwrap();
    assert_eq!((site.seed, site.vips[0].on_unknown_port), (Some(Seed::new(255)), OnUnknownPort::Drop));
}

#[test]
fn what_pools_remember_and_how_much() {
    let text = GOOD
        .replace("[[pool]]", "[maps]\npins = 2_000_000\nembryonic = 4096\nslots = 0x10_0000\n[[pool]]")
        .replace(
            "name = \"web4\"",
            "name = \"web4\"\nudp = \"quic\"\non_down = \"keep\"\nidle_timeout = \"1h30m\"",
        );
    let site = parse(&text, "site.toml").unwrap();
    let maps = MapSizes {
        pins: Some(2_000_000),
        embryonic: Some(4_096),
        slots: Some(1 << 20),
        ..MapSizes::default()
    };
    assert_eq!(site.maps, maps);
    let pool = &site.pools[0];
    assert_eq!((pool.udp, pool.on_down, pool.idle_timeout.as_secs()), (UdpPolicy::Quic, OnDown::Keep, 5_400));
    for (key, message) in [
        ("udp = \"sticky\"", "udp: `sticky` is not one of \"stateless\", \"pinned\" and \"quic\""),
        ("udp = true", "udp: is true or false: give \"stateless\", \"pinned\" or \"quic\" in quotes"),
        ("on_down = \"drop\"", "on_down: `drop` is neither \"reset\" nor \"keep\""),
        ("on_empty = \"refuse\"", "on_empty: `refuse` is not one of \"drop\", \"pass\" and \"reset\""),
        ("idle_timeout = 300", "idle_timeout: is a number: give a period in quotes, as \"90s\" or \"5m\""),
        (
            "idle_timeout = \"300\"",
            "idle_timeout: `300` is no period: write whole numbers with their units, as 90s, 5m or 1h30m",
        ),
        ("idle_timeout = \"0s\"", "idle_timeout: 0s is out of range: give 1s to 1d"),
        ("idle_timeout = \"25h\"", "idle_timeout: 1d1h is out of range: give 1s to 1d"),
    ] {
        let column = key.find('=').unwrap() + 3;
        let bad = format!("{key}\n[[pool.backend]]");
        assert_eq!(broken("[[pool.backend]]", &bad), format!("site.toml:4:{column}: pool[0].{message}"));
    }
}

#[test]
fn a_file_that_was_cut_off_is_no_site() {
    for text in ["", "# Managed by nobody.\n", "[[pool]]\nname = \"web\""] {
        let message =
            "site.toml:1:1: interfaces: no interface to attach to: name at least one, as in [\"eth0\"]";
        assert_eq!(errors(text), message);
    }
    // But a host may wait for its first VIP.
    assert_eq!(parse("interfaces = []", "site.toml").unwrap(), Site::default());
}

#[test]
fn map_sizes_have_bounds() {
    for (maps, message) in [
        ("[maps]\npins = 0", "3:8: maps.pins: 0 flows are out of range: give 1024 to 16777216"),
        ("[maps]\npins = \"many\"", "3:8: maps.pins: is a string: give a whole number without quotes"),
        (
            "[maps]\nembryonic = 16777217",
            "3:13: maps.embryonic: 16777217 flows are out of range: give 1024 to 16777216",
        ),
        (
            "[maps]\nslots = 65537",
            "3:9: maps.slots: the pools need 196611 slots, three times what all pools have, as a table is replaced by a \
             second one: take at least that, or leave it out",
        ),
        (
            "[maps]\ntraffic_counters = 1023",
            "3:20: maps.traffic_counters: 1023 counters are out of range: give 1024 to 4194304",
        ),
        (
            "[maps]\npin = 2048",
            "3:1: maps: unknown key `pin`: did you mean `pins`? here can be `embryonic`, `pins`, `slots`, \
             `traffic_counters`, `vips`",
        ),
        ("[[maps]]", "2:1: maps: is a list: begin it with [maps] in brackets"),
    ] {
        assert_eq!(broken("[[pool]]", &format!("{maps}\n[[pool]]")), format!("site.toml:{message}"));
    }
}

#[test]
fn malformed() {
    for (good, bad, message) in [
        ("weight = 2", "weight =", "7:9: weight: the value is missing: give one, or remove the key"),
        ("weight = 2", "weight = # 2", "7:10: weight: the value is missing: give one, or remove the key"),
        ("weight = 2", "weight = two", "7:10: weight: `two` is no value: if it is text, put it in quotes"),
        (
            "\"10.0.0.11\"",
            "10.0.0.11",
            "6:15: address: `10.0.0.11` is no value: if it is text, put it in quotes",
        ),
        ("weight = 2", "weight 2", "7:8: key with no value, expected `=`"),
        ("weight = 2", "address = \"a\"", "7:1: `address` is here for the second time: remove one"),
        ("\"10.0.0.11\"", "\"10.0.0.11", "6:21: address: invalid basic string, expected `\"`"),
        ("[[pool]]", "[[pool", "2:7: unclosed array table, expected `]]`"),
        ("[\"eth0\"]", "[\"eth0\"", "2:1: missing comma between array elements, expected `,`"),
        ("[[vip]]", "[vip]", "11:1: vip: is a table: begin each entry with [[vip]] in double brackets"),
        (
            "[[pool.backend]]",
            "[pool.backend]",
            "8:8: `backend` is here for the second time: begin each entry with [[ ]], double brackets",
        ),
        (
            "[[pool]]\nname = \"web4\"\n",
            "",
            "2:3: pool: is a table: begin each entry with [[pool]] in double brackets",
        ),
    ] {
        assert_eq!(broken(good, bad).lines().next().unwrap(), format!("site.toml:{message}"));
    }
}

#[test]
fn unknown_keys() {
    assert_eq!(
        broken("weight", "wieght"),
        "site.toml:7:1: pool[0].backend[0]: unknown key `wieght`: did you mean `weight`? here can be `address`, \
         `backup`, `check`, `delivery`, `drain_until`, `name`, `state`, `weight`, `when_drained`"
    );
    assert_eq!(
        broken("[[vip]]", "[[vips]]"),
        "site.toml:11:3: unknown key `vips`: did you mean `vip`? here can be `announce`, `icmp`, `interfaces`, `maps`, `node`, \
         `pool`, `seed`, `tunnel`, `vip`"
    );
    assert_eq!(
        broken("services", "\"port\\u001b\" = 80\nservices"),
        "site.toml:14:1: vip[0]: unknown key `port\\u{1b}`: here can be `address`, `announce`, `echo`, `min_healthy`, \
         `name`, `on_unknown_port`, `pool`, `prefix`, `services`"
    );
}

#[test]
fn missing_keys() {
    assert_eq!(
        broken("address = \"10.0.0.11\"\n", ""),
        "site.toml:4:1: pool[0].backend[0].address: is missing: add it to this entry"
    );
    assert_eq!(
        broken("pool = \"web4\"\n", ""),
        "site.toml:11:1: vip[0].pool: is missing: add it to this entry"
    );
    assert_eq!(
        broken("interfaces = [\"eth0\"]\n", ""),
        "site.toml:1:1: interfaces: no interface to attach to: name at least one, as in [\"eth0\"]"
    );
}

#[test]
fn wrong_values() {
    for (good, bad, message) in [
        (
            "weight = 2",
            "weight = \"2\"",
            "7:10: pool[0].backend[0].weight: is a string: give a whole number without quotes",
        ),
        (
            "weight = 2",
            "weight = -2",
            "7:10: pool[0].backend[0].weight: `-2` is out of range: give a number from 1 to 4294967295",
        ),
        (
            "weight = 2",
            "weight = 0x1_0000_0000",
            "7:10: pool[0].backend[0].weight: `0x100000000` is out of range: give a number from 1 to 4294967295",
        ),
        (
            "weight = 2",
            "weight = 0",
            "7:10: pool[0].backend[0].weight: weight 0 would never be chosen: give 1 or more, or set state = \"draining\"",
        ),
        (
            "\"10.0.0.11\"",
            "\"10.0.0.11/24\"",
            "6:11: pool[0].backend[0].address: `10.0.0.11/24` is a prefix: give the address alone, `10.0.0.11`",
        ),
        (
            "\"10.0.0.11\"",
            "\"backend1\"",
            "6:11: pool[0].backend[0].address: `backend1` is no IP address: write it as 192.0.2.1 or 2001:db8::1",
        ),
        (
            "[\"tcp/80\"]",
            "[\"tcp/80\", \"http\"]",
            "14:23: vip[0].services[1]: `http` is no service: write tcp/443, udp/53 or tcp/any",
        ),
        ("[\"tcp/80\"]", "\"tcp/80\"", "14:12: vip[0].services: is a string: give a list in [ ]"),
        (
            "pool = \"web4\"",
            "pool = \"web\"",
            "15:8: vip[0].pool: no pool is called `web`: did you mean `web4`? there is `web4`",
        ),
        ("[\"eth0\"]", "[1]", "1:15: interfaces[0]: is a number: give a string in quotes"),
    ] {
        assert_eq!(broken(good, bad), format!("site.toml:{message}"));
    }
}

#[test]
fn a_wrong_seed_is_not_repeated() {
    let message = "give exactly 16 hexadecimal digits in quotes, as `openssl rand -hex 8` prints them";
    for seed in ["\"5ec2e7\"", "\"5ec2e75ec2e75ec2e\"", "\"5ec2e75ec2e75ecg\"", "\"+5ec2e75ec2e75e\"", "\"\""]
    {
        assert_eq!(
            broken("[[pool]]", &format!("seed = {seed}\n[[pool]]")),
            format!("site.toml:2:8: seed: {message}")
        );
    }
    assert_eq!(
        broken("[[pool]]", "seed = 0x5ec2e7\n[[pool]]"),
        format!("site.toml:2:8: seed: is a number: {message}")
    );
}

#[test]
fn every_problem_is_reported_in_the_order_of_the_file() {
    let text = r#"interfaces = ["eth0"]
[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/80"]
pool = "web"
[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/443"]
pool = "none"
[[pool]]
name = "web"
slots = 65536
[[pool.backend]]
name = "a"
address = "10.0.0.11"
[[pool.backend]]
name = "a"
address = "2001:db8::11"
[[pool]]
name = "empty"
"#;
    assert_eq!(
        errors(text).lines().collect::<Vec<_>>(),
        [
            "site.toml:8:8: vip[1].name: `www` is already the name of vip[0]: names of VIPs are unique, rename one",
            "site.toml:9:11: vip[1].address: 192.0.2.1 is already the address of vip[0]: a VIP has one entry, list all \
             its services there",
            "site.toml:11:8: vip[1].pool: no pool is called `none`: there is `web`, `empty`",
            "site.toml:14:9: pool[0].slots: 65536 is not prime, so that a backend could not reach all slots: take 65537",
            "site.toml:19:8: pool[0].backend[1].name: `a` is already the name of pool[0].backend[0]: names of backends \
             in a pool are unique, rename one",
            "site.toml:20:11: pool[0].backend[1].address: 2001:db8::11 is IPv6, the pool's first `l2` backend is IPv4: \
             put the IPv6 backends into a pool of their own, or reach them through a tunnel, delivery = \"ipip\" or \"gue\"",
            "site.toml:21:1: pool[1].backend: a pool needs at least one backend: add one",
        ]
    );
}

#[test]
fn fewer_slots_than_backends() {
    assert_eq!(
        broken("[[pool.backend]]", "slots = 1\n[[pool.backend]]"),
        "site.toml:4:9: pool[0].slots: 1 slots are too few for 2 backends: take a hundred times as many and a prime, 211"
    );
}

#[test]
fn files_that_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("site.toml");
    let at = path.display().to_string();
    let error = |path: &Path| load(path).unwrap_err().to_string();

    assert_eq!(
        error(&path),
        format!("cannot read {at}: there is no such file; create it, or name another with --config")
    );
    let here = directory.path();
    assert_eq!(
        error(here),
        format!("cannot read {}: it is a directory; name the file in it, as in {at}", here.display())
    );
    fs::write(&path, b"interfaces = [\"eth0\"]\n# caf\xe9\n").unwrap();
    assert_eq!(error(&path), format!("{at}:2:6: not UTF-8 from here on: save the file as UTF-8 text"));
    fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(error(&path), format!("cannot read {at}: it is longer than 16 MiB; is it a site file?"));
    fs::write(&path, GOOD).unwrap();
    assert_eq!(load(&path).unwrap(), parse(GOOD, "").unwrap());
    // A device that never ends.
    assert!(error(Path::new("/dev/zero")).ends_with("is it a site file?"));
}

/// A long line full of faults would take a time that grows with its square.
#[test]
fn a_flood_of_faults_is_cut() {
    let report = broken("\"tcp/80\"", &"\"x\",".repeat(100_000));
    assert_eq!(report.lines().count(), MAX_FAULTS + 1);
    assert_eq!(report.lines().last().unwrap(), "site.toml: and 99000 more");
}

#[test]
fn positions() {
    let lines = Lines::new("é = 1\r\nb\n");
    assert_eq!(
        [0, 2, 7, 8, 9, 99].map(|offset| lines.position(offset)),
        [(1, 1), (1, 2), (1, 7), (2, 1), (2, 2), (3, 1)]
    );
    assert_eq!(Lines::new("").position(0), (1, 1));
}

/// Pieces of site files, which together are mostly nonsense, but reach further than random characters.
fn piece() -> impl Strategy<Value = String> {
    let pieces = GOOD.lines().chain([
        "[vip]",
        "pool = 1",
        "seed = \"\"",
        "[[pool.backend.x]]",
        "a.b.c = {}",
        "x = [[",
    ]);
    prop_oneof![
        proptest::sample::select(pieces.map(str::to_owned).collect::<Vec<_>>()),
        "[\\[\\]{}=.\"'#a-z0-9\\\\ \r\t-]{0,20}",
        "\\PC{0,10}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let _ = parse(&text, "site.toml").map_err(|error| error.to_string());
    }

    #[test]
    fn any_lines_are_parsed_or_refused(lines in proptest::collection::vec(piece(), 0..30)) {
        match parse(&lines.join("\n"), "site.toml") {
            Ok(site) => prop_assert_eq!(site.problems(), []),
            Err(ConfigError::Invalid { faults, .. }) => {
                prop_assert!(!faults.is_empty());
                prop_assert!(faults.iter().all(|fault| fault.line <= lines.len().max(1)));
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
