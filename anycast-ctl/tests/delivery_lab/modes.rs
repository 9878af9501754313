//! One test for each way of delivery: everything that clients send gets there, and what servers answer gets back.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use xtask::lab::{
    Family,
    server::{self, HTTP_PORT},
    transfer::{Datagrams, Upload, download},
};

use crate::{
    fragments,
    harness::{Mode, SOON, Stage},
    ping, trace,
};

#[test]
fn l2() {
    everything_gets_through(Mode::L2);
}

#[test]
fn ipip_over_ipv4() {
    everything_gets_through(Mode::IpipV4);
}

#[test]
fn ipip_over_ipv6() {
    everything_gets_through(Mode::IpipV6);
}

#[test]
fn gue_over_ipv4() {
    everything_gets_through(Mode::GueV4);
}

#[test]
fn gue_over_ipv6() {
    everything_gets_through(Mode::GueV6);
}

#[test]
fn local() {
    everything_gets_through(Mode::Local);
}

#[test]
fn all_of_them_in_one_pool() {
    everything_gets_through(Mode::Mixed);
}

fn everything_gets_through(mode: Mode) {
    let stage = Stage::new(mode);
    for family in Family::ALL {
        requests(&stage, family);
        datagrams(&stage, family);
        // Before anything else tells the client how much fits.
        large_datagrams(&stage, mode, family);
        fragments::in_any_order_after_the_first(&stage, family);
        transfers(&stage, family);
        ping::is_answered_by_the_edge(&stage, family);
    }
    trace::routes(&stage, mode);
    stage.assert_counters_agree();
    for family in Family::ALL {
        let reasons = stage.vip_status(family).reasons;
        // Beside what was too big, and what probes of the path expire with, nothing was lost.
        let lost = reasons
            .iter()
            .find(|it| it.verdict == "drop" && !["too_big", "ttl_expired"].contains(&it.reason.as_str()));
        assert_eq!(lost, None, "{mode:?} {family:?}");
        assert!(!reasons.iter().any(|it| it.reason == "bad_quote"), "{mode:?} {family:?}");
    }
}

/// Small requests, one connection each: every server gets some.
fn requests(stage: &Stage, family: Family) {
    let vip = SocketAddr::from((stage.vip(family), HTTP_PORT));
    let mut served = BTreeMap::<String, u64>::new();
    for _ in 0..20 * stage.members.len() {
        let answer = server::get(stage.lab.client().unwrap(), vip, "/").unwrap();
        let by = answer.lines().find_map(|line| line.strip_prefix("X-Backend: ")).unwrap();
        *served.entry(by.to_owned()).or_default() += 1;
    }
    let servers: BTreeSet<_> = stage.members.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(served.keys().cloned().collect::<BTreeSet<_>>(), servers, "{family:?}");
    for backend in stage.vip_status(family).backends {
        assert_eq!(backend.traffic.new_flows, served[&backend.name], "{family:?} {}", backend.name);
    }
}

/// Datagrams of QUIC's sizes, both ways, one flow each.
fn datagrams(stage: &Stage, family: Family) {
    for length in [1200, 1350].repeat(10) {
        let socket = Datagrams::open(&stage.lab, stage.vip(family)).unwrap();
        socket.ask(&fragments::payload(length), SOON).unwrap();
    }
    assert_eq!(stage.reason(family, "too_big_answered"), 0);
}

/// Datagrams that are fragmented. Through a tunnel the first may be lost: full-size fragments do not fit, and the client
/// hears what does.
fn large_datagrams(stage: &Stage, mode: Mode, family: Family) {
    let datagram = fragments::payload(8192);
    let socket = Datagrams::open(&stage.lab, stage.vip(family)).unwrap();
    let sent = socket.ask(&datagram, SOON).unwrap();
    println!("{mode:?} {family:?}: a datagram of 8,192 bytes came back after it was sent {sent} times");
    assert!(stage.detail(family, "fragment_first") >= u64::from(sent));
    assert!(stage.detail(family, "fragment_followed") >= 5 * u64::from(sent));
    assert_eq!(stage.detail(family, "fragment_stray"), 0);
    if mode.is_tunnel() {
        assert!(sent > 1, "the first one was too big");
        let told = stage.reason(family, "too_big_answered");
        // Of the five fragments of full size, IPv4 has the first one answered for, IPv6 all of them.
        let silent = if family == Family::V4 { 4 * told } else { 0 };
        assert_eq!((told > 0, stage.reason(family, "too_big")), (true, silent));
        assert_eq!(stage.detail(family, "too_big_may_fragment") > 0, family == Family::V4);
    }
    if mode != Mode::Mixed {
        // What was learned holds.
        assert_eq!(socket.ask(&datagram, Duration::from_secs(5)).unwrap(), 1);
    }
}

/// Full-size segments both ways, over several flows.
fn transfers(stage: &Stage, family: Family) {
    for _ in 0..3 * stage.members.len() {
        Upload::start(&stage.lab, stage.vip(family), 1_000_000).unwrap().finish().unwrap();
        download(&stage.lab, stage.vip(family), 1_000_000).unwrap();
    }
}
