//! Backends whose link-layer address is not known, or changes.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::BackendState;
use xtask::lab::{Family, ROUTER, server::HTTP_PORT};

use crate::{
    harness::{backend, idle, site, status, steering, wait_for},
    http,
    steer::spread,
};

#[test]
fn a_host_that_is_gone_is_unresolved_until_it_comes_up() {
    let mut lab = idle(2, 0);
    // The other end of its cable.
    lab.run(ROUTER, "ip", &["link", "set", "backend2", "down"]).unwrap();
    lab.start_controller_on(&site(&lab), &[]).unwrap();
    for (pool, question) in
        [("web4", "no answer to ARP from"), ("web6", "no answer to neighbour discovery from")]
    {
        wait_for("backend2 is reported", || {
            let backend = backend(&lab, pool, "backend2");
            backend.state == BackendState::Unresolved && backend.detail.unwrap().starts_with(question)
        });
        let other = backend(&lab, pool, "backend1");
        assert_eq!((other.state, other.slots), (BackendState::Up, 65_537));
        let gone = backend(&lab, pool, "backend2");
        assert_eq!((gone.slots, gone.next_hop), (0, None));
    }
    let page = lab.ctl(&["status"]).unwrap();
    assert!(page.contains("ATTENTION: 2 of 4 backends get no new flows:"), "{page}");
    assert!(page.contains("web4/backend2: no answer to ARP from 203.0.113.12 on eth0"), "{page}");
    for family in Family::ALL {
        assert_eq!(spread(&lab, family, 10).into_iter().collect::<Vec<_>>(), [("backend1".to_owned(), 10)]);
    }

    lab.run(ROUTER, "ip", &["link", "set", "backend2", "up"]).unwrap();
    wait_for("backend2 is up", || lab.status().unwrap().all_up());
    for family in Family::ALL {
        assert!(backend(&lab, family.pool_name(), "backend2").slots.abs_diff(32_768) <= 1);
        assert_eq!(spread(&lab, family, 20).len(), 2);
    }
}

#[test]
fn a_backend_whose_address_nobody_has_can_be_added_and_stays_without_slots() {
    let lab = steering(1, 0);
    let added = lab.ctl(&["backend", "add", "web4", "ghost", "203.0.113.99"]).unwrap();
    assert!(added.contains("no slots yet"), "{added}");
    wait_for("nobody answers", || {
        backend(&lab, "web4", "ghost").detail.is_some_and(|detail| detail.contains("no answer to ARP"))
    });
    let far = lab.ctl(&["backend", "add", "web6", "far", "fd00::1"]);
    // Behind the default route: its next hop is the router, which answers.
    assert!(far.unwrap().contains("up"), "a backend behind a gateway is reached by it");
    assert_eq!(backend(&lab, "web4", "ghost").slots, 0);
    assert_eq!(backend(&lab, "web4", "backend1").slots, 65_537);
    assert_eq!(spread(&lab, Family::V4, 10).len(), 1);
}

#[test]
fn a_flow_goes_on_when_its_backend_changes_its_mac() {
    let lab = steering(1, 0);
    // As failover tools do: the host tells the segment by gratuitous ARP and unsolicited advertisements.
    lab.namespace("backend1")
        .unwrap()
        .write_sysctls(&[("ipv4/conf/eth0/arp_notify", "1"), ("ipv6/conf/eth0/ndisc_notify", "1")])
        .unwrap();
    let mut flows = Family::ALL.map(|family| {
        let vip = lab.plan().vips.of(family);
        http::connect(&lab, vip, HTTP_PORT, Duration::from_secs(2)).unwrap()
    });
    for flow in &mut flows {
        assert_eq!(http::ask_kept(flow).unwrap().backend, "backend1");
    }
    lab.run("backend1", "ip", &["link", "set", "eth0", "address", "02:00:00:00:02:99"]).unwrap();
    let changed = Instant::now();
    for flow in &mut flows {
        assert_eq!(http::ask_kept(flow).unwrap().backend, "backend1");
    }
    assert!(changed.elapsed() < Duration::from_secs(2), "the flows stood still for {:?}", changed.elapsed());
    for family in Family::ALL {
        let next_hop = backend(&lab, family.pool_name(), "backend1").next_hop.unwrap();
        assert_eq!(next_hop.mac, "02:00:00:00:02:99", "{family:?}");
    }
    thread::sleep(Duration::from_millis(50));
    assert!(status(&lab).pools.iter().all(|pool| pool.backends[0].state == BackendState::Up));
}
