use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::model::{OnUnknownPort, Pool, Vip};

fn site(backends: &[u8]) -> Site {
    let vip = |name: &str, last| Vip {
        name: name.into(),
        address: Ipv4Addr::new(192, 0, 2, last).into(),
        services: vec!["tcp/80".parse().unwrap()],
        pool: "web".into(),
        on_unknown_port: OnUnknownPort::Pass,
        echo: true,
    };
    let backends =
        backends.iter().map(|&last| Backend::new(format!("b{last}"), Ipv4Addr::new(10, 0, 0, last).into()));
    Site {
        interfaces: vec!["eth0".into()],
        pools: vec![Pool::new("web", backends.collect())],
        vips: vec![vip("www", 1), vip("api", 2)],
        ..Site::default()
    }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

#[test]
fn a_backend_that_comes_back_gets_its_seat_back() {
    let mut seats = Seats::new(64);
    seats.update(&site(&[1, 2, 3]), &BTreeSet::new()).unwrap();
    let before = seats.get("web", address(2)).unwrap();
    seats.update(&site(&[1, 3, 4]), &BTreeSet::new()).unwrap();
    assert_eq!(
        seats.removed("web").iter().map(|gone| gone.backend.name.as_str()).collect::<Vec<_>>(),
        ["b2"]
    );
    assert_eq!(seats.get("web", address(4)).unwrap(), Seat { index: 3, generation: 0, first_counter: 6 });
    seats.update(&site(&[2]), &BTreeSet::new()).unwrap();
    let after = Seat { generation: before.generation + 1, ..before };
    assert_eq!(seats.get("web", address(2)), Some(after), "the same seat, but none of the flows");
}

#[test]
fn an_index_that_slots_name_is_not_given_away() {
    let addresses = |from: u8, count: u8| (from..from + count).collect::<Vec<u8>>();
    let mut seats = Seats::new(10_000);
    // More removals than are remembered, in halves.
    let mut named = BTreeSet::new();
    for pool in 0..3 {
        let mut site = site(&addresses(0, 200));
        for backend in &mut site.pools[0].backends {
            let IpAddr::V4(v4) = backend.address else { unreachable!() };
            backend.address = Ipv4Addr::from_bits(v4.to_bits() + (pool << 16)).into();
        }
        let forgotten = seats.update(&site, &named).unwrap();
        assert!(forgotten.iter().all(|occupant| !named.contains(&occupant.seat.index)));
        assert_eq!(forgotten.len(), [0, 0, 400 - MAX_REMOVED - 10][pool as usize]);
        named.extend(0..10);
    }
    let forgotten = seats.update(&site(&[250]), &BTreeSet::new()).unwrap();
    assert!((0..10).all(|index| forgotten.iter().any(|occupant| occupant.seat.index == index)));
}

#[test]
fn an_index_given_to_another_backend_has_another_generation() {
    let mut seats = Seats::new(10_000);
    let mut generations: BTreeMap<u16, u16> = BTreeMap::new();
    for round in 0..1000u32 {
        let mut site = site(&[]);
        let address = Ipv4Addr::from_bits(0x0a00_0000 + round).into();
        site.pools[0].backends.push(Backend::new(format!("b{round}"), address));
        seats.update(&site, &BTreeSet::new()).unwrap();
        let seat = seats.get("web", address).unwrap();
        let before = generations.insert(seat.index, seat.generation);
        assert_eq!(seat.generation, before.map_or(0, |generation| generation + 1));
    }
    assert!(generations.len() < 300, "indices are used again");
}

#[test]
fn no_counter_left_is_an_error() {
    let mut seats = Seats::new(5);
    assert_eq!(seats.update(&site(&[1, 2, 3]), &BTreeSet::new()).unwrap_err(), SeatsError::Counters(5));
    let second = seats.get("web", address(2)).unwrap();
    assert_eq!(
        second,
        Seat { index: 1, generation: 0, first_counter: 2 },
        "those that found room keep their seats"
    );
}

proptest! {
    /// Seats of backends that may still be named never overlap, and a backend that stays keeps its seat.
    #[test]
    fn seats_are_unique_and_stay(steps in prop::collection::vec(prop::collection::btree_set(1u8..40, 1..20), 1..60)) {
        let mut seats = Seats::new(10_000);
        let mut before: BTreeMap<u8, Seat> = BTreeMap::new();
        for backends in steps {
            seats.update(&site(&backends.iter().copied().collect::<Vec<_>>()), &BTreeSet::new()).unwrap();
            let taken: Vec<Seat> = seats.occupants.values().map(|occupant| occupant.seat).collect();
            let indices: BTreeSet<u16> = taken.iter().map(|seat| seat.index).collect();
            let counters: BTreeSet<u32> =
                taken.iter().flat_map(|seat| [seat.first_counter, seat.first_counter + 1]).collect();
            prop_assert_eq!((indices.len(), counters.len()), (taken.len(), 2 * taken.len()));
            let after: BTreeMap<u8, Seat> =
                backends.iter().map(|&last| (last, seats.get("web", address(last)).unwrap())).collect();
            for (last, seat) in &before {
                prop_assert!(after.get(last).is_none_or(|now| now == seat));
            }
            before = after;
        }
    }
}

#[test]
fn churn_does_not_run_out_of_seats() {
    let mut seats = Seats::new(2 * (MAX_REMOVED as u32 + 4));
    let mut lost = 0;
    for round in 0..2000u32 {
        let mut site = site(&[]);
        let address = Ipv4Addr::from_bits(0x0a00_0000 + round).into();
        site.pools[0].backends.push(Backend::new(format!("b{round}"), address));
        lost += seats.update(&site, &BTreeSet::new()).unwrap().len();
    }
    assert_eq!(lost, 2000 - 1 - MAX_REMOVED);
}
