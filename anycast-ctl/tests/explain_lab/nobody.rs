//! A pool with nobody left, and packets that are not delivered for other reasons.

use std::net::SocketAddr;

use anycast_ctl::api::types::ExplainedOutcome;
use xtask::lab::Family;

use crate::{
    explain_flow,
    harness::{backend, hold, idle, site, steering, wait_for},
    http,
};

#[test]
fn without_a_backend_the_policy_is_told() {
    let lab = steering(1, 0);
    for family in Family::ALL {
        let vip = lab.plan().vips.of(family);
        let from = SocketAddr::new(lab.plan().client.addresses.of(family), 20_000);
        lab.ctl(&["backend", "disable", family.pool_name(), "backend1"]).unwrap();
        wait_for("nobody is left", || backend(&lab, family.pool_name(), "backend1").slots == 0);
        for (policy, outcome, reason) in [
            ("drop", ExplainedOutcome::Drop, "no_backend"),
            ("pass", ExplainedOutcome::Pass, "empty_passed"),
            ("reset", ExplainedOutcome::Answer, "empty_reset"),
        ] {
            lab.ctl(&["pool", "set", family.pool_name(), "--on-empty", policy, "--wait"]).unwrap();
            let told = explain_flow(&lab, from, vip, &["--syn"]);
            let because = told.reason.as_ref().unwrap();
            assert_eq!((told.outcome, because.reason.as_str()), (outcome, reason), "{}", told.text);
            assert!(told.backend.is_none() && told.counters[0].counter == reason);
            assert_eq!(told.after.is_some(), outcome == ExplainedOutcome::Answer);
        }
        // The answer that was shown is the one that comes.
        let told = explain_flow(&lab, from, vip, &["--syn"]);
        let tcp = told.after.unwrap().layers.into_iter().find(|layer| layer.layer == "tcp").unwrap();
        assert!(tcp.fields.iter().any(|it| it.field == "flags" && it.value == "ack+rst"), "{tcp:?}");
        let error = http::connect(&lab, vip, 80, std::time::Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

#[test]
fn what_is_not_delivered_is_told_with_its_reason() {
    let mut lab = idle(1, 0);
    lab.start_controller_on(&site(&lab), &[]).unwrap();
    wait_for("every backend is up", || lab.status().unwrap().all_up());
    let vip = lab.plan().vips.v4.into();
    hold(&lab, vip);
    let from = SocketAddr::new(lab.plan().client.addresses.v4.into(), 20_000);
    for (words, reason) in [
        (&["--ttl", "1"][..], "ttl_expired"),
        (&["--length", "1600"], "too_big_answered"),
        (&["--length", "1600", "--may-fragment"], "too_big_answered"),
    ] {
        let told = explain_flow(&lab, from, vip, words);
        assert_eq!(told.reason.as_ref().unwrap().reason, reason, "{words:?}: {}", told.text);
        assert_eq!(told.backend.as_ref().unwrap().name, "backend1");
        assert!(told.sentence.contains(reason), "{}", told.sentence);
    }
    let elsewhere = crate::explain(&lab, &["--from", &from.to_string(), "--to", "192.0.2.99:80"]);
    assert_eq!(elsewhere.reason.as_ref().unwrap().reason, "not_vip");
    assert!(elsewhere.vip.is_none() && elsewhere.flow.is_none());
    let ping = crate::explain(&lab, &["--from", &from.ip().to_string(), "--to", &format!("{vip}/icmp")]);
    let reply = lab.run("client", "ping", &["-c1", "-W2", &format!("{vip}")]);
    assert_eq!(
        ping.reason.as_ref().unwrap().reason == "echo_answered",
        ping.after.is_some(),
        "{}",
        ping.text
    );
    assert!(reply.is_ok());
    let loopback = explain_flow(&lab, from, vip, &["--interface", "lo"]);
    assert!(loopback.notes.iter().any(|note| note.contains("not attached to lo")), "{:?}", loopback.notes);
    assert_eq!(loopback.outcome, ExplainedOutcome::Redirect, "{}", loopback.text);
}
