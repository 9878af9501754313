//! Backends are added and removed through the command line while connections come in.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use anycast_ctl::api::types::BackendState;
use xtask::lab::{Family, Lab, OwnedLab};

use crate::{
    harness::{assert_counters_agree, backend, status, steering, wait_for},
    http,
    steer::spread,
};

/// Runs `work` while new connections are opened to these VIPs all the time; every one of them must be answered.
pub fn under_traffic(lab: &OwnedLab, families: &[Family], work: impl FnOnce()) {
    let (done, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for &family in families {
            let (done, answered) = (&done, &answered);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    match http::who(lab, lab.plan().vips.of(family)) {
                        Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        // A flow whose backend went is the one thing that may be reset.
                        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
                        Err(error) => panic!("a connection to {family:?} failed: {error}"),
                    }
                }
            });
        }
        // Ends the traffic also when the work panics.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        work();
    });
    assert!(answered.into_inner() > 50, "there was hardly any traffic");
}

fn address(lab: &Lab, family: Family, server: &str) -> String {
    lab.plan().servers().find(|host| host.name == server).unwrap().addresses.of(family).to_string()
}

#[test]
fn backends_come_and_go_under_traffic_and_their_counters_stay() {
    let lab = steering(2, 1);
    let spare = lab.plan().spares[0].name.clone();
    let mut before = [0; 2];
    under_traffic(&lab, &Family::ALL, || {
        for family in Family::ALL {
            let added = lab
                .ctl(&["backend", "add", family.pool_name(), &spare, &address(&lab, family, &spare)])
                .unwrap();
            assert!(added.contains(&format!("added {spare}")), "{added}");
        }
        wait_for("the added backend is up", || lab.status().unwrap().all_up());
        for family in Family::ALL {
            wait_for("the added backend gets packets", || {
                backend(&lab, family.pool_name(), &spare).traffic.new_flows > 5
            });
            lab.ctl(&["backend", "remove", family.pool_name(), &spare]).unwrap();
        }
        thread::sleep(Duration::from_millis(100));
        for (family, before) in Family::ALL.into_iter().zip(&mut before) {
            let removed = backend(&lab, family.pool_name(), &spare);
            assert_eq!((removed.state, removed.slots), (BackendState::Removed, 0));
            *before = removed.traffic.packets;
        }
        thread::sleep(Duration::from_millis(200));
        for (family, before) in Family::ALL.into_iter().zip(before) {
            assert_eq!(
                backend(&lab, family.pool_name(), &spare).traffic.packets,
                before,
                "it still gets packets"
            );
        }
    });
    // What the removed backend's host saw is still accounted for.
    assert_counters_agree(&lab);

    for (family, before) in Family::ALL.into_iter().zip(before) {
        lab.ctl(&["backend", "add", family.pool_name(), &spare, &address(&lab, family, &spare)]).unwrap();
        wait_for("the backend is back", || {
            backend(&lab, family.pool_name(), &spare).state == BackendState::Up
        });
        assert!(backend(&lab, family.pool_name(), &spare).traffic.packets >= before);
        assert_eq!(spread(&lab, family, 40).len(), 3);
        assert!(backend(&lab, family.pool_name(), &spare).traffic.packets > before);
    }
    assert_counters_agree(&lab);
}

#[test]
fn edits_that_make_no_sense_are_refused_and_change_nothing() {
    let lab = steering(2, 1);
    let before = status(&lab).pools;
    for (words, complaint) in [
        ("add web4 backend1 203.0.113.13", "already has a backend"),
        ("add web4 other 203.0.113.11", "already has 203.0.113.11"),
        ("add web4 other 2001:db8:0:2::13", "IPv6"),
        ("add web6 other 203.0.113.13", "IPv4"),
        ("add web4 vip 192.0.2.1", "the address of VIP `www4`"),
        ("add web4 other 224.0.0.1", "multicast"),
        (
            "add web44 other 203.0.113.13",
            "no pool is called `web44`: did you mean `web4`? there is `web4`, `web6`",
        ),
        ("remove web44 backend1", "no pool is called `web44`: did you mean `web4`?"),
        ("remove web4 backend7", "no backend of pool `web4` is called `backend7`: did you mean"),
        ("list --pool web44", "no pool is called `web44`: did you mean `web4`?"),
    ] {
        let arguments: Vec<&str> = ["backend"].into_iter().chain(words.split(' ')).collect();
        let text = lab.ctl(&arguments).unwrap_err().to_string();
        assert!(text.contains("exit status: 1"), "{words}: {text}");
        assert!(text.contains(complaint), "{words}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert_eq!(status(&lab).pools, before);
}

#[test]
fn the_last_backend_of_a_pool_stays() {
    let lab = steering(1, 1);
    let vip = lab.plan().vips.of(Family::V4);
    let text = lab.ctl(&["backend", "remove", "web4", "backend1"]).unwrap_err().to_string();
    assert!(text.contains("exit status: 1"), "{text}");
    assert!(text.contains("a pool needs at least one backend"), "{text}");
    assert_eq!(http::who(&lab, vip).unwrap(), "backend1");

    // Replaced by another, it may go; and it may come back with another weight.
    lab.ctl(&["backend", "add", "web4", "backend2", "203.0.113.12"]).unwrap();
    wait_for("the other is up", || backend(&lab, "web4", "backend2").state == BackendState::Up);
    lab.ctl(&["backend", "remove", "web4", "backend1"]).unwrap();
    assert_eq!(spread(&lab, Family::V4, 10).into_iter().collect::<Vec<_>>(), [("backend2".to_owned(), 10)]);
    lab.ctl(&["backend", "add", "web4", "backend1", "203.0.113.11", "--weight", "3"]).unwrap();
    wait_for("the backend is back", || backend(&lab, "web4", "backend1").state == BackendState::Up);
    assert_eq!(status(&lab).pools[0].backends.len(), 2, "it is listed once");
    let back = backend(&lab, "web4", "backend1");
    assert_eq!(back.weight, 3);
    assert!(back.slots.abs_diff(49_153) <= 1, "{back:?}");
}
