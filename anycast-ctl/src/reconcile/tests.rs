use std::net::Ipv4Addr;

use super::*;
use crate::{
    model::{AdminState, Backend, Delivery, Pool, Vip},
    neighbour::{NextHop, Why},
    numbers::Capacity,
};

mod backups;
mod inherit;

fn site() -> Site {
    let backend = |last: u8| Backend {
        weight: u32::from(last),
        ..Backend::new(format!("b{last}"), Ipv4Addr::new(10, 0, 0, last).into())
    };
    let vip = |name: &str, last, pool: &str| {
        Vip::new(name, Ipv4Addr::new(192, 0, 2, last).into(), vec!["tcp/80".parse().unwrap()], pool)
    };
    let pool = |name: &str, backends| Pool::new(name, backends);
    Site {
        interfaces: vec!["eth0".into()],
        seed: Some(Seed::new(1)),
        pools: vec![pool("web", vec![backend(1), backend(2)]), pool("dns", vec![backend(3)])],
        vips: vec![vip("www", 1, "web"), vip("ns", 2, "dns"), vip("api", 3, "web")],
        ..Site::default()
    }
}

fn resolved(site: &Site) -> BTreeMap<IpAddr, Resolution> {
    let backends = site.pools.iter().flat_map(|pool| &pool.backends);
    backends.map(|backend| (backend.address, via(backend.address, 7))).collect()
}

fn via(address: IpAddr, ifindex: u32) -> Resolution {
    Resolution::Resolved(NextHop {
        ifindex,
        interface: "eth0".into(),
        neighbour: address,
        mac: [2, 0, 0, 0, 0, 9],
        source_mac: [2, 0, 0, 0, 0, 1],
        mtu: 1500,
        source: Some(Ipv4Addr::new(10, 0, 0, 254).into()),
    })
}

fn numbers(site: &Site) -> Numbers {
    let capacity = Capacity { vips: 64, traffic_counters: 100, slots: 1 << 20 };
    Numbers::default().after(site, &BTreeSet::new(), &capacity).unwrap()
}

fn kinds(operations: &[Operation]) -> Vec<String> {
    operations
        .iter()
        .map(|operation| match operation {
            Operation::AddDevice(device) => format!("add device {device}"),
            Operation::SuspendBackend(index) => format!("suspend backend {index}"),
            Operation::SetTunnel(index, _) => format!("set tunnel {index}"),
            Operation::SetBackend(index, _) => format!("set backend {index}"),
            Operation::PublishTable(pool, table) => format!("table {pool} of {}", table.members.len()),
            Operation::PublishDirectory(vips) => format!("directory of {}", vips.len()),
            Operation::RemoveTable(pool) => format!("remove table {pool}"),
            Operation::ClearBackend(index) => format!("clear backend {index}"),
            Operation::RemoveDevice(device) => format!("remove device {device}"),
        })
        .collect()
}

/// Applies the steps to a copy, as the kernel would.
fn apply(mut maps: Maps, operations: Vec<Operation>) -> Maps {
    operations.into_iter().for_each(|operation| maps.note(operation));
    maps
}

#[test]
fn a_first_start_builds_from_the_bottom_up() {
    let site = site();
    let wanted = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    let steps = operations(&Maps::default(), &wanted);
    assert_eq!(
        kinds(&steps),
        [
            "add device 7",
            "set backend 0",
            "set backend 1",
            "set backend 2",
            "table 0 of 2",
            "table 1 of 1",
            "directory of 3"
        ]
    );
    assert_eq!(apply(Maps::default(), steps), wanted);
    assert_eq!(operations(&wanted, &wanted), []);
    let ordinals: Vec<(u16, u32)> = wanted.directory.iter().map(|vip| (vip.pool, vip.ordinal)).collect();
    assert_eq!(ordinals, [(0, 0), (1, 0), (0, 1)]);
}

#[test]
fn the_site_says_who_takes_flows() {
    let mut site = site();
    let numbers = numbers(&site);
    let now = Utc::now();
    let maps = |site: &Site| wanted(site, &numbers, &Opinions::NONE, &resolved(site), now);
    let before = maps(&site);
    site.pools[0].backends[1].state = AdminState::Draining;
    let draining = maps(&site);
    assert_eq!(kinds(&operations(&before, &draining)), ["table 0 of 1"]);
    assert!(scope(&site, &numbers, &Opinions::NONE, now).backends.contains_key(&1));
    site.pools[0].backends[1].state = AdminState::Disabled;
    let disabled = maps(&site);
    assert_eq!(kinds(&operations(&before, &disabled)), ["table 0 of 1", "clear backend 1"]);
    assert!(!scope(&site, &numbers, &Opinions::NONE, now).backends.contains_key(&1));
}

#[test]
fn a_pool_may_have_a_seed_of_its_own() {
    let mut site = site();
    let maps = |site: &Site| {
        wanted(site, &numbers(site), &Opinions::NONE, &resolved(site), Utc::now()).tables[&0].clone()
    };
    let before = maps(&site);
    site.pools[0].seed = Some(Seed::new(2));
    let after = maps(&site);
    assert_ne!(before, after);
    assert_eq!(after.owners(1), before.owners(2));
}

#[test]
fn an_unresolved_backend_loses_its_slots_before_its_entry() {
    let site = site();
    let before = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    let mut resolutions = resolved(&site);
    let address = IpAddr::from([10, 0, 0, 2]);
    resolutions.insert(address, Resolution::Unresolved(Why::NoRoute { address }));
    let after = wanted(&site, &numbers(&site), &Opinions::NONE, &resolutions, Utc::now());
    let steps = operations(&before, &after);
    assert_eq!(kinds(&steps), ["table 0 of 1", "clear backend 1"]);
    assert_eq!(apply(before.clone(), steps), after);
    assert_eq!(kinds(&operations(&after, &before)), ["set backend 1", "table 0 of 2"]);
}

#[test]
fn a_pool_with_nobody_left_gets_an_empty_table() {
    let site = site();
    let before = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    let after = wanted(&site, &numbers(&site), &Opinions::NONE, &BTreeMap::new(), Utc::now());
    let steps = operations(&before, &after);
    assert_eq!(
        kinds(&steps),
        [
            "table 0 of 0",
            "table 1 of 0",
            "clear backend 0",
            "clear backend 1",
            "clear backend 2",
            "remove device 7"
        ]
    );
    assert_eq!(apply(before, steps), after);
}

#[test]
fn a_moved_backend_changes_its_entry_alone() {
    let site = site();
    let before = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    let mut resolutions = resolved(&site);
    let address = IpAddr::from([10, 0, 0, 1]);
    resolutions.insert(address, via(address, 8));
    let steps =
        operations(&before, &wanted(&site, &numbers(&site), &Opinions::NONE, &resolutions, Utc::now()));
    assert_eq!(kinds(&steps), ["add device 8", "set backend 0"]);
}

#[test]
fn a_weight_changes_one_table() {
    let mut site = site();
    let before = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    site.pools[0].backends[0].weight = 9;
    let steps =
        operations(&before, &wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now()));
    assert_eq!(kinds(&steps), ["table 0 of 2"]);
}

/// The steps between two sites that differ by a change, and what the maps hold after them.
fn steps_of(
    before: &Site,
    after: &Site,
    resolutions: impl Fn(&Site) -> BTreeMap<IpAddr, Resolution>,
) -> Vec<String> {
    let maps = |site: &Site| wanted(site, &numbers(site), &Opinions::NONE, &resolutions(site), Utc::now());
    let (before, after) = (maps(before), maps(after));
    let steps = operations(&before, &after);
    let kinds = kinds(&steps);
    assert_eq!(apply(before, steps), after);
    kinds
}

#[test]
fn outer_headers_come_before_the_backend_that_needs_them() {
    let mut site = site();
    site.pools[0].delivery = Delivery::Ipip;
    site.pools[0].backends[1].delivery = Some(Delivery::L2);
    let wanted = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    assert_eq!(
        kinds(&operations(&Maps::default(), &wanted)),
        [
            "add device 7",
            "set tunnel 0",
            "set backend 0",
            "set backend 1",
            "set backend 2",
            "table 0 of 2",
            "table 1 of 1",
            "directory of 3"
        ]
    );
    let (tunnelled, plain) = (wanted.backends[&0], wanted.backends[&1]);
    assert_eq!((tunnelled.mtu, tunnelled.overhead, plain.mtu, plain.overhead), (1480, 20, 1500, 0));
}

#[test]
fn a_delivery_changes_while_the_backend_is_suspended_and_keeps_its_slots() {
    let plain = site();
    let with = |delivery| {
        let mut site = plain.clone();
        site.pools[0].backends[0].delivery = Some(delivery);
        site
    };
    let (ipip, gue) = (with(Delivery::Ipip), with(Delivery::Gue));
    let renewed = ["suspend backend 0", "set tunnel 0", "set backend 0"];
    assert_eq!(steps_of(&plain, &ipip, resolved), renewed);
    assert_eq!(steps_of(&ipip, &gue, resolved), renewed);
    assert_eq!(steps_of(&gue, &plain, resolved), ["suspend backend 0", "set backend 0"]);
}

#[test]
fn outer_headers_change_in_place_where_that_is_one_word() {
    let tunnelled = |source: &str, ttl, v6| {
        let mut site = site();
        site.pools[0].backends[0].delivery = Some(Delivery::Gue);
        if v6 {
            site.pools[0].backends[0].address = "2001:db8::11".parse().unwrap();
        }
        (site.tunnel.sources, site.tunnel.ttl) = (vec![source.parse().unwrap()], ttl);
        site
    };
    let v4 = |source, ttl| tunnelled(source, ttl, false);
    let v6 = |source, ttl| tunnelled(source, ttl, true);
    // TTL, checksum and source lie in one word of IPv4's.
    let in_place = ["set tunnel 0"];
    let apart = ["suspend backend 0", "set tunnel 0", "set backend 0"];
    assert_eq!(steps_of(&v4("10.0.0.1", 64), &v4("10.0.0.2", 64), resolved), in_place);
    assert_eq!(steps_of(&v4("10.0.0.1", 64), &v4("10.0.0.2", 9), resolved), in_place);
    assert_eq!(steps_of(&v6("2001:db8::1", 64), &v6("2001:db8::2", 64), resolved), in_place);
    assert_eq!(steps_of(&v6("2001:db8::1", 64), &v6("2001:db8:1::2", 64), resolved), apart);
    assert_eq!(steps_of(&v6("2001:db8::1", 64), &v6("2001:db8::2", 9), resolved), apart);
    assert_eq!(steps_of(&v6("2001:db8::1", 64), &v6("2001:db8::1", 64), resolved), [""; 0]);
}

#[test]
fn a_smaller_path_changes_the_entry_alone() {
    let mut site = site();
    site.pools[0].delivery = Delivery::Ipip;
    let before = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    let mut resolutions = resolved(&site);
    let address = IpAddr::from([10, 0, 0, 1]);
    if let Some(Resolution::Resolved(next_hop)) = resolutions.get_mut(&address) {
        next_hop.mtu = 1400;
    }
    let after = wanted(&site, &numbers(&site), &Opinions::NONE, &resolutions, Utc::now());
    assert_eq!(kinds(&operations(&before, &after)), ["set backend 0"]);
    assert_eq!(after.backends[&0].mtu, 1380);
}

#[test]
fn this_host_needs_no_device_and_has_its_slots() {
    let mut site = site();
    site.pools[1].delivery = Delivery::Local;
    let own = |site: &Site| {
        let mut resolutions = resolved(site);
        let address = IpAddr::from([10, 0, 0, 3]);
        resolutions.insert(address, Resolution::Unresolved(Why::Local { address }));
        resolutions
    };
    let here = wanted(&site, &numbers(&site), &Opinions::NONE, &own(&site), Utc::now());
    assert_eq!(here.tables[&1].members.len(), 1);
    assert_eq!((here.backends[&2].ifindex, here.backends[&2].mtu), (0, u16::MAX));
    // Nothing is local that is somewhere else.
    let there = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    assert_eq!(kinds(&operations(&here, &there)), ["table 1 of 0", "clear backend 2"]);
}

#[test]
fn pings_are_answered_unless_the_vip_says_no() {
    let mut site = site();
    site.vips[1].echo = false;
    let wanted = wanted(&site, &numbers(&site), &Opinions::NONE, &resolved(&site), Utc::now());
    let answers: Vec<bool> = wanted.directory.iter().map(|vip| vip.answer_echo).collect();
    assert_eq!(answers, [true, false, true]);
}

#[test]
fn a_pool_that_goes_loses_its_table_after_the_directory_and_before_its_backends() {
    let before_site = site();
    let before_numbers = numbers(&before_site);
    let before = wanted(&before_site, &before_numbers, &Opinions::NONE, &resolved(&before_site), Utc::now());
    let mut after_site = before_site.clone();
    after_site.pools.retain(|pool| pool.name == "web");
    after_site.vips.retain(|vip| vip.pool == "web");
    after_site.vips.reverse();
    let capacity = Capacity { vips: 64, traffic_counters: 100, slots: 1 << 20 };
    let after_numbers = before_numbers.after(&after_site, &BTreeSet::new(), &capacity).unwrap();
    let after = wanted(&after_site, &after_numbers, &Opinions::NONE, &resolved(&after_site), Utc::now());
    let steps = operations(&before, &after);
    assert_eq!(kinds(&steps), ["directory of 2", "remove table 1", "clear backend 2"]);
    assert_eq!(apply(before.clone(), steps), after);
    let kept: Vec<&DirectoryEntry> = before.directory.iter().filter(|vip| vip.pool == 0).collect();
    assert_eq!(after.directory.iter().collect::<Vec<_>>(), kept, "the others are as they were");
}
