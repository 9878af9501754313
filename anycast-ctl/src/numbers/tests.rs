use std::net::Ipv4Addr;

use super::*;
use crate::model::Vip;

mod history;

const CAPACITY: Capacity = Capacity { vips: 64, traffic_counters: 10_000, slots: 1 << 20 };

fn vip(name: &str, last: u8, pool: &str) -> Vip {
    Vip::new(name, Ipv4Addr::new(192, 0, 2, last).into(), vec!["tcp/80".parse().unwrap()], pool)
}

fn site(pools: Vec<Pool>, vips: Vec<Vip>) -> Site {
    Site { interfaces: vec!["eth0".into()], pools, vips, ..Site::default() }
}

fn address(last: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + last).into()
}

fn pool(name: &str, backends: &[u32]) -> Pool {
    let backends = backends.iter().map(|&last| Backend::new(format!("b{last}"), address(last)));
    Pool::new(name, backends.collect())
}

/// A pool `web` with two VIPs.
fn web(backends: &[u32]) -> Site {
    site(vec![pool("web", backends)], vec![vip("www", 1, "web"), vip("api", 2, "web")])
}

/// As the controller does that found nothing counted.
fn update(numbers: &mut Numbers, site: &Site, named: &BTreeSet<u16>) -> Vec<Occupant> {
    *numbers = numbers.after(site, named, &CAPACITY).unwrap();
    let forgotten = numbers.leaving().backends.iter().map(|(_, occupant)| occupant.clone()).collect();
    numbers.note_counted();
    numbers.release_counted();
    forgotten
}

#[test]
fn a_backend_that_comes_back_gets_its_seat_back() {
    let mut numbers = Numbers::default();
    update(&mut numbers, &web(&[1, 2, 3]), &BTreeSet::new());
    let before = numbers.get("web", address(2)).unwrap();
    update(&mut numbers, &web(&[1, 3, 4]), &BTreeSet::new());
    let removed: Vec<&str> = numbers.removed("web").iter().map(|gone| gone.backend.name.as_str()).collect();
    assert_eq!(removed, ["b2"]);
    let fourth = Seat { index: 3, generation: 0, first_counter: 6 };
    assert_eq!(numbers.get("web", address(4)).unwrap(), fourth);
    update(&mut numbers, &web(&[2]), &BTreeSet::new());
    let after = Seat { generation: before.generation + 1, ..before };
    assert_eq!(numbers.get("web", address(2)), Some(after), "the same seat, but none of the flows");
}

#[test]
fn an_index_that_slots_name_is_not_given_away() {
    let mut numbers = Numbers::default();
    // More removals than are remembered, in halves.
    let mut named = BTreeSet::new();
    for round in 0..3_u32 {
        let backends: Vec<u32> = (0..200).map(|last| round << 16 | last).collect();
        let forgotten = update(&mut numbers, &web(&backends), &named);
        assert!(forgotten.iter().all(|occupant| !named.contains(&occupant.index)));
        assert_eq!(forgotten.len(), [0, 0, 400 - MAX_REMOVED - 10][round as usize]);
        named.extend(0..10);
    }
    let forgotten = update(&mut numbers, &web(&[250]), &BTreeSet::new());
    assert!((0..10).all(|index| forgotten.iter().any(|occupant| occupant.index == index)));
}

#[test]
fn an_index_given_to_another_backend_has_another_generation() {
    let mut numbers = Numbers::default();
    let mut generations: BTreeMap<u16, u16> = BTreeMap::new();
    for round in 0..1000 {
        update(&mut numbers, &web(&[round]), &BTreeSet::new());
        let seat = numbers.get("web", address(round)).unwrap();
        let before = generations.insert(seat.index, seat.generation);
        assert_eq!(seat.generation, before.map_or(0, |generation| generation + 1));
    }
    assert!(generations.len() < 300, "indices are used again");
    assert!(numbers.counters.allocate(1, 2 * 300).is_some(), "and counters");
}

#[test]
fn what_does_not_fit_is_refused_with_the_key_to_raise() {
    let fits = Numbers::default().after(&web(&[1, 2]), &BTreeSet::new(), &CAPACITY).unwrap();
    let refusal = |site: &Site, capacity: &Capacity| {
        fits.after(site, &BTreeSet::new(), capacity).unwrap_err().to_string()
    };
    let small = Capacity { traffic_counters: 5, ..CAPACITY };
    let error = refusal(&web(&[1, 2, 3]), &small);
    assert!(
        error.contains("count 5; raise `traffic_counters` under [maps], then `anycast-ctl down`"),
        "{error}"
    );
    let mut third = web(&[1, 2]);
    third.vips.push(vip("new", 3, "web"));
    let error = refusal(&third, &Capacity { vips: 2, ..CAPACITY });
    assert!(error.contains("another vip: the maps that are loaded count 2; raise `vips`"), "{error}");
    let error = refusal(&web(&[1]), &Capacity { slots: 1000, ..CAPACITY });
    assert!(
        error.contains("need 196611 slots, the maps that are loaded hold 1000; raise `slots`"),
        "{error}"
    );
}

#[test]
fn a_removed_vip_keeps_its_number_until_it_was_read_and_cleared() {
    let first = site(vec![pool("web", &[1])], vec![vip("a", 1, "web")]);
    let second = site(vec![pool("web", &[1])], vec![vip("b", 1, "web")]);
    let third = site(vec![pool("web", &[1])], vec![vip("c", 1, "web")]);
    let next = |numbers: &Numbers, site| numbers.after(site, &BTreeSet::new(), &CAPACITY).unwrap();
    let numbers = next(&Numbers::default(), &first);
    let mut numbers = next(&numbers, &second);
    assert_eq!(numbers.vip("b", "web"), Some(VipNumbers { number: 2, ordinal: 1 }));
    numbers.note_counted();
    assert_eq!(numbers.counted_cells(), [0, 1], "of the backend's first block, and of its second");
    let mut numbers = next(&numbers, &third);
    assert_eq!(numbers.vip("c", "web"), Some(VipNumbers { number: 3, ordinal: 2 }));
    numbers.note_counted();
    numbers.release_counted();
    let numbers = next(&numbers, &first);
    assert_eq!(numbers.vip("a", "web"), Some(VipNumbers { number: 1, ordinal: 0 }));
}

#[test]
fn fresh_maps_keep_the_numbers_but_not_what_is_remembered() {
    let mut numbers = Numbers::default();
    update(&mut numbers, &web(&[1, 2, 3]), &BTreeSet::new());
    update(&mut numbers, &web(&[3, 4]), &BTreeSet::new());
    let before = numbers.get("web", address(3)).unwrap();
    numbers = numbers.for_fresh_maps();
    update(&mut numbers, &web(&[3, 4]), &BTreeSet::new());
    assert_eq!(numbers.get("web", address(3)), Some(Seat { first_counter: 0, ..before }));
    assert!(numbers.removed("web").is_empty());
}
