//! Starts, replacements and ends that are killed at any instant: the next start takes over or cleans up.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_common::LAYOUT_VERSION;
use nix::sys::signal::Signal;
use xtask::lab::{Process, random::Random};

use crate::{
    held::{Held, UNBROKEN},
    host::Host,
};

const EDGE: &str = "/sys/fs/bpf/anycast/edge";

/// A time below that one.
fn below(random: &mut Random, limit: Duration) -> Duration {
    limit.mul_f64((random.word() >> 11) as f64 / (1_u64 << 53) as f64)
}

/// What is pinned, by name: directories first, then what is in them.
fn pinned(host: &Host) -> String {
    let names = host.shell(&format!("cd {EDGE}/anycast && ls -d * */*"));
    names.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Exactly one program is pinned, and attached by the one link that is pinned.
#[track_caller]
fn assert_whole(host: &Host, names: &str) {
    assert_eq!(pinned(host), names);
    let id = |what: &str, field: &str| {
        let shown = host.shell(&format!("bpftool -j {what}"));
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        shown[field].as_u64()
    };
    let program = host.program("eth0");
    assert!(program.is_some(), "{}", host.log_text());
    assert_eq!(id(&format!("prog show pinned {EDGE}/anycast/program"), "id"), program);
    assert_eq!(id(&format!("link show pinned {EDGE}/anycast/links/eth0"), "prog_id"), program);
    let desired = host.status("anycast").desired;
    assert!(desired.behind.is_none() && desired.applied == desired.revision, "{desired:?}");
}

/// Kills a start after that time. It had not ended by itself.
fn start_and_kill(host: &mut Host, arguments: &[&str], life: Duration) {
    let site = host.site();
    let mut daemon = host.spawn("anycast", &site, arguments);
    thread::sleep(life);
    assert!(daemon.try_wait().unwrap().is_none(), "it ended by itself: {}", host.log_text());
    host.daemon = Some(daemon);
    host.end(Signal::SIGKILL);
}

/// How long a start takes, and what is pinned after it.
fn first_start(host: &mut Host) -> (Duration, String) {
    let begun = Instant::now();
    host.start(&["--xdp-mode", "native"]);
    let took = begun.elapsed();
    let names = pinned(host);
    assert!(names.starts_with(&format!("links links/eth0 maps-{LAYOUT_VERSION} ")), "{names}");
    assert!(names.ends_with(" program") && !names.contains("-next"), "{names}");
    assert_whole(host, &names);
    (took, names)
}

#[test]
fn sessions_go_on_while_starts_and_replacements_are_killed() {
    let mut host = Host::new(2);
    let (took, names) = first_start(&mut host);
    let held = Held::open(&host, 40);
    let mut random = Random::new(7);
    let (mut begun, mut other) = (0, 0);
    for round in 0..14 {
        host.end(Signal::SIGKILL);
        // What a killed start left is killed into again: also a replacement of one that was not finished.
        for attempt in 0..1 + round % 3 {
            let arguments: &[&str] = if (round + attempt) % 2 == 0 { &["--replace"] } else { &[] };
            start_and_kill(&mut host, arguments, below(&mut random, took.mul_f64(1.1)));
            assert!(host.program("eth0").is_some(), "the program is gone: {}", host.log_text());
            let left = pinned(&host);
            begun += usize::from(left.contains("-next"));
            other += usize::from(left != names);
        }
        host.start(&[]);
        assert_whole(&host, &names);
    }
    println!(
        "a start takes {took:.2?}; of 27 that were killed {begun} left maps, and {other} anything, half made"
    );
    held.assert_open();
    held.finish(UNBROKEN);
}

#[test]
fn nothing_is_in_the_way_of_a_start_after_a_first_one_was_killed() {
    let mut host = Host::new(1);
    let (took, names) = first_start(&mut host);
    let mut random = Random::new(8);
    for _ in 0..14 {
        host.end(Signal::SIGKILL);
        let (code, text) = host.run("anycast", &["down"]);
        assert_eq!(code, 0, "{text}");
        assert_eq!((host.shell(&format!("ls {EDGE}")), host.program("eth0")), (String::new(), None));
        start_and_kill(&mut host, &[], below(&mut random, took.mul_f64(1.1)));
        host.start(&[]);
        assert_whole(&host, &names);
    }
}

#[test]
fn an_end_that_is_killed_is_made_up_for() {
    let mut host = Host::new(1);
    let (_, names) = first_start(&mut host);
    let mut random = Random::new(9);
    let down =
        |host: &Host| -> Process { host.lab.spawn("edge", host.command("anycast", &["down"])).unwrap() };
    let begun = Instant::now();
    down(&host).wait().unwrap();
    let took = begun.elapsed();
    host.end(Signal::SIGKILL);
    host.start(&[]);
    for round in 0..16 {
        let by_itself = round % 2 == 0;
        if by_itself {
            host.end(Signal::SIGKILL);
        }
        let mut ending = down(&host);
        thread::sleep(below(&mut random, took));
        if !by_itself {
            host.end(Signal::SIGKILL);
        }
        // It may have ended in time.
        let _ = ending.signal(Signal::SIGKILL);
        ending.wait().unwrap();
        host.start(&[]);
        assert_whole(&host, &names);
    }
}
