//! Everything that happens on an edge in a minute, told as it happens.

use anycast_ctl::api::{
    router,
    types::{BackendState, DaemonStep, DrainStep, Event, Severity},
};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    edge::{Edge, NO_SERVICE},
    watcher::Watcher,
};

#[test]
fn what_happens_is_told_with_its_reason() {
    let mut edge = Edge::start(&[]);
    let watcher = Watcher::start(&edge, "events", "--json --since 1h");
    let ready = watcher.wait_for(&edge, "the daemon is ready", |told| matches!(told.event, Event::Daemon(_)));
    assert!(matches!(&ready.event, Event::Daemon(daemon) if daemon.what == DaemonStep::Started), "{ready:?}");

    let began = watcher.wait_for(
        &edge,
        "the first table",
        |told| matches!(&told.event, Event::Table(table) if table.pool == "web4"),
    );
    assert!(began.words.contains(": the daemon's start; took "), "{began:?}");

    // A backend fails, and comes back.
    edge.refuse("backend2", true);
    let is_state = |told: &anycast_ctl::api::types::Told, state| {
        matches!(&told.event, Event::Backend { pool, backend, after, .. }
            if pool == "web4" && backend == "backend2" && *after == state)
    };
    let down = watcher.wait_for(&edge, "backend2 is down", |told| is_state(told, BackendState::Down));
    assert_eq!(down.severity, Severity::Warning);
    watcher.wait_for(&edge, "its check says so", |told| {
        matches!(&told.event, Event::Health(health) if health.what == "verdict" && health.backend.as_deref() == Some("backend2"))
            && told.words.contains("connection refused")
    });
    let moved = watcher.wait_for(
        &edge,
        "its slots move",
        |told| matches!(&told.event, Event::Table(table) if table.pool == "web4" && table.in_transition > 20_000),
    );
    let Event::Table(table) = &moved.event else { unreachable!() };
    assert!(table.why.contains("backend web4/backend2") && table.moved > 20_000, "{table:?}");
    assert!(table.revision == 1 && table.slots == 65_537 && table.took_us > 0, "{table:?}");
    edge.refuse("backend2", false);
    watcher.wait_for(&edge, "it is back", |told| {
        is_state(told, BackendState::Up) && told.sequence > down.sequence
    });
    watcher.wait_for(&edge, "its transition is over", |told| {
        matches!(&told.event, Event::Settled { pool, .. } if pool == "web4") && told.sequence > moved.sequence
    });

    // A drain that is taken back, and one with a deadline.
    edge.ctl("backend drain web4 backend1");
    let is_drain = |told: &anycast_ctl::api::types::Told, what| matches!(&told.event, Event::Drain(drain) if drain.backend == "backend1" && drain.what == what);
    let begun = watcher.wait_for(&edge, "the drain begins", |told| is_drain(told, DrainStep::Begun));
    watcher.wait_for(&edge, "no flow is left", |told| {
        is_drain(told, DrainStep::Ended) && told.words.ends_with("no flow of it is left")
    });
    edge.ctl("backend undrain web4 backend1");
    watcher.wait_for(&edge, "it is taken back", |told| is_drain(told, DrainStep::TakenBack));
    edge.ctl("backend drain web4 backend2 --deadline 1s");
    let late = watcher.wait_for(&edge, "its deadline passes", |told| {
        matches!(&told.event, Event::Drain(drain) if drain.backend == "backend2" && drain.what == DrainStep::Deadline)
    });
    assert!(late.words.ends_with(": the flows that are left are given up"), "{late:?}");
    watcher.wait_for(&edge, "it is over", |told| told.words.ends_with(" is over: its deadline has passed"));
    edge.ctl("backend undrain web4 backend2");
    let revision = watcher.wait_for(&edge, "the change is told", |told| {
        matches!(&told.event, Event::Revision(revision) if revision.what.starts_with("backend drain web4 backend1"))
    });
    assert!(revision.sequence < begun.sequence, "{revision:?} {begun:?}");
    let asked = watcher.wait_for(&edge, "who asked is told", |told| {
        matches!(&told.event, Event::Request(request) if request.path == "/v1/pools/web4/backends/backend1/drain")
    });
    assert!(
        asked.words.contains("root (pid ")
            && asked.words.ends_with("POST /v1/pools/web4/backends/backend1/drain: done (200)"),
        "{asked:?}"
    );
    edge.ctl("backend mark web4 backend1 down");
    let marked = watcher
        .wait_for(&edge, "the mark is told", |told| matches!(told.event, Event::Mark { up: false, .. }));
    assert!(marked.words.starts_with("backend web4/backend1 is marked down by root (pid "), "{marked:?}");
    edge.ctl("backend mark web4 backend1 up");

    // Packets that nobody wants: the first is told of at once, the others as a sum.
    edge.knock(1);
    let is_drop = |told: &anycast_ctl::api::types::Told| matches!(&told.event, Event::Drops(drops) if drops.reason == "unknown_port_dropped");
    let first = watcher.wait_for(&edge, "a packet is dropped", is_drop);
    let Event::Drops(drops) = &first.event else { unreachable!() };
    assert_eq!(
        (drops.vip.as_deref(), drops.packets, drops.bad),
        (Some("www4"), 1, false),
        "port {NO_SERVICE}: {drops:?}"
    );
    (0..5).for_each(|_| edge.knock(20));
    let rest = watcher
        .wait_for(&edge, "the others are dropped", |told| is_drop(told) && told.sequence > first.sequence);
    let Event::Drops(drops) = &rest.event else { unreachable!() };
    assert_eq!(drops.packets, 100, "{drops:?}");
    // The clock of events is the wall's: so far apart, less the time that a look takes.
    assert!(rest.at.unix_ms() - first.at.unix_ms() > 8_000, "{first:?} {rest:?}");

    // All of it in order, once, as the document describes it, and in the log.
    edge.end_daemon(Signal::SIGTERM);
    watcher.wait_for(
        &edge,
        "the daemon ends",
        |told| matches!(&told.event, Event::Daemon(daemon) if daemon.what == DaemonStep::Stopping),
    );
    let told = watcher.told(&edge);
    assert!(told.is_sorted_by(|a, b| a.sequence + 1 == b.sequence && a.at <= b.at), "{told:#?}");
    let document: Value = serde_json::from_str(&router::document().to_json().unwrap()).unwrap();
    let mut schema = serde_json::json!({ "$ref": "#/components/schemas/Told" });
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let log = edge.host.log_text();
    for (told, line) in told.iter().zip(watcher.text(&edge).lines()) {
        assert!(validator.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
        let lines = log.lines().filter(|line| line.ends_with(&told.words));
        let twins = told_alike(&watcher, &edge, &told.words);
        assert_eq!(lines.count(), twins, "{}\n{log}", told.words);
    }
}

/// Events with the same words.
fn told_alike(watcher: &Watcher, edge: &Edge, words: &str) -> usize {
    watcher.told(edge).iter().filter(|told| told.words.ends_with(words)).count()
}
