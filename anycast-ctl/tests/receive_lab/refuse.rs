//! What is refused, and how it is told.

use crate::harness::{BINARY, Host, Pair, complaint, spawn, stdout};

const START: &str = "--interface eth0 --from 10.0.0.0/24";

#[test]
fn wrong_usage_exits_2_and_changes_nothing() {
    let pair = Pair::new();
    for words in [
        "",
        "--interface eth0",
        "--from 10.0.0.0/24",
        "--interface eth0 --from",
        "--interface eth0 --from 10.0.0.0/33",
        "--interface eth0 --from 10.0.0.1/24",
        "--interface eth0 --from ::ffff:10.0.0.0/120",
        "--interface eth0 --from edge1.example",
        "--interface eth0 --from 10.0.0.0/24 --gue-port 0",
        "--interface eth0 --from 10.0.0.0/24 --gue-port 65536",
        "--interface eth0 --from 10.0.0.0/24 --gue-port no",
        "--interface eth0 --from 10.0.0.0/24 --mode fast",
        "--interface eth0 --from 10.0.0.0/24 status",
        "status --from 10.0.0.0/24",
        "stop",
        "check --interface eth0",
        "check --vip 192.0.2.1",
        "check --interface eth0 --vip www",
        "check --interface eth0 --vip 192.0.2.1 --delivery local",
        "frobnicate",
    ] {
        let output = pair.backend.receive(words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}: {told}");
        assert!(!told.is_empty());
    }
    assert_eq!((pair.backend.program("eth0"), pair.backend.pinned()), (None, vec![]));
    for words in ["--help", "status --help", "check --help", "stop --help"] {
        assert!(!stdout(&pair.backend.receive(words)).is_empty());
    }
}

#[test]
fn what_cannot_be_done_is_told_with_what_to_do() {
    let pair = Pair::new();
    let backend = &pair.backend;
    for (words, told) in [
        ("--interface etho --from 10.0.0.0/24", "no interface is called `etho`: did you mean `eth0`?"),
        ("--interface lo --from 10.0.0.0/24", "`lo` is not Ethernet"),
        ("status", "this host is not receiving tunnels: start it with `anycast-ctl receive --interface"),
        ("status --interface eth0", "eth0 is not receiving tunnels"),
        ("stop --interface eth0", "nothing is pinned for eth0"),
        ("check --interface etho --vip 192.0.2.1", "no interface is called `etho`"),
        (
            &format!("{START} --bpffs /tmp"),
            "/tmp is not on a bpffs: mount one with `mount -t bpf bpf /sys/fs/bpf`",
        ),
        ("status --bpffs /run/nowhere", "/run/nowhere is not on a bpffs"),
        ("stop --interface eth0 --bpffs /proc", "/proc is not on a bpffs"),
        (&format!("{START} --bpffs /sys/fs/bpf/a.b"), "a bpffs takes no names with a dot"),
    ] {
        let complaint = complaint(&backend.receive(words));
        assert!(complaint.contains(told), "{words}: {complaint}");
    }
    backend.run("ip", "link add br0 type bridge");
    let native = complaint(&backend.receive("--interface br0 --from 10.0.0.0/24 --mode native"));
    assert!(native.contains("br0 does not take a native XDP program"), "{native}");
    assert!(native.contains("or use --mode generic"), "{native}");
    assert_eq!(
        backend.pinned().iter().filter(|pin| pin.contains("br0")).count(),
        0,
        "{:?}",
        backend.pinned()
    );

    let generic = backend.receive("--interface br0 --from 10.0.0.0/24");
    let warning = String::from_utf8(generic.stderr.clone()).unwrap();
    assert!(warning.starts_with("anycast-ctl: warning: attached in generic mode"), "{warning}");
    assert!(stdout(&generic).starts_with("receiving on br0 (generic)"));
}

#[test]
fn another_program_on_the_interface_stays() {
    let pair = Pair::new();
    let backend = &pair.backend;
    stdout(&backend.receive(START));
    let id = backend.program("eth0").unwrap();
    // From where the pins of the running one are not seen, it is somebody else's.
    let told = complaint(&backend.receive(&format!("{START} --bpffs /sys/fs/bpf/other")));
    assert!(
        told.contains(&format!("interface `eth0` already has XDP program `receive` (id {id})")),
        "{told}"
    );
    assert!(told.contains(&format!("bpftool prog show id {id}")), "{told}");
    assert_eq!(backend.program("eth0"), Some(id));

    let told = complaint(&backend.receive(&format!("{START} --mode generic")));
    assert!(told.contains("eth0 receives in native mode already"), "{told}");
    assert!(told.contains("anycast-ctl receive stop --interface eth0"), "{told}");
    stdout(&backend.receive(&format!("{START} --mode native")));
    assert_eq!(backend.program("eth0"), Some(id));
}

#[test]
fn too_many_senders_change_nothing() {
    let pair = Pair::new();
    stdout(&pair.backend.receive(START));
    let many = |count: u32| {
        let prefixes = (0..count).map(|number| format!(" --from 10.{}.{}.0/24", number >> 8, number & 255));
        format!("--interface eth0 --gue-port 7{}", prefixes.collect::<String>())
    };
    let told = complaint(&pair.backend.receive(&many(1025)));
    assert!(told.contains("1025 prefixes are too many: the program takes 1024"), "{told}");
    let status = pair.backend.status();
    assert_eq!((status.senders.len(), status.gue_port), (1, Some(6080)));
    stdout(&pair.backend.receive(&many(1024)));
    assert_eq!(pair.backend.status().senders.len(), 1024);
    // From a full house to another full one.
    stdout(&pair.backend.receive(&many(1024).replace(" 10.", " 11.")));
    let status = pair.backend.status();
    assert_eq!((status.senders.len(), status.senders[0].to_string()), (1024, "11.0.0.0/24".to_owned()));
}

#[test]
fn a_bpffs_that_networks_share_keeps_them_apart() {
    let (pair, other) = (Pair::new(), Pair::new());
    stdout(&pair.backend.receive(START));
    let id = pair.backend.program("eth0");
    let visitor: Host = pair.backend.with_network_of(&other.backend);
    let told = complaint(&visitor.receive(START));
    assert!(told.contains("belongs to an interface `eth0` of another network namespace"), "{told}");
    assert!(visitor.status().detail.unwrap().contains("another network namespace"));
    assert_eq!((pair.backend.program("eth0"), other.backend.program("eth0")), (id, None));
}

#[test]
fn without_rights_they_are_demanded() {
    let pair = Pair::new();
    for words in [START, "status", "stop --interface eth0", "check --interface eth0 --vip 192.0.2.1"] {
        let mut arguments = vec!["--reuid=65534", "--clear-groups", BINARY, "receive"];
        arguments.extend(words.split_whitespace());
        let output = spawn(&pair.backend, "setpriv", &arguments);
        // Where the build directory is closed to other users there is nothing to learn.
        if output.status.code() == Some(1) {
            let told = complaint(&output);
            assert!(told.contains("needs root or CAP_BPF + CAP_NET_ADMIN"), "{told}");
        }
    }
    assert_eq!(pair.backend.program("eth0"), None);
}
