//! Sessions, and what is said of their packets.

use std::net::SocketAddr;

use anycast_ctl::api::types::{ExplainedOutcome, Explanation};
use xtask::lab::{Family, Lab, server::HTTP_PORT};

use crate::{
    backend, connect_from, explain_flow,
    harness::{self, mac, status, steering, wait_for},
    http,
};

fn why(explanation: &Explanation) -> &str {
    &explanation.why.as_ref().unwrap().why
}

fn effects(explanation: &Explanation) -> Vec<&str> {
    explanation.effects.iter().map(|effect| effect.effect.as_str()).collect()
}

/// The first port of the client from which a flow falls into a slot in transition.
fn port_in_transition(lab: &Lab, family: Family, vip: std::net::IpAddr) -> SocketAddr {
    let of = |port| SocketAddr::new(lab.plan().client.addresses.of(family), port);
    let in_transition = |from: &SocketAddr| {
        explain_flow(lab, *from, vip, &["--syn"]).slot.is_some_and(|slot| slot.in_transition)
    };
    (20_000..20_100).map(of).find(in_transition).unwrap()
}

#[test]
fn sessions_go_where_they_are_said_to_go() {
    let lab = steering(3, 0);
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let mut reached = std::collections::BTreeSet::new();
        for port in 20_000..20_030 {
            let from = SocketAddr::new(lab.plan().client.addresses.of(family), port);
            let before = explain_flow(&lab, from, vip, &["--syn"]);
            let mut session = connect_from(&lab, from, vip);
            let answer = http::ask_kept(&mut session).unwrap();
            let after = explain_flow(&lab, from, vip, &[]);
            for told in [&before, &after] {
                assert_eq!(backend(told), answer.backend, "{}", told.text);
                assert_eq!((why(told), told.outcome), ("current", ExplainedOutcome::Transmit));
                assert!(!told.slot.as_ref().unwrap().in_transition && told.pin.is_none());
                assert_eq!(told.vip.as_ref().unwrap().name, family.vip_name());
                let delivery = told.delivery.as_ref().unwrap();
                assert_eq!((delivery.mode.as_str(), delivery.interface.as_deref()), ("l2", Some("eth0")));
                assert_eq!(delivery.destination_mac.as_deref(), Some(&*mac(&lab, &answer.backend, "eth0")));
                assert_eq!(delivery.source_mac.as_deref(), Some(&*mac(&lab, "edge", "eth0")));
                assert!(told.sentence.contains(&answer.backend), "{}", told.sentence);
                assert!(told.text.ends_with(&format!("In one sentence: {}\n", told.sentence)));
            }
            reached.insert(answer.backend);
        }
        assert_eq!(reached.len(), 3, "{reached:?}");
    }
}

#[test]
fn asking_counts_nothing() {
    let lab = steering(2, 0);
    let vip = lab.plan().vips.v4.into();
    let from = SocketAddr::new(lab.plan().client.addresses.v4.into(), 20_000);
    // Nobody sends anything to the VIPs here.
    let before = status(&lab);
    for words in [&[][..], &["--syn"], &["--ttl", "1"], &["--length", "1500"], &["--icmp-quoting", "too-big"]]
    {
        explain_flow(&lab, from, vip, words);
    }
    let unknown_port = SocketAddr::new(vip, 81).to_string();
    let words = ["--from", &from.to_string(), "--to", &unknown_port];
    assert_eq!(crate::explain(&lab, &words).reason.unwrap().reason, "unknown_port_passed");
    let after = status(&lab);
    assert_eq!(after.vips, before.vips);
}

/// Flows of before the transition, new ones, and those that are pinned.
#[test]
fn in_a_transition_old_sessions_stay_and_new_ones_are_pinned() {
    let lab = steering(2, 0);
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        // An old session whose backend is drained.
        let mut old = http::connect(&lab, vip, HTTP_PORT, harness::SOON).unwrap();
        let drained = http::ask_kept(&mut old).unwrap().backend;
        let other = if drained == "backend1" { "backend2" } else { "backend1" };
        lab.ctl(&["backend", "drain", family.pool_name(), &drained]).unwrap();
        wait_for("the slots have moved", || harness::backend(&lab, family.pool_name(), &drained).slots == 0);
        let told = explain_flow(&lab, old.local_addr().unwrap(), vip, &[]);
        assert_eq!((backend(&told), why(&told)), (drained.as_str(), "base"), "{}", told.text);
        let slot = told.slot.as_ref().unwrap();
        assert!(slot.in_transition);
        assert_eq!(slot.base.as_ref().unwrap().name, drained);
        assert_eq!(slot.current.as_ref().unwrap().name, other);
        assert!(told.pin.is_none());
        assert_eq!(told.backend.as_ref().unwrap().state.unwrap().label(), "draining");
        assert_eq!(http::ask_kept(&mut old).unwrap().backend, drained);
        let reset = explain_flow(&lab, old.local_addr().unwrap(), vip, &["--rst"]);
        assert_eq!((backend(&reset), reset.flow.as_ref().unwrap().kind.as_str()), (drained.as_str(), "ends"));

        // A new one: first its SYN, then the rest of it.
        let from = port_in_transition(&lab, family, vip);
        let told = explain_flow(&lab, from, vip, &["--syn"]);
        assert_eq!((backend(&told), why(&told)), (other, "opened"), "{}", told.text);
        assert!(effects(&told).contains(&"embryonic_inserted"), "{:?}", told.effects);
        assert!(
            told.counters.iter().any(|it| it.counter == "new_flows" && it.by == 1),
            "{:?}",
            told.counters
        );
        assert!(explain_flow(&lab, from, vip, &["--syn"]).pin.is_none(), "asking remembers nothing");
        let mut session = connect_from(&lab, from, vip);
        assert_eq!(http::ask_kept(&mut session).unwrap().backend, other);
        let told = explain_flow(&lab, from, vip, &[]);
        assert_eq!((backend(&told), why(&told)), (other, "pinned"), "{}", told.text);
        let pin = told.pin.as_ref().unwrap();
        assert_eq!((pin.map.as_str(), pin.backend.name.as_str(), &pin.void), ("pins", other, &None));

        // An error about an answer of the pinned session follows it.
        let error = explain_flow(&lab, from, vip, &["--icmp-quoting", "unreachable"]);
        assert_eq!((backend(&error), why(&error)), (other, "pinned"), "{}", error.text);
        assert!(error.flow.unwrap().quoted);
        assert!(error.counters.iter().any(|it| it.counter == "icmp_error"));

        // Its backend is gone: whoever has the slot will reset it.
        lab.ctl(&["backend", "undrain", family.pool_name(), &drained]).unwrap();
        lab.ctl(&["backend", "disable", family.pool_name(), other]).unwrap();
        wait_for("the slots have moved back", || {
            harness::backend(&lab, family.pool_name(), other).slots == 0
        });
        let told = explain_flow(&lab, from, vip, &[]);
        assert_eq!((backend(&told), why(&told)), (drained.as_str(), "reset"), "{}", told.text);
        assert!(told.pin.unwrap().void.is_some());
        assert_eq!(
            http::ask_kept(&mut session).unwrap_err().kind(),
            std::io::ErrorKind::ConnectionReset,
            "the other backend resets it"
        );
        lab.ctl(&["backend", "enable", family.pool_name(), other]).unwrap();
    }
}
