//! Server-sent events.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use crate::{ask, daemon::Daemon};

fn watch(daemon: &Daemon) -> UnixStream {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    stream
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
    assert_eq!(hello, r#"{"event":"hello","revision":1,"applied":1,"settled":true}"#);
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
