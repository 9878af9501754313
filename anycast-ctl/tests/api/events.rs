//! Server-sent events.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use anycast_ctl::api::{
    router,
    types::{Event, Severity, Told},
};
use serde_json::Value;

use crate::{ask, daemon::Daemon, exchange};

fn watch(daemon: &Daemon) -> UnixStream {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    stream
}

/// One who wants to be told of earlier, by the query or by a header.
fn watch_since(daemon: &Daemon, query: &str, header: &str) -> BufReader<UnixStream> {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!("GET /v1/events{query} HTTP/1.1\r\nhost: x\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// The next so many events, whatever they are.
fn next(stream: &mut BufReader<UnixStream>, count: usize) -> Vec<Told> {
    let (mut told, mut line) = (Vec::new(), String::new());
    while told.len() < count {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended after {told:?}");
        if let Some(data) = line.trim().strip_prefix("data: ") {
            told.push(serde_json::from_str(data).unwrap());
        }
    }
    told
}

fn weigh(daemon: &Daemon, weight: u32) {
    let body = format!(r#"{{"weight": {weight}}}"#);
    assert_eq!(ask(daemon, "PUT /v1/pools/web/backends/web-1/weight", &body).0, 200);
}

/// What is kept, once there are so many.
fn kept(daemon: &Daemon, query: &str, count: usize) -> Vec<Told> {
    for _ in 0..200 {
        let (status, body) = ask(daemon, &format!("GET /v1/events/kept{query}"), "");
        assert_eq!(status, 200, "{body}");
        let told: Vec<Told> = serde_json::from_value(body).unwrap();
        if told.len() >= count {
            return told;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("there are no {count} events");
}

/// The kinds of events up to and with the one that is wanted, and its data.
fn until(stream: &mut BufReader<UnixStream>, wanted: &str) -> (Vec<String>, String) {
    let (mut kinds, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended after {kinds:?}");
        if let Some(kind) = line.trim().strip_prefix("event: ") {
            kinds.push(kind.to_owned());
        }
        if let Some(data) = line.trim().strip_prefix("data: ")
            && kinds.last().is_some_and(|kind| kind == wanted)
        {
            return (kinds, data.to_owned());
        }
    }
}

#[test]
fn a_watcher_learns_how_things_are_and_then_what_happens() {
    let daemon = Daemon::start();
    let mut stream = BufReader::new(watch(&daemon));
    let (kinds, hello) = until(&mut stream, "hello");
    assert_eq!(kinds, ["hello"]);
    let start = r#"{"event":"hello","revision":1,"applied":1,"settled":true,"sequence":"#;
    assert!(hello.starts_with(start), "{hello}");
    ask(&daemon, "PUT /v1/pools/web/backends/web-1/weight", r#"{"weight": 5}"#);
    let (_, revision) = until(&mut stream, "revision");
    let revision: serde_json::Value = serde_json::from_str(&revision).unwrap();
    assert_eq!((&revision["revision"], &revision["what"]), (&2.into(), &"backend weight web web-1 5".into()));
}

#[test]
fn a_slow_watcher_is_dropped_and_holds_up_nobody() {
    let daemon = Daemon::start();
    let mut stream = BufReader::new(watch(&daemon));
    until(&mut stream, "hello");
    // Far more than sockets and queues hold.
    for weight in 1..=8_000 {
        let (status, _) = ask(
            &daemon,
            "PUT /v1/pools/web/backends/web-1/weight",
            &format!(r#"{{"weight": {}}}"#, 2 + weight % 7),
        );
        assert_eq!(status, 200);
    }
    let (kinds, data) = until(&mut stream, "dropped");
    assert!(kinds.len() < 8_000, "{}", kinds.len());
    assert!(data.contains("\"missed\":"), "{data}");
    // Nothing comes after it.
    let mut rest = String::new();
    while stream.read_line(&mut rest).unwrap() > 0 {}
    assert!(!rest.contains("event:"), "{rest}");
}

#[test]
fn watchers_are_counted() {
    let daemon = Daemon::start();
    let watchers: Vec<BufReader<UnixStream>> = (0..64)
        .map(|_| {
            let mut stream = BufReader::new(watch(&daemon));
            until(&mut stream, "hello");
            stream
        })
        .collect();
    let (status, body) = ask(&daemon, "GET /v1/events", "");
    assert_eq!(status, 503);
    assert!(body["error"].as_str().unwrap().contains("64 watchers already"), "{body}");
    drop(watchers);
    // Their places are free again as soon as the daemon has noticed.
    let mut stream = BufReader::new(watch(&daemon));
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.contains(" 200 ") || line.contains(" 503 "), "{line}");
}

#[test]
fn what_was_told_is_told_again_and_goes_over_into_what_happens() {
    let daemon = Daemon::start();
    (2..5).for_each(|weight| weigh(&daemon, weight));
    let all = kept(&daemon, "", 6);
    assert_eq!(all.len(), 6, "a request and a revision each: {all:?}");
    assert!(all.is_sorted_by(|a, b| a.sequence + 1 == b.sequence && a.at <= b.at), "{all:?}");
    for (query, header) in [
        (format!("?since={}", all[2].sequence), String::new()),
        (String::new(), format!("last-event-id: {}\r\n", all[2].sequence)),
        // The header goes before.
        ("?since=1h".to_owned(), format!("last-event-id: {}\r\n", all[2].sequence)),
    ] {
        let mut stream = watch_since(&daemon, &query, &header);
        let told = next(&mut stream, 4);
        assert!(matches!(told[0].event, Event::Hello(_)) && told[0].sequence == all[2].sequence, "{told:?}");
        assert_eq!(told[1..], all[3..], "{query} {header}");
    }
    let mut stream = watch_since(&daemon, "?since=1h", "");
    assert_eq!(next(&mut stream, 7)[1..], all);
    weigh(&daemon, 9);
    let live = next(&mut stream, 2);
    assert_eq!(live[0].sequence, all[5].sequence + 1);
    assert!(live.iter().any(|told| told.words.ends_with("backend weight web web-1 9")), "{live:?}");
    let later = kept(&daemon, &format!("?since={}", all[5].sequence), 2);
    assert_eq!(later, live);
}

#[test]
fn a_place_that_is_none_is_refused() {
    let daemon = Daemon::start();
    for path in ["/v1/events", "/v1/events/kept"] {
        let (status, body) = ask(&daemon, &format!("GET {path}?since=soon"), "");
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].as_str().unwrap().contains("write how long ago as 10m"), "{body}");
    }
}

#[test]
fn who_asks_for_a_change_is_told_of() {
    let daemon = Daemon::start();
    let (status, _, _) = exchange(&daemon, "DELETE /v1/pools/none?dry_run=true", "", "");
    assert_eq!(status, 404);
    let (status, _, _) = exchange(&daemon, "DELETE /v1/pools/none", "", "");
    assert_eq!(status, 404);
    assert_eq!(ask(&daemon, "GET /v1/status", "").0, 200);
    let told = kept(&daemon, "", 1);
    assert_eq!(told.len(), 1, "{told:?}");
    let Event::Request(request) = &told[0].event else { panic!("{told:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("DELETE", "/v1/pools/none"));
    assert_eq!(request.status, 404);
    assert!(request.who.contains(&format!("(pid {}, uid ", std::process::id())), "{request:?}");
    assert_eq!(told[0].severity, Severity::Info);
}

/// The document describes each kind, and what comes is as it says.
#[test]
fn events_are_as_the_document_describes_them() {
    let document: Value = serde_json::from_str(&router::document().to_json().unwrap()).unwrap();
    let mut schema = serde_json::json!({ "$ref": "#/components/schemas/Told" });
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let kinds: Vec<&str> = document["components"]["schemas"]["Event"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind_of(kind).unwrap_or_else(|| panic!("no kind in {kind}")))
        .collect();
    assert_eq!(kinds, Event::KINDS);
    let daemon = Daemon::start();
    weigh(&daemon, 7);
    for told in kept(&daemon, "", 2) {
        let told = serde_json::to_value(told).unwrap();
        assert!(validator.is_valid(&told), "{told}");
    }
    assert!(!validator.is_valid(&serde_json::json!({ "event": "revision" })));
}

/// The kind that a schema describes.
fn kind_of(schema: &Value) -> Option<&str> {
    let own = schema["properties"]["event"]["enum"][0].as_str();
    own.or_else(|| schema["allOf"].as_array()?.iter().find_map(kind_of))
}
