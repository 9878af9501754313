use std::collections::HashMap;

use anycast_common::slot::Slot;

use super::*;

/// The backend that drains, and those that have its slots after and had them before.
const IT: u16 = 3;
const NEXT: u16 = 4;
const BEFORE: u16 = 5;

fn census(slots: &[Slot]) -> Census {
    Census::of(slots)
}

/// A sweep that found so many pins and embryonic flows of the backend.
fn outcome(pins: u64, embryonic: u64) -> Outcome {
    let of = |flows: u64| if flows == 0 { HashMap::new() } else { HashMap::from([(IT, flows)]) };
    Outcome {
        pins,
        embryonic,
        pins_by_backend: of(pins),
        embryonic_by_backend: of(embryonic),
        ..Outcome::default()
    }
}

/// The backend lost its slots at tick 10, to the owners that are there now.
fn drained(before: &[Slot], after: &[Slot]) -> Found {
    let mut found = Found::since(0);
    found.note_swept(Outcome::default(), 5);
    found.note_published(&census(before), &census(after), 10);
    found
}

#[test]
fn what_was_found_before_the_slots_moved_counts_for_nothing() {
    // It had but slots in transition: none names it afterwards, and all its flows are records.
    let after = [Slot::in_transition(NEXT, BEFORE)];
    let mut found = drained(&[Slot::in_transition(IT, BEFORE)], &after);
    let remains = |found: &Found| Remains::of(IT, Some(&census(&after)), found);
    let first = Remains { owned: 0, slots: 0, flows: 0, seen: false };
    assert_eq!(remains(&found), first);
    assert!(!first.is_nothing() && first.is_unseen());
    // A sweep that was under way, and one that began too soon after.
    for began in [9, 10, 11] {
        found.note_swept(outcome(0, 0), began);
        assert!(remains(&found).is_unseen(), "{began}");
    }
    found.note_swept(outcome(2, 1), 12);
    assert_eq!(remains(&found), Remains { flows: 3, seen: true, ..first });
    found.note_swept(outcome(0, 1), 17);
    assert!(!remains(&found).is_nothing());
    found.note_swept(outcome(0, 0), 22);
    assert!(remains(&found).is_nothing());
}

#[test]
fn slots_that_wait_for_its_flows_hold_it() {
    let (moved, settled) = ([Slot::in_transition(NEXT, IT), Slot::stable(NEXT)], [Slot::stable(NEXT); 2]);
    let mut found = drained(&[Slot::stable(IT), Slot::stable(NEXT)], &moved);
    found.note_swept(outcome(0, 0), 20);
    let waits = Remains::of(IT, Some(&census(&moved)), &found);
    assert_eq!((waits.slots, waits.seen, waits.is_nothing()), (1, true, false));
    // A sweep makes slots stable after it counted: the census is newer than its figures.
    assert!(Remains::of(IT, Some(&census(&settled)), &found).is_nothing());
    // Pins of a pool with `udp = "pinned"` hold nothing in transition, and count.
    found.note_swept(outcome(1, 0), 25);
    assert!(!Remains::of(IT, Some(&census(&settled)), &found).is_nothing());
}

#[test]
fn whoever_has_slots_has_flows() {
    let has = [Slot::stable(IT)];
    let mut found = Found::since(0);
    found.note_swept(outcome(0, 0), 100);
    let remains = Remains::of(IT, Some(&census(&has)), &found);
    assert!(!remains.is_nothing() && !remains.is_unseen());
    // They come back, and go again: that is the time that counts.
    found.note_published(&census(&has), &census(&[Slot::in_transition(NEXT, IT)]), 101);
    found.note_published(&census(&[]), &census(&has), 110);
    found.note_published(&census(&has), &census(&[Slot::stable(NEXT)]), 120);
    found.note_swept(outcome(0, 0), 121);
    assert!(Remains::of(IT, Some(&census(&[])), &found).is_unseen());
}

#[test]
fn a_daemon_that_was_just_started_knows_nothing() {
    let mut found = Found::since(1_000);
    let remains = |found: &Found| Remains::of(IT, None, found);
    assert!(remains(&found).is_unseen());
    found.note_swept(outcome(0, 0), 1_001);
    assert!(remains(&found).is_unseen());
    found.note_swept(outcome(0, 0), 1_004);
    assert!(remains(&found).is_nothing());
}

#[test]
fn only_a_draining_backend_among_others_is_removed() {
    let backend = |n: u8, state, when_drained| Backend {
        state,
        when_drained,
        ..Backend::new(format!("b{n}"), [10, 0, 0, n].into())
    };
    let other = backend(2, AdminState::Disabled, WhenDrained::Keep);
    for (state, when_drained, expected) in [
        (AdminState::Draining, WhenDrained::Remove, true),
        (AdminState::Draining, WhenDrained::Keep, false),
        (AdminState::Active, WhenDrained::Remove, false),
        (AdminState::Disabled, WhenDrained::Remove, false),
    ] {
        let it = backend(1, state, when_drained);
        let alone = Pool::new("web", vec![it.clone()]);
        let pool = Pool::new("web", vec![it.clone(), other.clone()]);
        assert_eq!(
            (removes(&pool, &it), removes(&alone, &it)),
            (expected, false),
            "{state} {when_drained:?}"
        );
    }
}

#[test]
fn the_last_that_is_no_backup_is_not_removed() {
    let backend = |n: u8, backup| Backend {
        backup,
        state: AdminState::Draining,
        when_drained: WhenDrained::Remove,
        ..Backend::new(format!("b{n}"), [10, 0, 0, n].into())
    };
    let (one, other, backup) = (backend(1, false), backend(2, false), backend(3, true));
    let pool = Pool::new("web", vec![one.clone(), other.clone(), backup.clone()]);
    assert!(removes(&pool, &one) && removes(&pool, &backup));
    let pool = Pool::new("web", vec![one.clone(), backup.clone()]);
    assert!(!removes(&pool, &one) && removes(&pool, &backup));
}
