//! What captures leave behind in the daemon.

use std::fs;

use crate::edge::Edge;

/// MiB: several times what a daemon has, and far from what loading a program takes for a moment.
const MOST: u64 = 40;

#[test]
fn a_daemon_gives_back_what_loading_programs_took() {
    let edge = Edge::start(2);
    let daemon = edge.host.daemon.as_ref().unwrap().id();
    let anonymous = || {
        let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
        kib.unwrap().parse::<u64>().unwrap() >> 10
    };
    let before = anonymous();
    for _ in 0..8 {
        edge.capture("--vip www4 -w /dev/null").interrupt();
    }
    let after = anonymous();
    println!("{before} MiB before, {after} MiB after");
    assert!(after < MOST, "{before} MiB before, {after} MiB after");
}
