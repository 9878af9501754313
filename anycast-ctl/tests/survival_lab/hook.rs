//! Interfaces that the site gets and loses, and one that goes away and comes back, while everything is pinned.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anycast_ctl::dataplane::{PinnedAttachment, Pins};
use nix::sys::signal::Signal;

use crate::{
    held::{Held, UNBROKEN},
    host::Host,
};

const LINKS: &str = "/sys/fs/bpf/anycast/edge/anycast/links";

fn ip(host: &Host, words: &str) {
    host.lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
}

/// A host with another interface, `more0`.
fn host() -> Host {
    let host = Host::new(2);
    for words in ["link add more0 type veth peer name more1", "link set more0 up", "link set more1 up"] {
        ip(&host, words);
    }
    host
}

fn index(host: &Host, interface: &str) -> u64 {
    let link = host.lab.run("edge", "ip", &["-json", "link", "show", "dev", interface]).unwrap();
    serde_json::from_str::<serde_json::Value>(&link).unwrap()[0]["ifindex"].as_u64().unwrap()
}

/// The interface and the program of a pinned link, where the daemon sees it.
fn pin(host: &Host, interface: &str) -> (u64, u64) {
    let bpffs = format!("/proc/{}/root/sys/fs/bpf/anycast", host.daemon.as_ref().unwrap().id());
    let held = PinnedAttachment::list(&Pins::of(bpffs.as_ref(), "anycast").unwrap()).unwrap();
    let held = held.iter().find(|held| held.interface == interface).unwrap();
    (held.ifindex.into(), held.program_id.into())
}

/// The program is on these interfaces and no other, by pins of their own, and nothing is wrong.
#[track_caller]
fn assert_attached(host: &Host, interfaces: &[&str]) {
    let start = Instant::now();
    let is_as_it_should = || {
        let status = host.status("anycast");
        let mut shown: Vec<_> = status.interfaces.iter().map(|it| it.name.as_str()).collect();
        shown.sort_unstable();
        let fine = status.interfaces.iter().all(|it| it.present && it.detail.is_none());
        fine && status.desired.behind.is_none() && shown == interfaces
    };
    while !is_as_it_should() {
        let status = host.status("anycast");
        let late = start.elapsed() > Duration::from_secs(10);
        assert!(!late, "{:?} {:?} {}", status.interfaces, status.desired, host.log_text());
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(host.shell(&format!("ls {LINKS}")).split_whitespace().collect::<Vec<_>>(), interfaces);
    for name in ["eth0", "more0"] {
        let program = host.program(name);
        assert_eq!(program.is_some(), interfaces.contains(&name), "{name}");
        if let Some(program) = program {
            assert_eq!(pin(host, name), (index(host, name), program));
        }
    }
}

/// Makes these the site's interfaces. It is not asked for patience: what is wrong must show at once.
#[track_caller]
fn apply(host: &Host, interfaces: &str) {
    let file = host.path("next.toml");
    fs::write(&file, host.site().replace(r#"["eth0"]"#, interfaces)).unwrap();
    let (code, text) = host.run("anycast", &["apply", "-f", file.to_str().unwrap(), "--wait=5"]);
    assert_eq!(code, 0, "{text}{}", host.log_text());
    let status = host.status("anycast");
    assert!(status.interfaces.iter().all(|it| it.detail.is_none()), "{:?}", status.interfaces);
}

#[test]
fn interfaces_are_attached_and_detached_by_apply() {
    let mut host = host();
    host.start(&["--xdp-mode", "native"]);
    let held = Held::open(&host, 10);
    for _ in 0..3 {
        apply(&host, r#"["eth0", "more0"]"#);
        assert_attached(&host, &["eth0", "more0"]);
        apply(&host, r#"["eth0"]"#);
        assert_attached(&host, &["eth0"]);
    }
    apply(&host, r#"["eth0", "more0"]"#);
    // Over a restart the file says what it said: it is not applied again.
    host.end(Signal::SIGKILL);
    host.start(&[]);
    assert_attached(&host, &["eth0", "more0"]);
    // Right after a start nothing has told of the new program.
    apply(&host, r#"["eth0"]"#);
    assert_attached(&host, &["eth0"]);
    held.finish(UNBROKEN);

    // While detached it is only written down.
    host.run("anycast", &["detach"]);
    apply(&host, r#"["more0"]"#);
    assert_eq!((host.program("eth0"), host.program("more0")), (None, None));
    let (code, text) = host.run("anycast", &["attach"]);
    assert_eq!(code, 0, "{text}");
    assert_attached(&host, &["more0"]);
}

#[test]
fn a_pinned_attachment_follows_an_interface_that_comes_back() {
    let mut host = host();
    host.start(&["--xdp-mode", "native"]);
    assert_attached(&host, &["eth0"]);
    let before = pin(&host, "eth0");
    host.lab.pull_edge_cable().unwrap();
    host.lab.lay_edge_cable().unwrap();
    assert_attached(&host, &["eth0"]);
    let after = pin(&host, "eth0");
    assert!(after.0 != before.0 && after.1 == before.1, "{before:?} {after:?}");
    let held = Held::open(&host, 10);

    // It stays where it is when the daemon goes, and is found again.
    host.end(Signal::SIGKILL);
    assert_eq!(host.program("eth0"), Some(after.1));
    host.start(&[]);
    assert_attached(&host, &["eth0"]);
    held.finish(UNBROKEN);

    // Nobody is there while it is replaced.
    host.end(Signal::SIGKILL);
    host.lab.pull_edge_cable().unwrap();
    host.lab.lay_edge_cable().unwrap();
    assert_eq!(host.program("eth0"), None);
    host.start(&[]);
    assert_attached(&host, &["eth0"]);
    drop(Held::open(&host, 10));
}
