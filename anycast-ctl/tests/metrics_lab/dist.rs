//! The alert rules and the dashboard that are shipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::Value;

use crate::harness::{metrics, promtool, steering, traffic};

fn dist(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist").join(name)
}

/// Values of a key that stands at the beginning of a line of YAML, or of an item there.
fn values<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.trim_start().trim_start_matches("- ").strip_prefix(key);
    yaml.lines().filter_map(of).map(str::trim).collect()
}

/// Expressions of the alerts: the line after `expr: >-`.
fn expressions(yaml: &str) -> Vec<String> {
    let lines: Vec<&str> = yaml.lines().collect();
    let of = |pair: &[&str]| pair[0].trim().starts_with("expr: >-").then(|| pair[1].trim().to_owned());
    lines.windows(2).filter_map(of).collect()
}

/// Every text in a document whose key is one of these.
fn texts(value: &Value, keys: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(text) = value.as_str().filter(|_| keys.contains(&key.as_str())) {
                    found.push(text.to_owned());
                }
                texts(value, keys, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, keys, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

/// Names of metrics in an expression.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words
        .filter(|word| word.starts_with("anycast_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_alert_is_valid_and_tested() {
    let (rules, tests) = (path("prometheus/alerts.yml"), path("prometheus/alerts_test.yml"));
    let (good, said) = promtool(&["check", "rules", rules.to_str().unwrap()], "");
    assert!(good, "{said}");
    let (good, said) = promtool(&["test", "rules", tests.to_str().unwrap()], "");
    assert!(good, "{said}");

    let (rules, tests) = (dist("prometheus/alerts.yml"), dist("prometheus/alerts_test.yml"));
    let alerts = values(&rules, "alert: ");
    assert!(alerts.len() > 20);
    for key in ["severity: ", "summary: ", "description: ", "runbook: "] {
        assert_eq!(values(&rules, key).len(), alerts.len(), "{key}");
    }
    // Each fires once and is quiet once.
    let mut tested: BTreeMap<&str, usize> = BTreeMap::new();
    for name in values(&tests, "alertname: ") {
        *tested.entry(name).or_default() += 1;
    }
    assert_eq!(tested, alerts.iter().map(|name| (*name, 2)).collect());
    assert_eq!(values(&tests, "exp_alerts: []").len(), alerts.len());
    assert_eq!(values(&tests, "exp_labels:").len(), alerts.len());
}

#[test]
fn alerts_and_dashboard_name_metrics_that_are_scraped() {
    let lab = steering(2);
    traffic(&lab, 3);
    let text = metrics(&lab);
    let scraped: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .flat_map(|(name, kind)| {
            let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect();

    let alerts = expressions(&dist("prometheus/alerts.yml"));
    assert!(alerts.len() > 20);
    let dashboard: Value = serde_json::from_str(&dist("grafana/anycast.json")).unwrap();
    let mut queries = Vec::new();
    texts(&dashboard, &["expr", "definition", "query"], &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    for expression in alerts.iter().chain(&queries) {
        let unknown: Vec<_> = names(expression).difference(&scraped).cloned().collect();
        assert!(unknown.is_empty(), "{unknown:?} in {expression}");
    }
    let used: BTreeSet<String> = alerts.iter().chain(&queries).flat_map(|it| names(it)).collect();
    assert!(used.len() > 40, "{used:?}");
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&dist("grafana/anycast.json")).unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: BTreeSet<&str> = variables.iter().map(|it| it["name"].as_str().unwrap()).collect();
    for variable in ["datasource", "instance", "vip", "pool"] {
        assert!(variables.contains(variable), "{variables:?}");
    }
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "an id is used twice");
    let mut expressions = Vec::new();
    texts(&dashboard["panels"], &["expr"], &mut expressions);
    for expression in &expressions {
        let (open, close) = (expression.matches('(').count(), expression.matches(')').count());
        assert!(open == close && expression.contains("$instance"), "{expression}");
        for (place, _) in expression.match_indices('$') {
            let name: String = expression[place + 1..]
                .chars()
                .take_while(|char| char.is_ascii_alphanumeric() || *char == '_')
                .collect();
            assert!(variables.contains(name.as_str()) || name.starts_with("__"), "${name} in {expression}");
        }
    }
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{}", panel["title"]);
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{}", panel["title"]);
    }
}
