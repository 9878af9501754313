//! A backend that is suspended while what reaches it changes.

use anycast_common::{backend::Backend, reason::Reason, tunnel::Tunnel};

use crate::{
    harness::{Harness, Outcome, backend},
    steer::{Shape, Transport, assert_delivered},
};

#[test]
fn a_suspended_backend_gets_nothing_and_keeps_its_slots() {
    let mut harness = Harness::new();
    let tunnel = Tunnel::v4([192, 0, 2, 200].into(), [10, 0, 0, 1].into(), 64, None);
    for (vip, address) in [(1, "192.0.2.1"), (2, "2001:db8:0:1::1")] {
        let shape = Shape::new(address, 80, Transport::Ack);
        let owner = assert_delivered(&mut harness, "before", &shape, vip);
        harness.dataplane.suspend_backend(owner);
        let dropped = Outcome::Dropped { vip, reason: Reason::BackendUnusable };
        assert_eq!(harness.run("suspended", &shape.bytes()), dropped);
        harness.dataplane.set_tunnel(owner, tunnel);
        assert_eq!(harness.run("still suspended", &shape.bytes()), dropped);
        harness.dataplane.set_backend(owner, Backend { mtu: 1500, ..backend(owner) });
        assert_eq!(assert_delivered(&mut harness, "after", &shape, vip), owner);
    }
}
