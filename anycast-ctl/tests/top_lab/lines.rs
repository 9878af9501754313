//! Lines, where there is no terminal.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::edge::Edge;

#[test]
fn tables_are_written_as_often_as_is_wanted() {
    let edge = Edge::start(2);
    let _traffic = edge.traffic();
    let text = edge.ctl("top --interval 2s --count 2");
    assert_eq!(text.matches("PACKETS/S").count(), 2, "{text}");
    let row = |what: &str, name: &str| {
        let mut lines = text.lines().rev().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find(|words| words.get(1) == Some(&what) && words.get(2) == Some(&name)).unwrap()
    };
    assert_ne!(row("vip", "www4")[3], "0");
    assert_eq!(row("vip", "www6")[3], "0");
    assert_ne!(row("backend", "web4/backend1")[3], "0");
    assert_ne!(row("total", "-")[3], "0");
    assert!(text.contains("2 of 2 up") && text.contains("up, 50.0% of the slots"), "{text}");
    // Whatever is no terminal gets the same.
    assert_eq!(edge.ctl("top --plain --interval 200ms --count 1").matches("PACKETS/S").count(), 1);
}

#[test]
fn json_lines_have_rates_that_follow_from_the_counters() {
    let edge = Edge::start(2);
    let _traffic = edge.traffic();
    let text = edge.ctl("top --json --interval 500ms --count 3");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    for pair in lines.windows(2) {
        let packets = |line: &Value| line["vips"][0]["traffic"]["packets"].as_u64().unwrap();
        let seconds = pair[1]["seconds"].as_f64().unwrap();
        let grown = packets(&pair[1]) - packets(&pair[0]);
        let rate = pair[1]["vips"][0]["rates"]["packets_per_second"].as_f64().unwrap();
        assert!(seconds >= 0.4 && grown > 0, "{pair:#?}");
        assert!((rate * seconds - grown as f64).abs() < 0.01, "{rate} {seconds} {grown}");
    }
    let status: Value = serde_json::from_str(&edge.ctl("status --json")).unwrap();
    assert_eq!(lines[0]["vips"][0]["name"], status["vips"][0]["name"]);
    assert_eq!(lines[0]["backends"].as_array().unwrap().len(), 4);
    assert_eq!(lines[0]["backends"][0]["health"]["verdict"], "up");
}

#[test]
fn a_reader_that_goes_away_and_a_daemon_that_is_not_there() {
    let mut edge = Edge::start(1);
    let mut command = edge.host.command("anycast", &["top", "--json", "--interval", "100ms"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut top = edge.host.lab.spawn("edge", command).unwrap();
    let mut line = String::new();
    BufReader::new(top.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    // The pipe is closed.
    assert!(top.wait().unwrap().success());

    assert_eq!(edge.try_ctl("top --interval 10ms").0, 2);
    assert_eq!(edge.try_ctl("top --count 0").0, 2);
    edge.kill_daemon();
    let (code, text) = edge.try_ctl("top --count 1");
    assert_eq!(code, 1);
    assert!(text.contains("ask the daemon how things are: no daemon is listening"), "{text}");
}
