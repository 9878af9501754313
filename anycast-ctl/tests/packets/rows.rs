//! The tables: what every kind of packet comes to.

mod delivery;
mod echo;
pub mod empty;
mod extension;
mod fragment;
mod icmp_error;
mod options;
mod pass;
mod refuse;
mod steer;
pub mod too_big;
mod tunnel;
mod vlan;

use anycast_ctl::model::HashPolicy;

use crate::{
    harness::Harness,
    packet::{BOTH, L4, to},
    site::{L2, State},
    table::{Row, check, reach},
};

/// Every table, by name.
fn tables() -> Vec<(&'static str, Vec<Row>)> {
    vec![
        ("delivery", delivery::rows()),
        ("echo", echo::rows()),
        ("empty", empty::rows()),
        ("extension", extension::rows()),
        ("fragment", fragment::rows()),
        ("icmp_error", icmp_error::rows()),
        ("options", options::rows()),
        ("pass", pass::rows()),
        ("refuse", refuse::rows()),
        ("steer", steer::rows()),
        ("too_big", too_big::rows()),
        ("tunnel", tunnel::rows()),
        ("vlan", vlan::rows()),
    ]
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let tables = tables();
    for (table, rows) in &tables {
        println!("{table}: {} rows", rows.len());
        for (position, row) in rows.iter().enumerate() {
            let is_new = rows[..position].iter().all(|other| other.name != row.name);
            assert!(is_new, "{table}: {}", row.name);
        }
    }
    let rows: usize = tables.iter().map(|table| table.1.len()).sum();
    println!("{rows} rows in {} tables", tables.len());
    assert!(rows >= 250, "{rows}");
}

const NARROW: [HashPolicy; 2] = [HashPolicy::SourceAddress, HashPolicy::SourceAndDestination];

/// Fragments and errors follow their flows, whatever is hashed.
#[test]
fn what_is_hashed_changes_nothing_else() {
    for hash in NARROW {
        let with_policy = |row: Row| Row { state: State { hash, ..row.state }, ..row };
        let mut harness = Harness::new();
        for (table, rows) in tables() {
            if table != "too_big" {
                check(&mut harness, &rows.into_iter().map(with_policy).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn all_flows_of_a_source_reach_one_backend() {
    for (hash, other_vip_too) in NARROW.into_iter().zip([true, false]) {
        let mut harness = Harness::new();
        harness.set(&State { hash, ..L2 });
        for (vip, other) in BOTH.into_iter().zip(["192.0.2.3", "2001:db8:0:1::3"]) {
            let flows = (1024..1100).flat_map(|port| [L4::Udp(port, 53), L4::Udp(53, port)]);
            let backends = |harness: &mut Harness, vip: &str| -> Vec<u16> {
                let served = flows.clone().filter(|l4| vip == other || matches!(l4, L4::Udp(_, 53)));
                let mut reached: Vec<u16> = served.map(|l4| reach(harness, "narrow", &to(vip, l4))).collect();
                reached.dedup();
                reached
            };
            let (reached, elsewhere) = (backends(&mut harness, vip), backends(&mut harness, other));
            assert_eq!((reached.len(), elsewhere.len()), (1, 1), "{hash:?} {vip}");
            assert!(!other_vip_too || reached == elsewhere, "{hash:?} {vip}");
        }
    }
}
