//! Each thing that keeps clients from a backend makes its checks fail.

use std::collections::BTreeMap;

use anycast_ctl::model::Delivery;
use xtask::lab::{Family, Lab, ROUTER};

use crate::{
    harness::{BACKENDS, MODES, Stage, way},
    socket::Check,
};

fn check<'a>(stage: &'a Stage, family: Family, place: usize) -> Check<'a> {
    let mtu = way(&stage.lab, stage.mode, family, "backend1").backend.mtu;
    Check::new(&stage.lab, family, stage.mark(place), mtu)
}

/// Neither TCP nor UDP nor ICMP to the first backend is answered; the second one is fine.
fn first_one_fails(stage: &Stage, family: Family, what: &str) {
    let mode = stage.mode;
    assert!(check(stage, family, 0).impatient().http().is_err(), "{mode:?} {family:?}: {what}");
    assert!(check(stage, family, 0).impatient().udp(10).is_err(), "{mode:?} {family:?}: {what}");
    assert!(!check(stage, family, 0).ping(), "{mode:?} {family:?}: {what}");
    assert_eq!(check(stage, family, 1).http().unwrap(), "backend2", "{mode:?} {family:?}: {what}");
}

fn vip(lab: &Lab, verb: &str, family: Family, host: &str) {
    let vip = lab.plan().vips.of(family).to_string();
    let words = ["address", verb, &vip, "dev", "lo"];
    let v6 = [&words[..], &["nodad"]].concat();
    let words = if family == Family::V6 && verb == "add" { &v6[..] } else { &words[..] };
    lab.run(host, "ip", words).unwrap();
}

#[test]
fn without_the_vip_or_decapsulation_a_backend_fails() {
    for mode in MODES {
        let mut stage = Stage::new(mode);
        for family in Family::ALL {
            stage.set(family);
            assert_eq!(check(&stage, family, 0).http().unwrap(), "backend1");
            vip(&stage.lab, "del", family, "backend1");
            first_one_fails(&stage, family, "the backend has no VIP");
            vip(&stage.lab, "add", family, "backend1");
            assert_eq!(check(&stage, family, 0).http().unwrap(), "backend1");
        }
        if mode.0.is_tunnel() {
            let receiver = stage.receivers.remove(0);
            receiver.run(&stage.lab, "backend1", &["stop", "--interface", "eth0"]).unwrap();
            for family in Family::ALL {
                stage.set(family);
                first_one_fails(&stage, family, "nothing decapsulates");
            }
        }
    }
}

/// Small requests work, full-size ones do not, as with clients.
#[test]
fn a_path_that_is_narrower_than_believed_fails_full_size_requests() {
    for mode in MODES {
        let mut stage = Stage::new(mode);
        stage.without_offloads();
        for family in Family::ALL {
            stage.set(family);
            assert_eq!(check(&stage, family, 0).http_padded(3000).unwrap(), "backend1", "{mode:?}");
        }
        stage.lab.run(ROUTER, "ip", &["link", "set", "backend1", "mtu", "1400"]).unwrap();
        for family in Family::ALL {
            stage.set(family);
            assert_eq!(check(&stage, family, 0).http().unwrap(), "backend1", "{mode:?} {family:?}");
            let full = check(&stage, family, 0).impatient().http_padded(3000);
            assert!(full.is_err(), "{mode:?} {family:?}");
            assert_eq!(check(&stage, family, 1).http_padded(3000).unwrap(), "backend2", "{mode:?}");
        }
    }
}

/// What does not fit the way that is known to be narrow is not even sent.
#[test]
fn what_is_too_big_is_dropped_and_counted() {
    let stage = Stage::new((Delivery::Ipip, Some(Family::V4)));
    let (_, counted) = stage.counted(|| check(&stage, Family::V4, 0).impatient().udp(1453).unwrap_err());
    assert_eq!(counted, BTreeMap::from([("too_big", 1)]));
    check(&stage, Family::V4, 0).udp(1452).unwrap();
    // TCP that was not told.
    let large = Check { mtu: 1500, ..check(&stage, Family::V4, 0).impatient() };
    let (_, counted) = stage.counted(|| large.http_padded(8000).unwrap_err());
    assert!(counted["too_big"] > 0, "{counted:?}");
}

#[test]
fn what_has_no_way_never_leaves() {
    let mut stage = Stage::new(MODES[0]);
    let mark = stage.mark(0);
    for held in [false, true] {
        if held {
            stage.lab.serve_on_edge().unwrap();
        }
        let path = stage.path.as_mut().unwrap();
        let emptied = path.set(&BTreeMap::new()).unwrap();
        assert_eq!(emptied, if held { 0 } else { BACKENDS.len() });
        for family in Family::ALL {
            let sent = frames(&stage.lab);
            let check = Check::new(&stage.lab, family, mark, 1500).impatient();
            let (packets, counted) = stage.counted(|| {
                assert!(check.http().is_err() && check.udp(10).is_err() && !check.ping());
                frames(&stage.lab) - sent
            });
            assert_eq!(counted.keys().collect::<Vec<_>>(), [&"no_target"], "{family:?}");
            // Neighbours may be asked whether they are there still.
            assert!(counted["no_target"] >= 3 && packets <= 2, "{family:?}: {packets} frames left");
        }
    }
    assert_eq!(stage.arrived(Family::V4), [0, 0]);
    assert_eq!(stage.arrived(Family::V6), [0, 0]);
}

/// Frames that left the edge.
fn frames(lab: &Lab) -> u64 {
    let count = || Ok(std::fs::read_to_string("/proc/net/dev")?);
    let text = lab.inside("edge", count).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("eth0:")).unwrap();
    line.split_whitespace().nth(9).unwrap().parse().unwrap()
}
