//! Somebody changes the maps behind the daemon's back.

use std::{fmt::Write as _, num::NonZeroUsize, os::fd::AsFd as _};

use anycast_common::{directory::Directory, lookups::Lookups, slot::Table};
use anycast_ctl::api::types::ReconcileStatus;
use aya::maps::MapData;
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use serde_json::Value;
use xtask::lab::{Family, Lab};

use crate::{
    harness::{backend, status, steering, wait_for},
    steer::spread,
};

/// The id of one of the program's maps. The kernel cuts names to 15 characters.
fn map(lab: &Lab, name: &str) -> u64 {
    let json = |program: &str, words: &[&str]| -> Value {
        serde_json::from_str(&lab.run("edge", program, words).unwrap()).unwrap()
    };
    let links = json("ip", &["-json", "link", "show", "dev", "eth0"]);
    let program = links[0]["xdp"]["prog"]["id"].to_string();
    let program = json("bpftool", &["-j", "prog", "show", "id", &program]);
    let ids = program["map_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap());
    let named = |id: &u64| json("bpftool", &["-j", "map", "show", "id", &id.to_string()])["name"] == name;
    ids.into_iter().find(named).unwrap_or_else(|| panic!("no map {name}"))
}

fn bpftool(lab: &Lab, words: &str) {
    lab.run("edge", "bpftool", &words.split(' ').collect::<Vec<_>>()).unwrap();
}

/// The bytes of an entry of an array.
fn entry(lab: &Lab, map: u64, key: u32) -> Vec<u8> {
    let key = hex(&key.to_le_bytes());
    let words = format!("-j map lookup id {map} key {key}");
    let text = lab.run("edge", "bpftool", &words.split(' ').collect::<Vec<_>>()).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    let byte =
        |byte: &Value| u8::from_str_radix(byte.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    found["value"].as_array().unwrap().iter().map(byte).collect()
}

fn set(lab: &Lab, map: u64, key: u32, value: &[u8]) {
    bpftool(lab, &format!("map update id {map} key {} value {}", hex(&key.to_le_bytes()), hex(value)));
}

/// The map value that the daemon and packets share, for the rest of this process.
fn lookups(lab: &Lab) -> *mut Lookups {
    let data = MapData::from_id(u32::try_from(map(lab, "LOOKUPS")).unwrap()).unwrap();
    let length = NonZeroUsize::new(size_of::<Lookups>()).unwrap();
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a fresh shared mapping, at an address of the kernel's choice, of a map that has that many bytes.
    unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, data.fd().as_fd(), 0) }.unwrap().cast().as_ptr()
}

/// Changes what lies there, and answers what did before.
fn change<T: Copy>(at: *mut T, change: impl FnOnce(T) -> T) -> T {
    let before = read(at);
    // SAFETY: `at` is within a mapping of [`lookups`], plain memory that other processes write as well.
    unsafe { at.write_volatile(change(before)) };
    before
}

fn read<T: Copy>(at: *mut T) -> T {
    // SAFETY: as above.
    unsafe { at.read_volatile() }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("hex");
    bytes.iter().for_each(|byte| write!(text, " {byte:02x}").unwrap());
    text
}

fn reconcile(lab: &Lab, more: &[&str]) -> ReconcileStatus {
    serde_json::from_str(&lab.ctl(&[&["reconcile", "--json"], more].concat()).unwrap()).unwrap()
}

/// Found by a dry run, which leaves it; repaired on demand; steered as before.
fn assert_repaired(lab: &Lab, expected: &str) {
    for (more, repaired) in [(&["--dry-run"][..], false), (&[], true)] {
        let found = reconcile(lab, more);
        assert_eq!(found.repaired, repaired);
        assert!(found.drifted.iter().any(|words| words.contains(expected)), "{expected}: {found:?}");
    }
    assert_eq!(reconcile(lab, &[]).drifted, Vec::<String>::new());
    for family in Family::ALL {
        assert_eq!(spread(lab, family, 20).len(), 2, "after {expected}");
    }
}

#[test]
fn what_somebody_changed_is_named_and_repaired() {
    let lab = steering(2, 0);
    assert_eq!(reconcile(&lab, &[]).drifted, Vec::<String>::new());
    let page = lab.ctl(&["reconcile"]).unwrap();
    assert_eq!(page, "The maps hold what they should.\n");
    let [slots, devices] = ["SLOTS", "DEVICES"].map(|name| map(&lab, name));
    let shared = lookups(&lab);

    // A backend's MAC.
    // SAFETY: the value is as large as that.
    let backend = unsafe { &raw mut (*shared).backends[0] };
    let before = change(backend, |mut backend| {
        backend.destination[2] ^= 0xff;
        backend
    });
    assert_repaired(&lab, "is reached another way, or not at all");
    assert_eq!(read(backend), before);

    // Owners of a line of slots: nobody has that index.
    let before = entry(&lab, slots, 0);
    set(&lab, slots, 0, &[0x77; 64]);
    assert_repaired(&lab, "16 slots of pool web");
    assert_eq!(entry(&lab, slots, 0), before);

    // A pool has no table.
    // SAFETY: as above.
    let table = unsafe { &raw mut (*shared).tables[1] };
    let before = change(table, |_| Table::default());
    assert_repaired(&lab, "is not where it was put");
    assert_eq!(read(table), before);

    // Every VIP is gone.
    for copy in [0, 1] {
        // SAFETY: as above; a directory is numbers alone, for which zero is a value.
        unsafe {
            let directory: *mut Directory = &raw mut (*shared).directories[copy];
            directory.write_bytes(0, 1);
        }
    }
    assert_repaired(&lab, "VIP www4 is missing or differs");

    let eth0 = status(&lab).interfaces[0].index;
    bpftool(&lab, &format!("map delete id {devices} key {}", hex(&eth0.to_le_bytes())));
    assert_repaired(&lab, "packets may not be redirected to interface eth0");

    let drift = status(&lab).drift;
    assert!(drift.repaired >= 6 && drift.last.is_some(), "{drift:?}");
    let page = lab.ctl(&["status"]).unwrap();
    assert!(page.contains("Somebody changed the maps, last at"), "{page}");
    let log = lab.controller_log().unwrap();
    assert!(log.contains("somebody changed the maps: VIP www4 is missing or differs; "), "{log}");
}

#[test]
fn drift_is_found_without_being_asked_for() {
    let mut lab = crate::harness::idle(2, 0);
    lab.start_controller(&["--xdp-mode", "native", "--reconcile-every", "1s"]).unwrap();
    let slots = map(&lab, "SLOTS");
    let before = entry(&lab, slots, 5);
    set(&lab, slots, 5, &[0; 64]);
    wait_for("it is repaired", || entry(&lab, slots, 5) == before);
    wait_for("it is counted", || status(&lab).drift.repaired > 0);
    assert_eq!(backend(&lab, "web4", "backend1").slots + backend(&lab, "web4", "backend2").slots, 65_537);
}
