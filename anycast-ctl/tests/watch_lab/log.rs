//! The daemon's log: changed while it runs, as JSON, and with nobody who reads it.

use std::process::Stdio;

use anycast_ctl::api::types::{Event, LogStatus};
use nix::sys::signal::Signal;

use crate::edge::Edge;

fn status(edge: &Edge) -> LogStatus {
    serde_json::from_str(&edge.ctl("log --json")).unwrap()
}

#[test]
fn what_is_logged_is_changed_while_the_daemon_runs() {
    let edge = Edge::start(&["--log", "info"]);
    let has_debug = |edge: &Edge| edge.host.log_text().contains("DEBUG");
    assert!(!has_debug(&edge), "{}", edge.host.log_text());
    let page = edge.ctl("log debug --for 3s");
    assert!(
        page.contains("The daemon logs by `debug`, as text.") && page.contains(" as root (pid "),
        "{page}"
    );
    edge.ctl("backend weight web4 backend1 3");
    edge.wait_for("it logs more", has_debug);
    edge.wait_for("that is over", |edge| status(edge).filter == "info");
    assert_eq!(status(&edge).until, None);
    let told = edge.kept("--kind log");
    let words: Vec<&str> = told.iter().map(|told| told.words.as_str()).collect();
    assert!(
        words.len() == 2
            && words[0].starts_with("logging by `debug` until ")
            && words[0].contains(" as root (pid "),
        "{words:?}"
    );
    assert_eq!(words[1], "logging by `info`");
    edge.ctl("log warn");
    assert_eq!(status(&edge).filter, "warn");
    edge.ctl("log --reset");
    assert_eq!((status(&edge).filter.as_str(), status(&edge).who), ("info", None));
    let (code, text) = edge.try_ctl(&["log", "inof"]);
    assert!(code == 2 && text.contains("`inof` is no level"), "{text}");
    let audit = edge.kept("--kind request");
    let puts = audit.iter().filter(
        |told| matches!(&told.event, Event::Request(it) if it.path == "/v1/log" && it.method == "PUT"),
    );
    assert_eq!(puts.count(), 2, "{audit:#?}");
    assert!(edge.host.log_text().contains("asked for PUT /v1/log: done (200)"), "{}", edge.host.log_text());
}

#[test]
fn json_lines_have_the_fields_of_events() {
    let mut edge = Edge::start(&["--log-format", "json"]);
    edge.ctl("backend disable web4 backend1");
    edge.end_daemon(Signal::SIGTERM);
    let log = edge.host.log_text();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let disabled = lines
        .iter()
        .find(|line| line["anycast.event"] == "backend" && line["anycast.backend"] == "backend1")
        .unwrap();
    assert_eq!((&disabled["anycast.pool"], &disabled["level"]), (&"web4".into(), &"INFO".into()));
    assert!(disabled["message"].as_str().unwrap().ends_with("is disabled, was up"), "{disabled}");
    assert!(lines.last().unwrap()["message"].as_str().unwrap().contains("packets are steered on"), "{log}");
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let mut edge = Edge::start(&[]);
    edge.end_daemon(Signal::SIGTERM);
    // Never read: its pipe is soon full.
    let (unread, stderr) = nix::unistd::pipe().unwrap();
    edge.run_daemon_with(&["--log", "trace"], &[], Stdio::from(stderr));
    edge.wait_for("lines are lost", |edge| {
        edge.ctl("backend weight web4 backend1 2");
        edge.ctl("backend weight web4 backend1 3");
        status(edge).lost > 0
    });
    edge.ctl("backend weight web4 backend1 4 --wait");
    assert!(edge.ctl("log").contains("ATTENTION: "));
    // It ends as ever, and soon.
    edge.end_daemon(Signal::SIGTERM);
    drop(unread);
}
