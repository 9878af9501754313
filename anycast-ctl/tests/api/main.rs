//! The real API over a real socket, with a controller that only remembers.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "../daemon/mod.rs"]
mod daemon;

mod bounds;
mod document;
mod events;
mod explain;
mod terms;

use daemon::Daemon;
use serde_json::Value;

/// One exchange: the status, the head and the body.
fn exchange(daemon: &Daemon, request: &str, headers: &str, body: &str) -> (u16, String, String) {
    let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}");
    let answer =
        daemon::raw(&daemon.socket(), &format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

/// One exchange whose answer is JSON.
fn ask(daemon: &Daemon, request: &str, body: &str) -> (u16, Value) {
    let (status, _, body) = exchange(daemon, request, "", body);
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}
