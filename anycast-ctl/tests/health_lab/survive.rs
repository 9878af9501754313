//! Verdicts survive the daemon, and a check that comes to a pool under traffic takes nobody out.

use anycast_ctl::{api::types::BackendState, health::verdict::Verdict};
use xtask::lab::Family;

use crate::harness::{backend, checked, state, status, wait_for};

#[test]
fn a_pool_that_gets_a_check_keeps_its_slots_until_the_checks_say_otherwise() {
    let lab = checked(3, "");
    let slots = |lab: &xtask::lab::Lab| -> Vec<u32> {
        status(lab).pools[0].backends.iter().map(|backend| backend.slots).collect()
    };
    let before = slots(&lab);
    lab.ctl(&["pool", "check", "web4", "type=http", "interval=200ms", "fast_interval=100ms", "port=80"])
        .unwrap();
    for _ in 0..20 {
        assert_eq!(slots(&lab), before);
    }
    wait_for(&lab, "everybody is judged", |lab| {
        (1..=3).all(|n| backend(lab, Family::V4, &format!("backend{n}")).verdict == Verdict::Up)
    });
    assert_eq!(slots(&lab), before);
    // One that is added waits for its checks, and never gets a flow if they fail.
    let words = ["backend", "add", "web4", "ghost", "203.0.113.99"];
    lab.ctl(&words).unwrap();
    assert_ne!(state(&lab, Family::V4, "ghost"), BackendState::Up);
    lab.ctl(&["pool", "check", "web4", "--none"]).unwrap();
    wait_for(&lab, "nothing is asked any more", |lab| {
        lab.ctl(&["health"]).unwrap().contains("No pool is checked")
    });
}
