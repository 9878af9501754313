//! Who has the slots of a pool with backups.

use proptest::{collection::btree_set, prelude::*};

use super::*;
use crate::condition::{Marks, Names};

/// Two servers of this site, and three of another one that stand in for them.
fn site() -> Site {
    let mut site = super::site();
    let backend = |last: u8| Backend::new(format!("b{last}"), [10, 0, 0, last].into());
    let backup = |last: u8| Backend { backup: true, delivery: Some(Delivery::Gue), ..backend(last) };
    site.pools[0].backends = vec![backend(1), backup(11), backend(2), backup(12), backup(13)];
    site
}

/// Last octets of the addresses of those that take new flows, with those marked down and those that cannot be reached.
fn members(site: &Site, down: &[u8], unreached: &[u8], diverted: bool) -> Vec<u8> {
    let marks: Marks = down.iter().map(|last| ("web".to_owned(), [10, 0, 0, *last].into())).collect();
    let diverted: Names = diverted.then(|| "web".to_owned()).into_iter().collect();
    let opinions = Opinions { marks: &marks, diverted: &diverted, ..Opinions::NONE };
    let mut resolutions = resolved(site);
    for last in unreached {
        let address = IpAddr::from([10, 0, 0, *last]);
        resolutions.insert(address, Resolution::Unresolved(Why::NoRoute { address }));
    }
    let maps = wanted(site, &numbers(site), &opinions, &resolutions, Utc::now());
    let last = |member: &Member| match member.address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(_) => 0,
    };
    maps.tables[&0].members.iter().map(last).collect()
}

#[test]
fn backups_take_flows_while_nobody_else_can_and_then_all_of_them() {
    let site = site();
    for (down, unreached, expected) in [
        (&[][..], &[][..], &[1, 2][..]),
        (&[1], &[], &[2]),
        (&[12], &[], &[1, 2]),
        (&[1, 2], &[], &[11, 12, 13]),
        (&[], &[1, 2], &[11, 12, 13]),
        (&[1], &[2], &[11, 12, 13]),
        (&[1, 2, 12], &[13], &[11]),
        (&[1, 2, 11, 12, 13], &[], &[]),
    ] {
        assert_eq!(members(&site, down, unreached, false), expected, "{down:?} {unreached:?}");
    }
}

#[test]
fn a_diverted_pool_has_its_flows_at_backups_if_one_can_take_them() {
    let site = site();
    for (down, unreached, expected) in [
        (&[][..], &[][..], &[11, 12, 13][..]),
        (&[11], &[12], &[13]),
        (&[1, 2], &[], &[11, 12, 13]),
        // Nobody to take over: the site goes on.
        (&[11, 12, 13], &[], &[1, 2]),
        (&[], &[11, 12, 13], &[1, 2]),
        (&[2, 11], &[12, 13], &[1]),
        (&[1, 2], &[11, 12, 13], &[]),
    ] {
        assert_eq!(members(&site, down, unreached, true), expected, "{down:?} {unreached:?}");
    }
}

#[test]
fn whoever_takes_no_new_flows_keeps_those_it_has() {
    let mut site = site();
    let numbers = numbers(&site);
    let maps =
        |site: &Site, opinions: &Opinions<'_>| wanted(site, &numbers, opinions, &resolved(site), Utc::now());
    let before = maps(&site, &Opinions::NONE);
    assert_eq!(before.backends.len(), 6, "idle backups can be reached");
    let diverted = Names::from(["web".to_owned()]);
    let opinions = Opinions { diverted: &diverted, ..Opinions::NONE };
    let after = maps(&site, &opinions);
    assert_eq!(kinds(&operations(&before, &after)), ["table 0 of 3"]);
    assert_eq!(kinds(&operations(&after, &before)), ["table 0 of 2"]);
    assert_eq!(scope(&site, &numbers, &opinions, Utc::now()).backends.len(), 6);
    for backend in [0, 2] {
        site.pools[0].backends[backend].state = AdminState::Draining;
    }
    assert_eq!(maps(&site, &Opinions::NONE), after);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The packets of a site that is drained reach the other site in the end, and must find the same server there.
    #[test]
    fn backups_own_the_slots_that_they_own_at_their_own_site(
        own in btree_set(1_u8..100, 1..5),
        others in proptest::collection::btree_map(101_u8..250, 1_u32..5, 1..6),
        seed in any::<u64>(),
        how in 0_u8..3,
        mixed in any::<prop::sample::Index>(),
    ) {
        let backend = |last: u8, weight| Backend {
            weight,
            ..Backend::new(format!("b{last}"), [10, 0, 0, last].into())
        };
        let theirs: Vec<Backend> = others.iter().map(|(last, weight)| backend(*last, *weight)).collect();
        let there = Site { pools: vec![Pool::new("web", theirs.clone())], ..Site::default() };

        let mut backends: Vec<Backend> = own.iter().map(|last| backend(*last, 1)).collect();
        if how == 0 {
            backends.iter_mut().for_each(|backend| backend.state = AdminState::Draining);
        }
        let backups = theirs.iter().rev().map(|backend| Backend {
            name: format!("far-{}", backend.name),
            delivery: Some(Delivery::Ipip),
            backup: true,
            ..backend.clone()
        });
        let place = mixed.index(backends.len() + 1);
        backends.splice(place..place, backups);
        let here = Site { pools: vec![Pool::new("web", backends)], ..Site::default() };

        let down: Marks = own.iter().filter(|_| how == 1).map(|last| ("web".to_owned(), [10, 0, 0, *last].into())).collect();
        let diverted: Names = (how == 2).then(|| "web".to_owned()).into_iter().collect();
        let opinions = Opinions { marks: &down, diverted: &diverted, ..Opinions::NONE };
        let owners = |site: &Site, opinions: &Opinions<'_>| {
            let numbers = numbers(site);
            let maps = wanted(site, &numbers, opinions, &resolved(site), Utc::now());
            let addresses: BTreeMap<u16, IpAddr> =
                maps.tables[&0].members.iter().map(|member| (member.index, member.address)).collect();
            let slots = maps.tables[&0].owners(seed).unwrap();
            slots.iter().map(|owner| addresses[owner]).collect::<Vec<_>>()
        };
        prop_assert!(owners(&here, &opinions) == owners(&there, &Opinions::NONE));
    }

    /// In which order they are admitted is one.
    #[test]
    fn members_do_not_depend_on_the_order_of_a_pool(
        backups in proptest::collection::vec(any::<bool>(), 1..8).prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle()))
    ) {
        let admitted = |backups: &[bool]| {
            let mut table = Table { slots: 11, seed: None, members: Vec::new() };
            for &backup in backups {
                table.admit(Member { index: 0, address: [10, 0, 0, 1].into(), weight: 1, share: 1_000, backup });
            }
            (table.members.len(), table.members[0].backup)
        };
        prop_assert_eq!(admitted(&backups.0), admitted(&backups.1));
        prop_assert_eq!(admitted(&backups.0).1, backups.0.iter().all(|backup| *backup));
    }
}
