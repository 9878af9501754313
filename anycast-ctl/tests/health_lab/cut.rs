//! A checker whose network is cut moves nothing, and says so.

use std::{collections::BTreeMap, thread, time::Duration};

use anycast_ctl::{api::types::BackendState, health::verdict::Verdict};
use xtask::lab::{Family, Lab};

use crate::harness::{checked, health, pool, status, wait_for};

const CHECK: &str =
    r#"check = { type = "http", interval = "200ms", fast_interval = "100ms", timeout = "200ms", fall = 2 }"#;

/// Slots of every backend.
fn slots(lab: &Lab) -> BTreeMap<(String, String), u32> {
    let pools = status(lab).pools.into_iter();
    pools
        .flat_map(|pool| {
            let name = pool.name;
            pool.backends.into_iter().map(move |backend| ((name.clone(), backend.name), backend.slots))
        })
        .collect()
}

#[test]
fn a_cut_moves_nothing_and_raises_the_alarm() {
    let lab = checked(4, CHECK);
    let (before, swept) = (slots(&lab), status(&lab).desired.applied);
    // What backends answer to the edge itself; clients' packets are not the stack's business.
    let rules =
        "table inet cut { chain input { type filter hook input priority 0; iif eth0 tcp sport 80 drop; }; }";
    lab.run("edge", "nft", &[rules]).unwrap();
    wait_for(&lab, "both pools are in panic", |lab| {
        health(lab).pools.iter().all(|pool| pool.panic.is_some_and(|panic| panic.bad == 4))
    });
    let said = health(&lab);
    assert!(said.alarm, "{said:?}");
    assert!(said.summary.contains("the site has failed, or this host is cut off"), "{}", said.summary);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(slots(&lab), before, "slots moved");
    let states: Vec<_> =
        status(&lab).pools.into_iter().flat_map(|pool| pool.backends).map(|backend| backend.state).collect();
    assert!(states.iter().all(|state| *state == BackendState::Up), "{states:?}");
    let page = lab.ctl(&["health"]).unwrap();
    assert!(
        page.contains("ALARM: ") && page.contains("PANIC for ") && page.contains("down, but kept"),
        "{page}"
    );
    let log = lab.controller_log().unwrap();
    assert!(log.contains("pool web4 is in panic: "), "{log}");

    lab.run("edge", "nft", &["delete", "table", "inet", "cut"]).unwrap();
    wait_for(&lab, "the panic ends", |lab| {
        let health = health(lab);
        !health.alarm && health.pools.iter().all(|pool| pool.panic.is_none() && pool.healthy == 4)
    });
    assert_eq!(slots(&lab), before, "slots moved in the end");
    assert_eq!(status(&lab).desired.applied, swept);
}

#[test]
fn one_of_many_is_no_panic_and_all_of_them_empty_a_pool_that_wants_it() {
    let lab = checked(3, &format!("{CHECK}\npanic_threshold = \"100%\"\nmin_healthy = \"2\""));
    for (down, enough) in [("backend1", true), ("backend2", false), ("backend3", false)] {
        let drop = format!(
            "table inet {down} {{ chain input {{ type filter hook input priority 0; tcp dport 80 reject with tcp reset; }}; }}"
        );
        lab.run(down, "nft", &[&drop]).unwrap();
        wait_for(&lab, &format!("{down} is out"), |lab| {
            Family::ALL.iter().all(|family| {
                let pool = pool(lab, *family);
                let backend = pool.backends.iter().find(|backend| backend.name == down).unwrap();
                backend.verdict == Verdict::Down && !backend.in_service && pool.enough == enough
            })
        });
        let pool = pool(&lab, Family::V4);
        let backend = pool.backends.iter().find(|backend| backend.name == down).unwrap();
        assert_eq!(backend.reason.as_deref(), Some("connect: connection refused"));
        assert_eq!(pool.panic, None);
    }
    assert!(slots(&lab).values().all(|slots| *slots == 0));
    let log = lab.controller_log().unwrap();
    assert!(log.contains("pool web4 is unhealthy: 1 of 3 backends are up, fewer than it needs"), "{log}");
    lab.run("backend1", "nft", &["delete", "table", "inet", "backend1"]).unwrap();
    wait_for(&lab, "the one that came back serves all", |lab| {
        slots(lab).get(&("web4".to_owned(), "backend1".to_owned())) == Some(&65_537)
    });
}
