//! A backend that is suspended while what reaches it changes.

use anycast_common::reason::Reason;

use crate::{
    harness::{Harness, Outcome},
    packet::{BOTH, tcp},
    site::{backend, vip_number},
    table::reach,
};

#[test]
fn a_suspended_backend_gets_nothing_and_keeps_its_slots() {
    let mut harness = Harness::lean();
    for vip in BOTH {
        let packet = tcp(vip);
        let owner = reach(&mut harness, "before", &packet);
        harness.dataplane.suspend_backend(owner);
        let dropped = Outcome::Dropped { vip: vip_number(vip), reason: Reason::BackendUnusable };
        assert_eq!(harness.run("suspended", &packet.bytes()), dropped);
        harness.dataplane.set_backend(owner, backend(owner));
        assert_eq!(reach(&mut harness, "after", &packet), owner);
    }
}
