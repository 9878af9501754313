//! The tables: what every kind of packet comes to.

mod delivery;
mod echo;
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

use crate::table::Row;

/// Every table, by name.
fn tables() -> Vec<(&'static str, Vec<Row>)> {
    vec![
        ("delivery", delivery::rows()),
        ("echo", echo::rows()),
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
