//! The operator's hand: drains, weights and verdicts, their plans, and the pages that show what came of them.

use anycast_ctl::api::types::{BackendState, PlanStatus, PoolPlan, PoolStatus, SlotsStatus};
use xtask::lab::{Family, Lab};

use crate::{
    harness::{backend, steering},
    steer::spread,
};

const POOL: &str = "web4";

fn ctl(lab: &Lab, words: &str) -> String {
    lab.ctl(&words.split_whitespace().collect::<Vec<_>>()).unwrap()
}

fn pool(lab: &Lab) -> PoolStatus {
    serde_json::from_str(&ctl(lab, "pool show web4 --json")).unwrap()
}

fn slots(lab: &Lab) -> SlotsStatus {
    serde_json::from_str(&ctl(lab, "pool slots web4 --json")).unwrap()
}

/// What a change would do to the one pool it is about.
fn plan(lab: &Lab, change: &str) -> PoolPlan {
    let plan = ctl(lab, &format!("backend {change} --dry-run --json"));
    let mut plan: PlanStatus = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan.pools.len(), 1, "{plan:?}");
    plan.pools.remove(0)
}

/// Slots of the table whose owner is that backend, as the runs have it.
fn owned(slots: &SlotsStatus, name: &str) -> u32 {
    let place = slots.backends.iter().position(|owner| owner.name == name).map(|place| place as u16);
    slots.runs.iter().filter(|run| run.current == place).map(|run| run.length).sum()
}

/// Everybody's owner, slot by slot.
fn owners(slots: &SlotsStatus) -> Vec<Option<u16>> {
    slots.runs.iter().flat_map(|run| vec![run.current; run.length as usize]).collect()
}

#[test]
fn a_drain_moves_slots_as_planned_and_an_undrain_brings_them_back() {
    let lab = steering(3, 0);
    let before = slots(&lab);
    let share = owned(&before, "backend2");
    assert!(share.abs_diff(65_537 / 3) <= 1, "{share}");
    assert!(ctl(&lab, "pool show web4").contains("No slot is in transition"));

    // A plan changes nothing, and says what comes true.
    let drain = plan(&lab, "drain web4 backend2");
    assert_eq!((drain.slots, drain.breaks.len(), drain.pending.len()), (65_537, 0, 0));
    assert_eq!((drain.shares[1].before, drain.shares[1].after), (share, 0));
    let cut = &plan(&lab, "drain web4 backend2 --deadline 10m").breaks[0];
    assert_eq!((cut.backend.as_str(), cut.slots), ("backend2", share));
    assert!((599..=601).contains(&cut.after_seconds), "{cut:?}");
    assert_eq!(plan(&lab, "remove web4 backend2").breaks[0].after_seconds, 0);
    assert_eq!(slots(&lab), before);

    let said = ctl(&lab, "backend drain web4 backend2 --deadline 10m");
    assert!(
        said.starts_with("draining backend2 of pool web4: no new flows, those it has live on for 10m"),
        "{said}"
    );
    let after = slots(&lab);
    assert_eq!(owned(&after, "backend2"), 0);
    let moved = owners(&before).iter().zip(owners(&after)).filter(|(is, was)| **is != *was).count() as u32;
    assert_eq!(moved, drain.slots_moved);
    let draining = backend(&lab, POOL, "backend2");
    assert_eq!((draining.state, draining.slots, draining.slots_wanted), (BackendState::Draining, 0, 0));
    assert!((590..=601).contains(&draining.drain.unwrap().remaining_seconds.unwrap()), "{draining:?}");
    let shown = pool(&lab);
    assert_eq!(shown.transition.slots, moved);
    assert_eq!(
        (shown.transition.base_owners[0].name.as_str(), shown.transition.base_owners[0].slots),
        ("backend2", share)
    );
    let page = ctl(&lab, "pool show web4");
    assert!(
        page.contains(&format!("  {share} slots wait for flows that backend2 (203.0.113.12) had before")),
        "{page}"
    );
    assert!(page.contains("backend2  draining, "), "{page}");
    let spread_over = spread(&lab, Family::V4, 60);
    assert!(spread_over.len() == 2 && !spread_over.contains_key("backend2"), "{spread_over:?}");

    // Again: another deadline, here none.
    ctl(&lab, "backend drain web4 backend2");
    assert_eq!(backend(&lab, POOL, "backend2").drain.unwrap().remaining_seconds, None);
    assert_eq!(plan(&lab, "undrain web4 backend2").slots_moved, moved);
    let said = ctl(&lab, "backend undrain web4 backend2");
    assert!(
        said.starts_with(&format!("backend2 of pool web4 gets new flows again: up, {share} slots")),
        "{said}"
    );
    assert_eq!(owners(&slots(&lab)), owners(&before));
    assert_eq!(spread(&lab, Family::V4, 60).len(), 3);
}

#[test]
fn weights_and_verdicts_change_shares() {
    let lab = steering(3, 1);
    let planned = plan(&lab, "weight web4 backend1 2");
    assert!(planned.shares[0].after.abs_diff(65_537 / 2) <= 1, "{planned:?}");
    assert_eq!(planned.breaks, []);
    ctl(&lab, "backend weight web4 backend1 2");
    assert_eq!(backend(&lab, POOL, "backend1").slots, planned.shares[0].after);
    assert_eq!(backend(&lab, POOL, "backend1").weight, 2);

    let planned = plan(&lab, "mark web4 backend3 down");
    assert!(planned.breaks[0].slots > 0, "on_down is reset");
    ctl(&lab, "backend mark web4 backend3 down");
    assert_eq!(
        (backend(&lab, POOL, "backend3").state, backend(&lab, POOL, "backend3").slots),
        (BackendState::Down, 0)
    );
    let status = ctl(&lab, "status");
    assert!(status.contains("web4/backend3: marked down"), "{status}");
    assert!(status.contains("slots in transition"), "{status}");
    // Both at once: neither alone brings it back.
    ctl(&lab, "backend drain web4 backend3");
    let up = plan(&lab, "mark web4 backend3 up");
    assert_eq!(up.slots_moved, 0);
    assert!(up.pending[0].contains("backend3 is draining then"));
    ctl(&lab, "backend undrain web4 backend3");
    assert_eq!(backend(&lab, POOL, "backend3").slots, 0);
    ctl(&lab, "backend mark web4 backend3 up");
    assert!(backend(&lab, POOL, "backend3").slots > 0);

    // One that is not there yet.
    let before = slots(&lab);
    let added = plan(&lab, "add web4 backend4 203.0.113.14");
    assert!(added.pending[0].contains("backend4 gets its slots when 203.0.113.14 answers"));
    assert!(added.shares[3].after.abs_diff(65_537 / 5) <= 1, "{:?}", added.shares);
    assert_eq!(slots(&lab), before);

    let map = ctl(&lab, "pool slots web4 --map");
    assert!(map.lines().all(|line| line.len() <= 80), "{map}");
    for letter in ['A', 'B', 'C'] {
        assert!(map.contains(&format!("\n  {letter}  backend")), "{map}");
    }
    let list = ctl(&lab, "pool list");
    assert!(list.contains("web4   3         3  65537"), "{list}");
    for (words, complaint) in [
        (
            "drain web4 backend9",
            "drain backend backend9 of pool web4: no backend of pool `web4` is called `backend9`",
        ),
        ("undrain web44 backend1 --dry-run", "no pool is called `web44`: did you mean `web4`?"),
        ("add web4 other 224.0.0.1 --dry-run", "multicast"),
        ("remove web4 backend9 --dry-run", "no backend of pool `web4` is called `backend9`"),
    ] {
        let arguments: Vec<&str> = ["backend"].into_iter().chain(words.split(' ')).collect();
        let text = lab.ctl(&arguments).unwrap_err().to_string();
        assert!(text.contains(complaint), "{words}: {text}");
    }
}
