use std::collections::BTreeSet;

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use toml::{Table, Value as Toml};

use super::*;
use crate::{
    config::{document, parse, position::Lines, read, to_toml},
    model::arbitrary,
};

const EXAMPLE: &str = include_str!("../../../../dist/site.toml");

/// A site with every key.
const FULL: &str = r#"
node = "edge-1"
interfaces = ["eth0"]
seed = "00000000000000ff"
maps = { pins = 2000, embryonic = 3000, slots = 300000, traffic_counters = 5000, vips = 6 }
tunnel = { source = ["192.0.2.10"], ttl = 63, gue_port = 6081, vlan = 7 }
icmp = { too_big_per_second = 0 }
[announce]
on_stop = "withdraw"
all_down = "keep"
lease = "20s"
hold_up = "10s"
hold_up_max = "5m"
hold_down = "500ms"
min_announced = "1s"
quiet = "10s"
asn = 65001
shutdown = { community = false, med = 500, prepend = 3, wait = "20s" }
kernel = { mode = "route", interface = "eth0", table = 100, protocol = 78, metric = 5, shutdown_metric = 6 }
[[pool]]
name = "web"
delivery = "gue"
hash = "source-and-destination"
slots = 251
seed = "0000000000000100"
udp = "quic"
on_down = "keep"
on_empty = "pass"
idle_timeout = "90s"
check = { type = "http", via = "vip" }
unchecked = "steer"
panic_threshold = "50%"
min_healthy = "2"
slow_start = "30s"
slow_start_curve = "aggressive"
feedback = { type = "http", port = 8081, path = "/load", interval = "10s", timeout = "500ms", floor = "20%" }
[[pool.backend]]
name = "web-1"
address = "10.0.0.11"
weight = 2
delivery = "ipip"
backup = false
state = "draining"
drain_until = 2026-11-21T18:00:00Z
when_drained = "remove"
check = { fall = 2 }
[[vip]]
name = "www"
address = "2001:db8::1"
services = ["tcp/443", "udp/any"]
pool = "web"
on_unknown_port = "drop"
echo = false
announce = "always"
prefix = "2001:db8::/48"
min_healthy = "50%"
"#;

/// The tables of the daemons that [`FULL`] has no place for beside its own.
const DAEMONS: &str = r#"
bird = { socket = "/run/b.ctl", protocol = "vip_{vip}", shutdown_protocol = "last_{vip}" }
exabgp = { socket = "/run/anycast/x.sock" }
frr = { vtysh = "/bin/vtysh", sockets = "/run/vty" }
gobgp = { endpoint = "unix:///run/gobgp.sock" }
"#;

/// A document with every key of a table.
fn full(table: &str) -> Table {
    let mut document: Table = FULL.parse().unwrap();
    let mut daemons: Table = DAEMONS.parse().unwrap();
    let key = table.strip_prefix("announce.").unwrap_or_default();
    if let Some(daemon) = daemons.remove(key) {
        let announce = table_of(&mut document, "announce");
        announce.remove("kernel");
        announce.insert(key.to_owned(), daemon);
    }
    document
}

fn validator() -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema().as_value()).unwrap()
}

/// What a tool sees that turns TOML into JSON.
fn json(value: &Toml) -> Json {
    match value {
        Toml::String(text) => json!(text),
        Toml::Integer(number) => json!(number),
        Toml::Float(number) => json!(number),
        Toml::Boolean(truth) => json!(truth),
        Toml::Datetime(time) => json!(time.to_string()),
        Toml::Array(items) => items.iter().map(json).collect(),
        Toml::Table(table) => table.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}

fn json_of(text: &str) -> Json {
    json(&Toml::Table(text.parse().unwrap()))
}

/// Whether every key and value was understood; they may yet contradict each other.
fn is_read(text: &str) -> bool {
    let table = document(text, &Lines::new(text)).map_err(|error| error.message).unwrap();
    let (site, misread) = read::site(&table);
    site.is_some() && misread.is_empty()
}

/// The table of that name in a document; of entries, the first.
fn table_of<'a>(document: &'a mut Table, name: &str) -> &'a mut Table {
    name.split('.').filter(|step| !step.is_empty()).fold(document, |table, step| {
        let value = &mut table[step];
        let entry = if value.is_array() { &mut value[0] } else { value };
        entry.as_table_mut().unwrap()
    })
}

/// The schema of the table of that name.
fn schema_of(name: &str) -> Json {
    let schema = schema().to_value();
    let of = |reference: &Json| {
        let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
        schema["$defs"][name].clone()
    };
    name.split('.').filter(|step| !step.is_empty()).fold(schema.clone(), |table, step| {
        let property = &table["properties"][step];
        // What may be left out may be null, too.
        let property = property.get("anyOf").map_or(property, |either| &either[0]);
        of(property.get("items").unwrap_or(property).get("$ref").unwrap())
    })
}

/// Every table and key, and the full document with a change to it.
fn with_each_key(change: impl Fn(&mut Table, &str)) -> Vec<(String, String, String)> {
    let keys = read::TABLES.iter().flat_map(|(table, keys)| keys.iter().map(|key| (*table, *key)));
    keys.map(|(table, key)| {
        let mut document = full(table);
        change(table_of(&mut document, table), key);
        (table.to_owned(), key.to_owned(), toml::to_string(&document).unwrap())
    })
    .collect()
}

#[test]
fn it_has_the_keys_that_files_have() {
    for (table, keys) in read::TABLES {
        let schema = schema_of(table);
        let properties: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(properties, keys.iter().map(|key| (*key).to_owned()).collect(), "[{table}]");
        assert_eq!(schema["additionalProperties"], json!(false), "[{table}]");
        let described = |property: &Json| property.get("description").is_some();
        assert!(schema["properties"].as_object().unwrap().values().all(described), "[{table}]");
    }
}

#[test]
fn checks_have_the_keys_that_the_schema_has() {
    let keys: BTreeSet<&str> = read::CHECK.iter().copied().collect();
    for table in ["pool.check", "pool.backend.check"] {
        let schema = schema_of(table);
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys, "[{table}]");
        assert_eq!(schema["additionalProperties"], json!(false));
        assert!(properties.values().all(|property| property.get("description").is_some()));
    }
    assert_eq!(crate::model::health::KEYS.iter().map(|key| key.name()).collect::<BTreeSet<_>>(), keys);
}

#[test]
fn what_it_requires_is_required() {
    assert!(parse(FULL, "full").is_ok() && validator().is_valid(&json_of(FULL)));
    for (table, key, text) in with_each_key(|table, key| drop(table.remove(key))) {
        let required =
            schema_of(&table)["required"].as_array().is_some_and(|keys| keys.contains(&json!(key)));
        // Without its pool the VIP is not right either, nor a deadline without its state, nor a part of a check without the rest.
        let leaned_on = [
            ("", "pool"),
            ("pool.backend", "state"),
            ("pool", "check"),
            ("", "announce"),
            ("announce", "kernel"),
        ];
        if !leaned_on.contains(&(table.as_str(), key.as_str())) {
            assert_eq!(parse(&text, "site.toml").is_err(), required, "[{table}] {key}");
        }
        assert_eq!(validator().is_valid(&json_of(&text)), !required, "[{table}] {key}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    for (table, keys) in read::TABLES {
        let mut document = full(table);
        let typed = format!("{}x", keys[0]);
        table_of(&mut document, table).insert(typed.clone(), true.into());
        let text = toml::to_string(&document).unwrap();
        let error = parse(&text, "site.toml").unwrap_err().to_string();
        assert!(error.contains(&format!("unknown key `{typed}`: did you mean `{}`?", keys[0])), "{error}");
        assert!(!validator().is_valid(&json_of(&text)), "[{table}]");
    }
}

/// Every key with values that are right for some key.
#[test]
fn it_refuses_what_is_misread_and_nothing_that_is_right() {
    let values = r#"values = [
        1.5, true, 0, 1, 70_000, 5_000_000, 5_000_000_000, -1, "", "x y", "l2", "gue", "5m", "0s", "1m1h", "tcp/80",
        "tcp/0", "192.0.2.99", "2001:db8::99", "192.0.2.0/24", "00000000000000fF", "0xff", "reset", "drop", "5-tuple",
        "source-address", "active", "disabled", "strip", "quic", 2026-11-21T18:00:00Z, 2026-11-21T18:00:00,
        "50%", "101%", "250ms", "agent", "remove", "steer", { type = "tcp" }, { type = "icmp", port = 1 },
        2026-11-21 18:00:00+01:00, 2026-11-21T18:00:00.5Z, 2026-11-21, 18:00:00, [], ["eth1"], ["tcp/53"],
        ["192.0.2.98"], [1], [{}], {}
    ]"#;
    let values = values.parse::<Table>().unwrap()["values"].as_array().unwrap().clone();
    let validator = validator();
    let mut right = 0;
    for value in values {
        for (table, key, text) in with_each_key(|table, key| drop(table.insert(key.into(), value.clone()))) {
            let valid = validator.is_valid(&json_of(&text));
            // A time without quotes is a text in JSON, which may be a name.
            let is_text = value.is_datetime() && key != "drain_until";
            assert!(is_read(&text) || !valid || is_text, "[{table}] {key} = {value} is misread, but valid");
            let is_right = parse(&text, "site.toml").is_ok();
            assert!(!is_right || valid, "[{table}] {key} = {value} is right, but invalid");
            right += usize::from(is_right);
        }
    }
    assert!(right > 40, "{right}");
}

#[test]
fn the_example_is_valid() {
    let validator = validator();
    let errors: Vec<String> =
        validator.iter_errors(&json_of(EXAMPLE)).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
}

proptest! {
    #[test]
    fn every_site_is_valid(site in arbitrary::site()) {
        for json in [serde_json::to_value(&site).unwrap(), json_of(&to_toml(&site))] {
            let errors: Vec<String> = validator().iter_errors(&json).map(|error| error.to_string()).collect();
            prop_assert_eq!(errors, Vec::<String>::new());
        }
    }
}
