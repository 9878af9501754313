//! The store on a small disk that gets full.

use std::{fs, path::Path};

use anycast_ctl::store::{Author, Commit, Embedded, Revision, Store, StoreError};

use crate::disk::{inside, resize, with_size};

fn on_a_disk(size: &str, test: impl FnOnce(&Path) + Send) {
    inside(|| {
        let directory = tempfile::tempdir().unwrap();
        with_size(directory.path(), size);
        test(directory.path());
        nix::mount::umount(directory.path()).unwrap();
    });
}

/// A change that hardly compresses, so that some of them fill a disk.
fn change(number: u64) -> Commit {
    let mut random = number;
    let text = std::iter::repeat_with(|| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (random >> 60) as u8)
    });
    Commit {
        expected: Revision::new(number).previous(),
        author: Author::File { path: "site.toml".into() },
        summary: format!("change {number}"),
        text: text.take(100_000).collect(),
        runtime: number.to_string().into_bytes(),
        applied_file: None,
    }
}

fn whole(store: &Embedded) -> u64 {
    let snapshot = store.snapshot().unwrap();
    let head = snapshot.head.unwrap();
    let number = head.record.revision.get();
    assert_eq!(head.text, change(number).text);
    assert_eq!(snapshot.runtime, Some(number.to_string().into_bytes()));
    assert_eq!(store.records(usize::MAX, None).unwrap().len() as u64, number);
    number
}

/// Makes changes until there is no room; the last one that was made.
fn fill(store: &Embedded, first: u64) -> u64 {
    for number in first..1_000 {
        if let Err(error) = store.commit(change(number)) {
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
            let text = error.to_string();
            assert!(text.starts_with("there is no room to store the change in /"), "{text}");
            assert!(text.contains("nothing was changed; free some space there and try again"), "{text}");
            return number - 1;
        }
    }
    panic!("the disk never got full");
}

#[test]
fn a_change_that_does_not_fit_is_refused_and_fits_when_there_is_room() {
    on_a_disk("8m", |disk| {
        let state = disk.join("state");
        let store = Embedded::open(&state).unwrap();
        let made = fill(&store, 1);
        assert!(made > 10, "{made}");
        assert_eq!(whole(&store), made);
        // Again and again, and over a restart.
        assert_eq!(fill(&store, made + 1), made);
        assert_eq!(whole(&store), made);
        drop(store);
        let store = Embedded::open(&state).unwrap();
        assert_eq!(whole(&store), made);

        resize(disk, "32m");
        store.commit(change(made + 1)).unwrap();
        assert_eq!(whole(&store), made + 1);
    });
}

#[test]
fn what_others_leave_is_enough_for_the_room_that_is_reserved() {
    on_a_disk("24m", |disk| {
        let store = Embedded::open(&disk.join("state")).unwrap();
        store.commit(change(1)).unwrap();
        let others = disk.join("others");
        let filled = fs::write(&others, vec![1; 24 << 20]);
        assert!(filled.is_err(), "the disk is full");
        store.commit(change(2)).unwrap();
        let made = fill(&store, 3);
        assert_eq!(whole(&store), made);

        fs::remove_file(&others).unwrap();
        store.commit(change(made + 1)).unwrap();
        assert_eq!(whole(&store), made + 1);
    });
}

#[test]
fn a_full_disk_takes_no_store() {
    on_a_disk("64k", |disk| {
        let error = Embedded::open(&disk.join("state")).unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        resize(disk, "8m");
        Embedded::open(&disk.join("state")).unwrap().commit(change(1)).unwrap();
    });
}
