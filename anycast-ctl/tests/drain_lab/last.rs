//! The last backend of a pool.

use std::{thread, time::Duration};

use anycast_ctl::api::types::BackendState;

use crate::{edge::Edge, held::SWEEP};

#[test]
fn the_last_backend_of_a_pool_is_not_removed() {
    let edge = Edge::start(2, |site| site);
    let plan = edge.ctl("pool drain web4 --dry-run");
    assert!(plan.contains("NOTE: nobody takes new flows of VIP `www4` then: "), "{plan}");
    assert!(plan.contains("WARNING: pool web4 would have no backend left for new flows"), "{plan}");
    edge.ctl("backend drain web4 backend1 --remove");
    let both = edge.ctl("backend drain web4 backend2 --remove --wait");
    assert!(both.contains("draining backend2 of pool web4"), "{both}");

    // One of them went, the other is the last.
    edge.wait_for("one is removed", |edge| {
        edge.pool("web4").iter().filter(|it| it.state == BackendState::Removed).count() == 1
    });
    let revision = edge.head().revision;
    thread::sleep(SWEEP * 2);
    assert_eq!(edge.head().revision, revision);
    let left = edge.pool("web4").into_iter().find(|it| it.state == BackendState::Draining).unwrap();
    let drain = left.drain.unwrap();
    assert!(drain.empty && !drain.removes, "{drain:?}");
    let page = edge.ctl(&format!("backend show web4 {}", left.name));
    assert!(page.contains("draining, empty"), "{page}");
    assert!(page.contains("it stays, as the last backend of its pool"), "{page}");
    let plan = edge.ctl("backend drain web6 backend1 --remove --dry-run");
    assert!(plan.contains("is removed from pool web6"), "{plan}");
    let again = edge.ctl(&format!("backend drain web4 {} --remove", left.name));
    let warning =
        format!("anycast-ctl: warning: {} is the last backend of pool web4: it is not removed", left.name);
    assert!(again.contains(&warning), "{again}");
    assert_eq!(edge.head().revision, revision, "nothing was changed by that");

    // With another one there it may go.
    edge.ctl("backend add web4 other 203.0.113.99");
    edge.wait_for("it is removed", |edge| edge.is_removed("web4", &left.name));
    thread::sleep(Duration::from_millis(100));
    assert_eq!(edge.head().who, "anycast-ctl run");
}
