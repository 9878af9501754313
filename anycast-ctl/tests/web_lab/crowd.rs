//! Clients that are too many, too slow, or stuck.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anycast_ctl::web::MAX_CONNECTIONS;

use crate::harness::{ADDRESS, ask, connect, exchange, status, steering, wait_for, wait_within};

#[test]
fn connections_are_counted_and_those_beyond_are_told() {
    let lab = steering(&[]);
    let idle: Vec<TcpStream> = (0..MAX_CONNECTIONS).map(|_| connect(&lab)).collect();
    let mut told = String::new();
    connect(&lab).read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("128 connections already"), "{told}");
    // Whoever has the socket is not among them.
    assert_eq!(status(&lab).web.unwrap().error, None);
    drop(idle);
    wait_for("there is room again", || {
        let request = format!("GET /v1/vips HTTP/1.1\r\nhost: {ADDRESS}\r\nconnection: close\r\n\r\n");
        exchange(connect(&lab), &request).code == 200
    });
}

#[test]
fn who_dawdles_is_cut_off_and_holds_nobody_up() {
    let lab = steering(&[]);
    let mut slow = connect(&lab);
    slow.write_all(b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\nx-").unwrap();
    // Asks for more than any buffer holds, and takes nothing of it.
    let mut stuck = connect(&lab);
    stuck.set_nonblocking(true).unwrap();
    let request = format!("GET /v1/status HTTP/1.1\r\nhost: {ADDRESS}\r\n\r\n").repeat(10_000);
    let mut written = 0;
    wait_for("it is answered no more, and not read any further", || {
        let before = written;
        while let Ok(more) = stuck.write(&request.as_bytes()[written % request.len()..]) {
            written += more;
        }
        before == written && written > 0
    });
    for _ in 0..10 {
        assert_eq!(ask(&lab, "GET /v1/status").code, 200);
        assert_eq!(status(&lab).vips.len(), 2);
    }
    let connections = || {
        let words = ["-Htn", "state", "established", "sport = :9750"];
        lab.run("edge", "ss", &words).unwrap().lines().count()
    };
    assert_eq!(connections(), 2);
    wait_within(Duration::from_secs(90), "both are cut off", || connections() == 0);
}

#[test]
fn watchers_of_events_are_as_many_as_there_are_places() {
    let lab = steering(&[]);
    let watch = || {
        let mut stream = connect(&lab);
        let request = format!("GET /v1/events HTTP/1.1\r\nhost: {ADDRESS}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut first = vec![0; 64];
        let read = stream.read(&mut first).unwrap();
        (stream, String::from_utf8_lossy(&first[..read]).into_owned())
    };
    let watching: Vec<_> = (0..64).map(|_| watch()).collect();
    assert!(watching.iter().all(|(_, first)| first.starts_with("HTTP/1.1 200")), "{watching:?}");
    assert!(watch().1.starts_with("HTTP/1.1 503"));
    // They take no place of those that only ask.
    assert_eq!(ask(&lab, "GET /v1/status").code, 200);
    let mut events = String::new();
    let (mut stream, _) = watching.into_iter().next().unwrap();
    lab.ctl(&["backend", "drain", "web4", "backend1"]).unwrap();
    wait_for("the drain is told", || {
        let mut more = [0; 4096];
        let read = stream.read(&mut more).unwrap();
        events += &String::from_utf8_lossy(&more[..read]);
        events.contains("\"draining\"")
    });
}
