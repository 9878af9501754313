//! The directory and the file, and what is refused.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_store_is_made_for_its_owner_alone_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("lib/anycast/edge");
    let store = Embedded::open(&state).unwrap();
    assert_eq!((mode(&state), mode(store.path())), (0o700, 0o600));
    store.commit(change(1)).unwrap();
    drop(store);
    assert_eq!(whole(&Embedded::open(&state).unwrap()), 1);
    let files: Vec<_> = fs::read_dir(&state).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["store.redb"]);
}

#[test]
fn a_directory_that_is_there_keeps_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    fs::DirBuilder::new().mode(0o750).create(&state).unwrap();
    Embedded::open(&state).unwrap();
    assert_eq!(mode(&state), 0o750);
}

#[test]
fn a_store_has_one_opener() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path()).unwrap();
    let error = Embedded::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(store);
    Embedded::open(directory.path()).unwrap();
}

#[test]
fn of_many_openers_at_once_one_makes_the_store() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let state = directory.path().join(round.to_string());
        let open = || Embedded::open(&state);
        let opened = std::thread::scope(|scope| {
            let openers: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            openers.into_iter().map(|opener| opener.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1, "{opened:?}");
        assert!(opened.iter().all(|it| matches!(it, Ok(_) | Err(StoreError::InUse(_)))), "{opened:?}");
    }
}

#[test]
fn what_a_crash_left_of_the_making_is_no_store() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("store.redb.new"), [7; 5000]).unwrap();
    let store = Embedded::open(directory.path()).unwrap();
    store.commit(change(1)).unwrap();
    assert_eq!(whole(&store), 1);
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    fs::write(&path, "not a store").unwrap();
    let error = Embedded::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(&format!("mv {0} {0}.damaged", path.display())), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"not a store");
}

#[test]
fn a_later_format_is_refused() {
    let disk = formatted();
    let database = redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let transaction = database.begin_write().unwrap();
    let numbers = redb::TableDefinition::<&str, u64>::new("numbers");
    transaction.open_table(numbers).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, StoreError::NewerFormat { found: 2, known: 1, .. }), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Embedded::open(&file.join("state")).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("create the state directory {}", file.display())),
        "{error}"
    );
    let error = Embedded::open(&file).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("create the state directory {}", file.display())),
        "{error}"
    );
}
