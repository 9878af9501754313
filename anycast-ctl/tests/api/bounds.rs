//! Size, time and number of requests.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use crate::{ask, daemon::Daemon, exchange};

#[test]
fn bodies_are_bounded() {
    let daemon = Daemon::start();
    let (status, _, body) = exchange(&daemon, "POST /v1/vips", "", &"x".repeat(70_000));
    assert_eq!(status, 413, "{body}");
    // A site may be larger: this one is read to its end.
    let comment = format!("# {}\n", "x".repeat(1 << 20));
    let (status, _, body) = exchange(&daemon, "PUT /v1/site", "content-type: application/toml\r\n", &comment);
    assert_eq!(status, 422, "{body}");
}

#[test]
fn who_dawdles_is_cut_off() {
    let daemon = Daemon::start();
    let begun = Instant::now();
    let mut slow: Vec<UnixStream> = [
        "GET /v1/status HTTP/1.1\r\nhost: x\r\nx-",
        "POST /v1/vips HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\n{",
        "",
    ]
    .iter()
    .map(|part| {
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(part.as_bytes()).unwrap();
        stream
    })
    .collect();
    let answers: Vec<String> = slow
        .iter_mut()
        .map(|stream| {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .collect();
    assert!(answers[1].starts_with("HTTP/1.1 408 "), "{answers:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(ask(&daemon, "GET /v1/status", "").0, 200);
}

#[test]
fn connections_are_counted_and_those_beyond_are_told() {
    let daemon = Daemon::start();
    let idle: Vec<UnixStream> = (0..2_048).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    let mut refused = String::new();
    let begun = Instant::now();
    while !refused.starts_with("HTTP/1.1 503 ") {
        assert!(begun.elapsed() < Duration::from_secs(5), "{refused}");
        refused.clear();
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let _ = stream.read_to_string(&mut refused);
    }
    assert!(refused.contains("2048 connections already: try again in a second"), "{refused}");
    drop(idle);
    let begun = Instant::now();
    loop {
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        let _ = stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 ") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{answer}");
    }
}
