//! Beside a daemon.

use crate::host::{Edge, command};

#[test]
fn a_host_that_steers_natively_is_fine() {
    let mut edge = Edge::new();
    let pid = edge.run(&["--xdp-mode", "native"]);
    assert_eq!(edge.complaints(), []);

    edge.sh(&format!("prlimit --pid {pid} --nofile=1000:10000"));
    let complaints = edge.complaints();
    let [files] = &complaints[..] else { panic!("{complaints:#?}") };
    assert_eq!(files.check, "files");
    edge.sh(command(files));
    assert_eq!(edge.complaints(), []);
}

#[test]
fn generic_mode_is_complained_about_and_packets_that_are_merged_before_it() {
    let mut edge = Edge::new();
    edge.sh("ethtool -K eth0 gro on");
    edge.run(&["--xdp-mode", "generic"]);
    let complaints = edge.complaints();
    let checks: Vec<&str> = complaints.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(checks, ["driver", "gro"], "{complaints:#?}");
    edge.sh(command(&complaints[1]));
    let left = edge.complaints();
    assert_eq!(left.len(), 1, "{left:#?}");
    assert!(left[0].found.contains("has native XDP"), "{left:#?}");
}
