//! Checks reach the backend they are for, and no other, in each way of delivery.

use std::collections::BTreeMap;

use xtask::lab::{Family, INTERFACE};

use crate::{
    harness::{BACKENDS, MODES, Stage, outcome_of, way},
    socket::Check,
};

/// As the backend's entry has it.
fn mtu(stage: &Stage, family: Family) -> u16 {
    way(&stage.lab, stage.mode, family, "backend1").backend.mtu
}

/// TCP, UDP and ICMP, of each family, to each backend.
fn every_backend_is_reached(stage: &mut Stage) {
    for family in Family::ALL {
        stage.set(family);
        for (place, name) in ["backend1", "backend2"].into_iter().enumerate() {
            let mode = stage.mode;
            let check = Check::new(&stage.lab, family, stage.mark(place), mtu(stage, family));
            let before = stage.arrived(family);
            let ((), counted) = stage.counted(|| {
                assert_eq!(check.http().unwrap(), name, "{mode:?} {family:?}");
                check.udp(1000).unwrap();
                assert!(check.ping(), "{mode:?} {family:?} {name}");
            });
            let after = stage.arrived(family);
            let arrived = [after[0] - before[0], after[1] - before[1]];
            assert_eq!(arrived[1 - place], 0, "{mode:?} {family:?}: another backend got packets");
            let expected = BTreeMap::from([(outcome_of(mode).label(), arrived[place])]);
            assert_eq!(counted, expected, "{mode:?} {family:?} {name}");
        }
    }
}

#[test]
fn checks_reach_their_backend_whether_the_edge_holds_the_vip_or_not() {
    for mode in MODES {
        let mut stage = Stage::new(mode);
        every_backend_is_reached(&mut stage);
        stage.without_offloads();
        every_backend_is_reached(&mut stage);
        stage.lab.serve_on_edge().unwrap();
        stage.lab.run("edge", "sysctl", &["-qw", "net.ipv4.conf.eth0.accept_local=1"]).unwrap();
        every_backend_is_reached(&mut stage);
    }
}

/// What docs/operations.md says of hosts that hold the VIP.
#[test]
fn ipv4_answers_of_a_held_vip_are_martians_without_accept_local() {
    let mut stage = Stage::new(MODES[0]);
    stage.lab.serve_on_edge().unwrap();
    let takes = || stage.lab.inside("edge", || Ok(anycast_ctl::health::path::takes_own_source(INTERFACE)));
    assert_eq!(takes().unwrap(), Some(false));
    let check = Check::new(&stage.lab, Family::V4, stage.mark(0), 1500).impatient();
    let (refused, counted) = stage.counted(|| check.http().is_err());
    assert!(refused && counted["l2"] > 0, "{counted:?}");
    stage.lab.run("edge", "sysctl", &["-qw", "net.ipv4.conf.all.accept_local=1"]).unwrap();
    assert_eq!(takes().unwrap(), Some(true));
    assert_eq!(Check::new(&stage.lab, Family::V4, stage.mark(0), 1500).http().unwrap(), "backend1");
    stage.lab.run("edge", "sysctl", &["-qw", "net.ipv4.conf.all.accept_local=0"]).unwrap();
    stage.set(Family::V6);
    assert_eq!(Check::new(&stage.lab, Family::V6, stage.mark(1), 1500).http().unwrap(), "backend2");
}

#[test]
fn instances_have_marks_and_ways_of_their_own() {
    let stage = Stage::new(MODES[0]);
    let mut other = stage.open("another");
    assert_ne!(other.mark(BACKENDS[0]), stage.mark(0));
    // The same index, another backend.
    let ways = BTreeMap::from([(BACKENDS[0], way(&stage.lab, MODES[0], Family::V4, "backend2"))]);
    assert_eq!(other.set(&ways).unwrap(), 1);
    let http = |mark| Check::new(&stage.lab, Family::V4, mark, 1500).http().unwrap();
    assert_eq!(http(stage.mark(0)), "backend1");
    assert_eq!(http(other.mark(BACKENDS[0])), "backend2");
    let of_other: u64 = other.counters().unwrap().iter().map(|(_, packets)| packets).sum();
    let ((), counted) = stage.counted(|| drop(http(other.mark(BACKENDS[0]))));
    assert_eq!(counted, BTreeMap::new());
    assert!(other.counters().unwrap().iter().map(|(_, packets)| packets).sum::<u64>() > of_other);
    // One goes, the other stays.
    stage.on_edge(other.close()).unwrap();
    assert_eq!(http(stage.mark(0)), "backend1");
}

#[test]
fn what_is_not_marked_is_left_alone() {
    let stage = Stage::new(MODES[0]);
    let ((), counted) = stage.counted(|| {
        for family in Family::ALL {
            let own = stage.lab.plan().backends[0].addresses.of(family);
            for mark in [0, 1, 0x1234_0000, 0x0000_8000] {
                let plain = Check { vip: own, ..Check::new(&stage.lab, family, mark, 1500) };
                assert_eq!(plain.http().unwrap(), "backend1");
            }
        }
    });
    assert_eq!(counted, BTreeMap::new());
}
