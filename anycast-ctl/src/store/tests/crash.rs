//! The disk fails, or the power goes, at every write and sync of a sequence of changes.

use std::ops::Range;

use super::{disk::Disk, *};

const CHANGES: u64 = 12;

/// Makes changes until one fails; the number of those that were made.
fn changes(store: &Embedded) -> u64 {
    (1..=CHANGES).take_while(|number| store.commit(change(*number)).is_ok()).count() as u64
}

/// The operations of all the changes, where nothing fails; those before them open the store.
fn operations(formatted: &Disk) -> Range<u64> {
    let disk = Disk::holding(formatted.bytes());
    let store = store(&disk);
    let opened = disk.operations();
    assert_eq!(changes(&store), CHANGES);
    opened..disk.operations()
}

#[test]
fn a_crash_at_any_write_leaves_the_previous_or_the_next_revision() {
    let formatted = formatted();
    let mut next = 0;
    for at in 0..operations(&formatted).end {
        let disk = Disk::holding(formatted.bytes());
        disk.fail(at..u64::MAX);
        let made = open(&disk).map_or(0, |store| changes(&store));
        for seed in 0..4 {
            let disk = disk.after_crash(at * 4 + seed);
            let store = store(&disk);
            let left = whole(&store);
            assert!([made, made + 1].contains(&left), "operation {at}, {seed}: {made} made, {left} left");
            next += u64::from(left == made + 1);
            store.commit(change(left + 1)).unwrap();
            assert_eq!(whole(&store), left + 1);
        }
    }
    assert!(next > 0, "no crash came between a sync and its answer");
}

#[test]
fn a_change_that_fails_changes_nothing_and_works_when_tried_again() {
    let formatted = formatted();
    let mut failed = 0;
    for at in operations(&formatted) {
        let disk = Disk::holding(formatted.bytes());
        let store = store(&disk);
        disk.fail(at..at + 1);
        for number in 1..=CHANGES {
            if let Err(error) = store.commit(change(number)) {
                assert!(matches!(error, StoreError::Full { .. }), "{error}");
                assert_eq!(whole(&store), number - 1, "operation {at}");
                failed += 1;
                store.commit(change(number)).unwrap();
            }
            assert_eq!(whole(&store), number, "operation {at}");
        }
    }
    assert!(failed > CHANGES, "{failed} failed");
}

#[test]
fn a_disk_that_fails_for_a_while_leaves_the_previous_or_the_next_revision() {
    let formatted = formatted();
    for at in operations(&formatted) {
        let disk = Disk::holding(formatted.bytes());
        let store = store(&disk);
        disk.fail(at..u64::MAX);
        let made = changes(&store);
        assert!(made < CHANGES);
        // The store may be closed by that: reads say so, or they are right.
        if let Ok(head) = store.head() {
            assert!([made, made + 1].contains(&head.map_or(0, |head| head.revision.get())));
        }
        assert!(store.set_runtime(b"lost").is_err());
        disk.fail(0..0);
        let left = whole(&store);
        assert!([made, made + 1].contains(&left), "operation {at}: {made} made, {left} left");
        store.commit(change(left + 1)).unwrap();
        assert_eq!(whole(&store), left + 1);
    }
}
