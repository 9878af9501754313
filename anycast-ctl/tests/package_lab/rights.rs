//! Whom the daemon runs as, and what others may do there: what docs/security.md says of the unit, as systemd does it.

use std::fs;

use crate::machine::{Machine, wait_for};

const DAEMON: &str = "anycast.service";

/// Whoever is on the host.
const STRANGER: [&str; 4] = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];

/// Whoever joined the group.
const MEMBER: [&str; 4] = ["setpriv", "--reuid=anna", "--regid=anna", "--init-groups"];

/// BPF, NET_ADMIN, NET_RAW and PERFMON, as in capability.h.
const RIGHTS: u64 = 1 << 39 | 1 << 12 | 1 << 13 | 1 << 38;

/// The processes' rights, and those of files.
pub fn are_few(machine: &Machine) {
    for (unit, rights) in [(DAEMON, RIGHTS), ("anycast-watchdog.service", 1 << 12)] {
        let (status, user) = process(machine, unit);
        assert_eq!(user, machine.does(&["id", "--user", "anycast"]).trim(), "{unit}");
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(field(&status, set), format!("{rights:016x}"), "{unit}: {set}");
        }
        assert_eq!(field(&status, "NoNewPrivs"), "1", "{unit}");
    }
    for (path, rights) in [
        ("/etc/anycast", "750 root anycast"),
        ("/etc/anycast/site.toml", "640 root anycast"),
        ("/run/anycast", "755 anycast anycast"),
        ("/run/anycast/anycast.sock", "660 anycast anycast"),
        ("/run/anycast/anycast.read.sock", "666 anycast anycast"),
        ("/var/lib/anycast", "700 anycast anycast"),
        ("/sys/fs/bpf", "1701 root root"),
        ("/sys/fs/bpf/anycast/edge", "700 anycast anycast"),
    ] {
        assert_eq!(machine.does(&["stat", "--format=%a %U %G", path]).trim(), rights, "{path}");
    }
}

/// A stranger reads; to change anything, one joins the group.
pub fn are_kept_apart(machine: &Machine) {
    let status = machine.does(&["anycast-ctl", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let pool = status["pools"][0]["name"].as_str().unwrap();
    let [drain, undrain] = ["drain", "undrain"].map(|what| ["backend", what, pool, "backend1"]);
    let ctl = |who: [&str; 4], words: &[&str]| machine.run(&[&who[..], &["anycast-ctl"], words].concat());

    let (is_read, page) = ctl(STRANGER, &["status"]);
    assert!(is_read, "{page}");
    assert!(page.contains("The daemon runs as anycast (uid "), "{page}");
    for words in [&drain[..], &["down"], &["export"], &["history"]] {
        let (is_done, answer) = ctl(STRANGER, words);
        assert!(!is_done && answer.contains("use sudo, or join the group"), "{words:?}: {answer}");
    }
    for path in ["/etc/anycast/site.toml", "/var/lib/anycast/anycast", "/sys/fs/bpf/anycast/edge/anycast"] {
        let (is_seen, _) = machine.run(&[&STRANGER[..], &["ls", path]].concat());
        assert!(!is_seen, "{path}");
    }

    machine.does(&["useradd", "--groups=anycast", "anna"]);
    for words in [drain, undrain] {
        let (is_done, answer) = ctl(MEMBER, &words);
        assert!(is_done, "{answer}");
    }
    wait_for("the journal to name who asked", || {
        let journal = machine.does(&["journalctl", "--no-pager", "--unit", DAEMON]);
        let named =
            |line: &str| line.contains("anna (pid ") && line.contains("backends/backend1/drain: done");
        journal.lines().any(named).then_some(())
    });
}

/// The daemon as it ran before it had a user: root, with all rights. What is left of it is root's.
pub fn were_those_of_root(machine: &Machine) {
    let directory = machine.path("/etc/systemd/system/anycast.service.d");
    fs::create_dir_all(&directory).unwrap();
    let root = "[Service]\nUser=root\nGroup=root\nAmbientCapabilities=\nCapabilityBoundingSet=~\nExecStartPre=\n\
                ExecStartPre=/usr/bin/install -d /sys/fs/bpf/anycast\n";
    fs::write(directory.join("root.conf"), root).unwrap();
    machine.does(&["systemctl", "daemon-reload"]);
    machine.does(&["systemctl", "start", DAEMON]);
    assert_eq!(process(machine, DAEMON).1, "0");
    for path in ["/var/lib/anycast/anycast", "/sys/fs/bpf/anycast/edge/anycast", "/run/anycast/anycast.sock"]
    {
        assert_eq!(machine.does(&["stat", "--format=%U", path]).trim(), "root", "{path}");
    }
    fs::remove_file(directory.join("root.conf")).unwrap();
    machine.does(&["systemctl", "daemon-reload"]);
}

/// What the kernel says of a unit's process, and its effective user.
fn process(machine: &Machine, unit: &str) -> (String, String) {
    let status = machine.does(&["cat", &format!("/proc/{}/status", machine.property(unit, "MainPID"))]);
    let user = field(&status, "Uid").split_whitespace().nth(1).unwrap().to_owned();
    (status, user)
}

fn field(status: &str, name: &str) -> String {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap().trim().to_owned()
}
