//! `explain`, as far as it needs no program.

use std::fs;

use crate::{ask, complaint, daemon::Daemon, run};

const FROM: &str = "198.51.100.7:40000";
const TO: &str = "192.0.2.1:443";

#[test]
fn wrong_questions_are_wrong_usage() {
    for words in [
        &["explain"][..],
        &["explain", "--from", FROM],
        &["explain", "--to", TO],
        &["explain", "--from", "198.51.100.7:65536", "--to", TO],
        &["explain", "--from", FROM, "--to", "192.0.2.1:443/sctp"],
        &["explain", "--from", FROM, "--to", "192.0.2.1"],
        &["explain", "--from", FROM, "--to", TO, "--syn", "--fin"],
        &["explain", "--from", FROM, "--to", TO, "--syn", "--icmp-quoting", "too-big"],
        &["explain", "--from", FROM, "--to", TO, "--icmp-quoting", "smallpox"],
        &["explain", "--from", FROM, "--to", TO, "--router", "203.0.113.1"],
        &["explain", "--from", FROM, "--to", TO, "--fragment-id", "7"],
        &["explain", "--from", FROM, "--to", TO, "--fragment", "middle"],
        &["explain", "--from", FROM, "--to", TO, "--ttl", "256"],
        &["explain", "--from", FROM, "--to", TO, "--length", "65536"],
        &["explain", "--from", FROM, "--to", TO, "--packet", "7"],
        &["explain", "--pcap", "x", "--from", FROM],
        &["explain", "--pcap", "x", "--syn"],
        &["explain", "--pcap", "x", "--packet", "0"],
        &["explain", "--pcap", "x", "--packet", "some"],
    ] {
        let output = run(words);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn what_is_no_packet_is_told_without_a_daemon() {
    for (words, said) in [
        (
            &["--from", FROM, "--to", "[2001:db8::1]:443"][..],
            "198.51.100.7 and 2001:db8::1 are of different families",
        ),
        (&["--from", "198.51.100.7", "--to", TO], "198.51.100.7 has no port"),
        (&["--from", FROM, "--to", "192.0.2.1:443/udp", "--syn"], "a SYN is nothing that udp has"),
        (&["--from", FROM, "--to", TO, "--length", "20"], "40 are the least"),
        (&["--from", FROM, "--to", TO, "--vlan", "4096"], "from 0 to 4095"),
    ] {
        let output = run([&["explain", "--socket", "/nowhere/a.sock"], words].concat());
        let text = complaint(&output);
        assert!(text.starts_with("anycast-ctl: make the packet that is asked about: "), "{text}");
        assert!(text.contains(said), "{words:?}: {text}");
    }
}

#[test]
fn files_that_are_no_capture_are_told_without_a_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let garbage: Vec<u8> =
        (0..100_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for (path, said) in [
        (directory.path().join("missing").to_str().unwrap().to_owned(), "No such file"),
        (directory.path().to_str().unwrap().to_owned(), "Is a directory"),
        (file("empty", &[]), "is no pcap or pcapng file"),
        (file("garbage", &garbage), "is no pcap or pcapng file"),
        (file("text", b"10:00:00.0 IP 198.51.100.7.40000 > 192.0.2.1.443: Flags [S]\n"), "is no pcap"),
        (file("nothing", &header), "has 0 packets"),
        (file("cut", &[&header[..], &[0; 12]].concat()), "ends in the middle of packet 1"),
        (file("damaged", &[&header[..], &garbage].concat()), "packet 1"),
    ] {
        let text = complaint(&run(["explain", "--pcap", &path]));
        assert!(text.contains(said), "{path}: {text}");
    }
}

#[test]
fn without_a_daemon_nothing_can_be_asked() {
    let text = complaint(&run(["explain", "--from", FROM, "--to", TO, "--socket", "/nowhere/a.sock"]));
    assert!(text.contains("no daemon is listening on /nowhere/a.sock"), "{text}");
}

#[test]
fn what_the_daemon_refuses_is_told() {
    let daemon = Daemon::start();
    let text = complaint(&ask(&daemon, &format!("explain --from {FROM} --to {TO}")));
    assert_eq!(text, "anycast-ctl: ask the daemon what would become of it: there is no program\n");
}
