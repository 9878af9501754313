//! The real Prometheus scrapes the daemon, and has what the command line says.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    process::Stdio,
};

use serde_json::Value;
use xtask::{
    host_tool,
    lab::{Lab, Process},
};

use crate::{
    expected::{COMPLETE, expected},
    harness::{ADDRESS, Series, get, promtool, steering, traffic, wait_for},
};

const LISTENS: &str = "127.0.0.1:9090";

/// The example for operators, but that it does not wait as long between two scrapes.
fn config() -> String {
    let example = include_str!("../../../dist/prometheus/scrape.yml");
    assert!(example.contains(ADDRESS), "the example names another port");
    let quick = example.replace("scrape_interval: 15s", "scrape_interval: 1s");
    assert_ne!(quick, example);
    // The rules are read from where they lie in the repository.
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/prometheus/alerts.yml");
    let placed = quick.replace("/etc/prometheus/anycast-alerts.yml", rules);
    assert_ne!(placed, quick);
    placed
}

fn start(lab: &Lab) -> Process {
    let (file, log) = (lab.directory().join("prometheus.yml"), lab.directory().join("prometheus.log"));
    fs::write(&file, config()).unwrap();
    let log = File::create(log).unwrap();
    let mut command = host_tool::command("prometheus");
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", lab.directory().join("tsdb").display()))
        .arg(format!("--web.listen-address={LISTENS}"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    let process = lab.spawn("edge", command).unwrap();
    wait_for("Prometheus is ready", || {
        lab.inside("edge", || Ok(std::net::TcpStream::connect(LISTENS).is_ok())).unwrap()
            && get(lab, LISTENS, "/-/ready", "").0.contains(" 200 ")
    });
    process
}

fn ask(lab: &Lab, path: &str) -> Value {
    let (_, body) = get(lab, LISTENS, path, "");
    let answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"].clone()
}

/// Every series of the daemon, as Prometheus has it at the moment.
fn scraped(lab: &Lab) -> BTreeMap<Series, f64> {
    let all = ask(lab, "/api/v1/query?query=%7Bjob%3D%22anycast%22%7D");
    let series = all["result"].as_array().unwrap().iter().map(|series| {
        let mut labels: BTreeMap<String, String> = serde_json::from_value(series["metric"].clone()).unwrap();
        let name = labels.remove("__name__").unwrap();
        labels.retain(|label, _| label != "job" && label != "instance");
        ((name, labels), series["value"][1].as_str().unwrap().parse().unwrap())
    });
    series.collect()
}

/// What Prometheus does not have as it should, or has beyond it.
fn differences(lab: &Lab) -> Vec<String> {
    let (expected, scraped) = (expected(lab), scraped(lab));
    let missing = expected.iter().filter_map(|(series, value)| {
        let has = scraped.get(series);
        (has != Some(value)).then(|| format!("{series:?} is {has:?}, not {value}"))
    });
    let beyond =
        scraped.keys().filter(|series| COMPLETE.contains(&&*series.0) && !expected.contains_key(series));
    missing.chain(beyond.map(|series| format!("{series:?} is too much"))).collect()
}

#[track_caller]
fn assert_agree(lab: &Lab, when: &str) {
    let mut last = Vec::new();
    let mut tries = 0;
    wait_for(&format!("{when}, Prometheus has what the daemon says"), || {
        last = differences(lab);
        tries += 1;
        if tries % 50 == 0 {
            eprintln!("{when}: {last:#?}");
        }
        last.is_empty()
    });
}

#[test]
fn prometheus_has_what_the_daemon_says() {
    let lab = steering(3);
    let mut prometheus = start(&lab);
    assert_agree(&lab, "at the beginning");
    traffic(&lab, 40);
    assert_agree(&lab, "after traffic");
    let has = |name: &str, label: &str, value: &str| -> f64 {
        let all = scraped(&lab);
        let found = all
            .iter()
            .filter(|((it, labels), _)| it == name && labels.get(label).is_some_and(|it| it == value));
        found.map(|(_, value)| value).sum()
    };
    // Not only the same, but what was sent.
    assert_eq!(has("anycast_vip_new_flows_total", "vip", "www4"), 40.0);
    assert_eq!(has("anycast_vip_backend_new_flows_total", "vip", "www6"), 40.0);
    assert!(has("anycast_backend_checks_total", "result", "passed") >= 6.0);
    assert_eq!(has("anycast_vip_announced", "vip", "www4"), 1.0);

    lab.ctl(&["backend", "drain", "web4", "backend1"]).unwrap();
    lab.ctl(&["backend", "remove", "web6", "backend2"]).unwrap();
    lab.ctl(&["announce", "withdraw", "www6"]).unwrap();
    traffic(&lab, 10);
    assert_agree(&lab, "after changes");
    assert_eq!(has("anycast_vip_announced", "vip", "www6"), 0.0);
    assert_eq!(has("anycast_pool_backends", "state", "removed"), 1.0);

    let targets = ask(&lab, "/api/v1/targets");
    assert_eq!(targets["activeTargets"][0]["health"], "up", "{targets}");
    let rules = ask(&lab, "/api/v1/rules");
    let rules =
        rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let (mut sound, mut all) = (0, 0);
    for rule in rules {
        all += 1;
        sound += u32::from(rule["health"] == "ok" || rule["health"] == "unknown");
    }
    assert!(all > 10 && sound == all, "{sound} of {all} rules can be evaluated");
    prometheus.stop().unwrap();
}

#[test]
fn the_example_configuration_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("prometheus.yml");
    fs::write(&file, config()).unwrap();
    let (good, said) = promtool(&["check", "config", file.to_str().unwrap()], "");
    assert!(good, "{said}");
}
