//! What cannot be done is shown, tried again, and told when it is done.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::Status;
use nix::sys::signal::Signal;
use xtask::lab::{Process, xdp};

use crate::{held::Held, host::Host};

const SOON: Duration = Duration::from_secs(15);

/// Somebody who watches events.
struct Watcher {
    _curl: Process,
    seen: PathBuf,
}

impl Watcher {
    fn start(host: &Host) -> Self {
        let seen = host.path("events");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--no-buffer", "--unix-socket"]).arg(host.socket("anycast"));
        curl.arg("http://anycast/v1/events").stdin(Stdio::null()).stderr(Stdio::null());
        curl.stdout(File::create(&seen).unwrap());
        let watcher = Self { _curl: host.lab.spawn("edge", curl).unwrap(), seen };
        watcher.wait_for("hello");
        watcher
    }

    fn seen(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.seen).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }

    /// What was told under that name, once there is something.
    fn wait_for(&self, kind: &str) -> Vec<String> {
        let start = Instant::now();
        loop {
            let mut told = self.seen();
            told.retain(|data| data.starts_with(&format!("{{\"event\":\"{kind}\"")));
            if !told.is_empty() {
                return told;
            }
            assert!(start.elapsed() < SOON, "no {kind} in {:?}", self.seen());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[track_caller]
fn wait_for(host: &Host, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
    let start = Instant::now();
    loop {
        let status = host.status("anycast");
        if holds(&status) {
            return status;
        }
        assert!(start.elapsed() < SOON, "not {what}: {:?}; {}", status.desired, host.log_text());
        thread::sleep(Duration::from_millis(50));
    }
}

/// The dataplane has not what is desired, and says so to everybody who asks.
fn assert_behind(host: &Host, revision: u64, error: &str) {
    let first = wait_for(host, "behind", |status| status.desired.behind.is_some());
    let behind = first.desired.behind.unwrap();
    assert!(behind.error.contains(error), "{behind:?}");
    assert_eq!(first.desired.revision, revision);
    let later = wait_for(host, "tried again", |status| {
        status.desired.behind.as_ref().is_some_and(|now| now.attempts >= behind.attempts + 2)
    });
    assert_eq!(later.desired.behind.unwrap().since, behind.since);
    let (code, page) = host.run("anycast", &["status"]);
    let line = format!("ATTENTION: the dataplane does not have revision {revision} since {} (", behind.since);
    assert!(code == 0 && page.contains(&line) && page.contains(error), "{page}");
    assert!(!page.contains("All is well"), "{page}");
}

/// A change that is stored, and not waited for in vain without a word.
fn change_in_vain(host: &Host, words: &[&str], revision: u64) {
    let (code, text) = host.run("anycast", &[words, &["--wait=2"]].concat());
    let why = format!(
        "revision {revision} is stored and desired, but the dataplane does not have all of it after 2 s"
    );
    assert!(code == 1 && text.contains(&why), "{code} {text}");
}

fn ip(host: &Host, words: &str) {
    host.lab.run("edge", "ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
}

/// A backend `10.77.0.2` behind another interface than all others.
fn prepare_far(host: &Host) {
    for words in [
        "link add far0 type veth peer name far1",
        "link set far0 up",
        "link set far1 up",
        "addr add 10.77.0.1/24 dev far0",
        "neigh add 10.77.0.2 lladdr 02:00:00:00:77:02 nud permanent dev far0",
    ] {
        ip(host, words);
    }
}

fn devices() -> String {
    format!("/sys/fs/bpf/anycast/edge/anycast/maps-{}/DEVICES", anycast_common::LAYOUT_VERSION)
}

#[test]
fn an_interface_that_is_taken_is_shown_and_attached_when_it_is_free() {
    let mut host = Host::new(2);
    prepare_far(&host);
    host.start(&["--xdp-mode", "native"]);
    let watcher = Watcher::start(&host);
    let taken = xdp::Link::attach_pass(host.lab.edge().unwrap(), "far0").unwrap();
    let site = host.path("both.toml");
    fs::write(&site, host.site().replace(r#"["eth0"]"#, r#"["eth0", "far0"]"#)).unwrap();
    change_in_vain(&host, &["apply", "-f", site.to_str().unwrap()], 2);
    assert_behind(&host, 2, "interface far0: far0 already has an XDP program");
    // Others do not wait for it.
    let name = host.lab.plan().backends[0].name.clone();
    let (code, text) = host.run("anycast", &["backend", "weight", "web4", &name, "3"]);
    assert_eq!(code, 0, "{text}");
    let status = host.status("anycast");
    assert_eq!(status.pools[0].backends[0].weight, 3);
    assert!(status.pools[0].backends[0].slots > 40_000, "{:?}", status.pools[0].backends[0]);

    drop(taken);
    wait_for(&host, "caught up", |status| status.desired.behind.is_none() && status.desired.applied == 3);
    assert_eq!(host.program("far0"), host.program("eth0"));
    let behind = watcher.wait_for("behind");
    assert!(behind.len() == 1 && behind[0].contains("far0 already has an XDP program"), "{behind:?}");
    let caught_up = watcher.wait_for("caught-up");
    assert!(caught_up.len() == 1 && caught_up[0].contains(r#""revision":3,"#), "{caught_up:?}");
    let attached = r#"{"event":"interface","name":"far0","attached":true,"#;
    assert!(watcher.seen().iter().any(|told| told.starts_with(attached)), "{:?}", watcher.seen());
    // One that is not there is no success, either.
    fs::write(&site, host.site().replace(r#"["eth0"]"#, r#"["eth0", "far9"]"#)).unwrap();
    change_in_vain(&host, &["apply", "-f", site.to_str().unwrap()], 4);
    assert!(host.status("anycast").desired.behind.unwrap().error.starts_with("interface far9: "));
    assert_eq!(host.program("far0"), None);
    let (code, text) = host.run("anycast", &["rollback", "3", "--wait"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_map_that_is_full_of_others_entries_is_put_right() {
    let mut host = Host::new(2);
    prepare_far(&host);
    host.start(&[]);
    let watcher = Watcher::start(&host);
    // Every key leads to the loopback interface.
    let fill: String = (0..256)
        .map(|n| format!("map update pinned {} key {n} 1 0 0 value 1 0 0 0 0 0 0 0\n", devices()))
        .collect();
    let batch = host.path("fill");
    fs::write(&batch, fill).unwrap();
    // The daemon looks at its interfaces every few seconds, and may do so in between.
    for _ in 0..5 {
        host.shell(&format!("bpftool batch file {} >/dev/null 2>&1 || true", batch.display()));
        let (code, text) = host.run("anycast", &["backend", "add", "web4", "far", "10.77.0.2", "--wait=15"]);
        assert_eq!(code, 0, "{text}{}", host.log_text());
        if watcher.seen().iter().any(|data| data.contains("caught-up")) {
            break;
        }
        host.run("anycast", &["backend", "remove", "web4", "far", "--wait=15"]);
    }
    let behind = watcher.wait_for("behind");
    let why = "allowing redirects to an interface: `bpf_map_update_elem` failed: Argument list too long";
    assert!(behind[0].contains(why), "{behind:?}");
    watcher.wait_for("caught-up");
    let left = host.shell(&format!("bpftool -j map dump pinned {}", devices()));
    let left: serde_json::Value = serde_json::from_str(&left).unwrap();
    assert_eq!(left.as_array().unwrap().len(), 2, "{left}");
}

#[test]
fn a_map_that_takes_no_change_is_shown_over_restarts_until_it_is_replaced() {
    let mut host = Host::new(2);
    prepare_far(&host);
    host.start(&[]);
    let held = Held::open(&host, 20);
    host.shell(&format!("bpftool map freeze pinned {}", devices()));
    change_in_vain(&host, &["backend", "add", "web4", "far", "10.77.0.2"], 2);
    assert_behind(&host, 2, "allowing redirects to an interface");
    host.end(Signal::SIGKILL);
    host.start(&[]);
    assert_behind(&host, 2, "allowing redirects to an interface");
    host.end(Signal::SIGTERM);
    host.start(&["--replace"]);
    wait_for(&host, "caught up", |status| {
        let desired = &status.desired;
        let far = status.pools[0].backends.iter().find(|backend| backend.name == "far");
        desired.behind.is_none() && desired.applied == 2 && far.is_some_and(|far| far.slots > 0)
    });
    held.assert_open();
}
