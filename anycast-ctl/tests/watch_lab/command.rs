//! The command itself: lines, filters, ends.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    thread,
    time::Instant,
};

use anycast_ctl::api::types::{Event, Severity};

use crate::{
    edge::{Edge, POLL, SOON},
    watcher::Watcher,
};

#[test]
fn lines_are_for_people_and_filters_narrow_them() {
    let edge = Edge::start(&[]);
    edge.ctl("backend disable web4 backend1");
    edge.ctl("backend enable web4 backend1");
    edge.ctl("backend disable web6 backend2");
    edge.wait_for("it is told", |edge| {
        edge.kept("--backend web6/backend2").iter().any(|told| told.words.ends_with("is disabled, was up"))
    });
    let page = edge.ctl("watch --no-follow --kind backend --pool web4");
    let lines: Vec<&str> = page.lines().collect();
    assert!(
        lines.iter().all(|line| line.contains(" backend   web4/backend1  backend web4/backend1 (")),
        "{page}"
    );
    assert!(lines[0].contains("Z info    ") && lines[0].ends_with(" is disabled, was up"), "{page}");
    assert!(lines.len() >= 2 && !page.contains('\x1b'), "{page:?}");
    assert!(edge.kept("--severity error").is_empty());
    let of_one = edge.kept("--backend backend2 --backend web4/backend1 --kind backend");
    assert!(of_one.iter().all(|told| matches!(told.event, Event::Backend { .. })), "{of_one:?}");
    assert!(of_one.len() >= 3 && of_one.iter().all(|told| told.severity == Severity::Info), "{of_one:?}");
    let (code, text) = edge.try_ctl(&["watch", "--kind", "helth"]);
    assert!(code == 2 && text.contains("health"), "{text}");
    let (code, text) = edge.try_ctl(&["watch", "--since", "soon"]);
    assert!(code == 2 && text.contains("write how long ago as 10m"), "{text}");
}

#[test]
fn it_ends_when_it_has_seen_what_was_waited_for_or_nobody_reads() {
    let edge = Edge::start(&[]);
    let mut waiting = Watcher::start(&edge, "waits", "--kind mark --exit-on mark");
    let mut command = edge.host.command("anycast", &["watch", "--since", "1h", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut left = edge.host.lab.spawn("edge", command).unwrap();
    let mut first = String::new();
    BufReader::new(left.child().stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"event\":"), "{first}");
    // Its reader is gone, and nothing happens: it ends all the same.
    let start = Instant::now();
    while left.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < SOON, "it goes on without a reader");
        thread::sleep(POLL);
    }
    assert_eq!(left.try_wait().unwrap().unwrap().code(), Some(0));
    assert!(waiting.process.try_wait().unwrap().is_none());
    edge.ctl("backend mark web4 backend1 down");
    assert_eq!(waiting.process.wait().unwrap().code(), Some(0));
    assert!(
        waiting.text(&edge).contains("backend web4/backend1 is marked down by root"),
        "{}",
        waiting.text(&edge)
    );
}
