//! Captures that nobody ends: whoever captured is killed, or the daemon is.

use nix::sys::signal::Signal;

use crate::{
    edge::Edge,
    held::{Held, UNBROKEN},
    tshark::fields,
};

#[test]
fn a_capture_ends_with_whoever_wanted_it() {
    let edge = Edge::start(2);
    let ordinary = edge.program();
    let held = Held::open(&edge.host, 20);
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let capture = edge.capture("--vip www4 -w /dev/null");
        assert_ne!(edge.program(), ordinary);
        edge.fetch(3);
        capture.signal(signal);
        capture.ended();
        edge.wait_for("nobody captures", |edge| edge.captures().is_empty());
        edge.wait_for("the ordinary program is back", |edge| edge.program() == ordinary);
    }
    held.finish(UNBROKEN);
}

#[test]
fn a_capture_that_is_interrupted_before_it_begins_ends_as_soon_as_it_has() {
    let edge = Edge::start(1);
    let ordinary = edge.program();
    let daemon = edge.host.daemon.as_ref().unwrap();
    daemon.signal(Signal::SIGSTOP).unwrap();
    let mut capture = edge.begin("--json --vip www4");
    edge.wait_for("it may be interrupted", |_| capture.is_careful());
    capture.signal(Signal::SIGINT);
    // Nobody knows its number yet: it waits for that.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!capture.has_ended());
    daemon.signal(Signal::SIGCONT).unwrap();
    assert_eq!(capture.ended().counts().written, 0);
    assert!(edge.captures().is_empty());
    edge.wait_for("the ordinary program is back", |edge| edge.program() == ordinary);
}

#[test]
fn the_ordinary_program_is_back_after_a_daemon_was_killed() {
    let mut edge = Edge::start(2);
    let held = Held::open(&edge.host, 20);
    let file = edge.host.path("killed.pcapng");
    let capture = edge.capture(&format!("-w {} --vip www4", file.display()));
    edge.fetch(5);
    let showing = edge.program();
    // What came is written soon.
    std::thread::sleep(std::time::Duration::from_millis(500));
    edge.host.end(Signal::SIGKILL);
    let end = capture.ended();
    assert_eq!(end.code, 1, "{end:?}");
    assert!(end.err.contains("the daemon went away: what it had shown until then is written"), "{end:?}");
    assert!(fields(&file, &["frame.comment"]).len() >= 30);

    // Packets are steered on, by the program that was there.
    assert_eq!(edge.program(), showing);
    edge.fetch(5);
    edge.host.start(&[]);
    let pinned = "bpftool -j prog show pinned /sys/fs/bpf/anycast/edge/anycast/program";
    let pinned: serde_json::Value = serde_json::from_str(&edge.host.shell(pinned)).unwrap();
    assert_eq!(pinned["id"].as_u64(), Some(edge.program()));
    assert_ne!(edge.program(), showing);
    edge.fetch(5);
    held.finish(UNBROKEN);
    // It can be captured again.
    let capture = edge.capture("--json --vip www4 --count 4");
    edge.fetch(2);
    assert_eq!(capture.ended().packets().len(), 4);
}

#[test]
fn a_daemon_that_ends_puts_the_ordinary_program_back() {
    let mut edge = Edge::start(1);
    let ordinary = edge.program();
    let capture = edge.capture("--json --vip www4");
    edge.fetch(2);
    assert_ne!(edge.program(), ordinary);
    edge.host.end(Signal::SIGTERM);
    let end = capture.ended();
    assert_eq!(end.code, 1, "{end:?}");
    assert!(end.err.contains("the daemon is stopping") || end.err.contains("went away"), "{end:?}");
    assert_eq!(edge.program(), ordinary);
    edge.fetch(2);
}

#[test]
fn an_interface_that_comes_anew_is_seen_as_well() {
    let edge = Edge::start(1);
    let ordinary = edge.program();
    let capture = edge.capture("--json --vip www4 --side before");
    for (command, attached) in [("detach", false), ("attach", true)] {
        let (code, text) = edge.host.run("anycast", &[command]);
        assert_eq!(code, 0, "{text}");
        assert_eq!(edge.host.program("eth0").is_some(), attached);
    }
    assert_ne!(edge.program(), ordinary);
    edge.fetch(3);
    let end = capture.interrupt();
    assert!(end.counts().written >= 9, "{end:?}");
    edge.wait_for("the ordinary program is back", |edge| edge.program() == ordinary);
    edge.fetch(1);
}
