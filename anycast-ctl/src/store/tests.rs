mod crash;
mod creation;
mod damage;
mod disk;
mod history;

use super::{Author, Commit, Embedded, Revision, Snapshot, Store, StoreError, tables};
use disk::Disk;

/// A change whose every part says which one it is, so that a mixture of two would show.
fn change(number: u64) -> Commit {
    Commit {
        expected: Revision::new(number).previous(),
        author: Author::User { uid: 0, gid: Some(0), user: Some("root".into()), pid: 17 },
        summary: format!("backend weight web web-1 {number}"),
        text: text(number),
        runtime: runtime(number),
        applied_file: Some(format!("# file {number}\n")),
    }
}

fn text(number: u64) -> String {
    format!("seed = {number}\n").repeat(usize::try_from(number % 7).unwrap() * 100 + 1)
}

fn runtime(number: u64) -> Vec<u8> {
    format!("{{\"revision\":{number}}}").repeat(usize::try_from(number % 5).unwrap() * 200 + 1).into_bytes()
}

/// The number of the change the store holds, every part of which must be of that one; 0 when it is empty.
fn whole(store: &Embedded) -> u64 {
    let Snapshot { head, runtime: document, applied_file, verdicts: _ } = store.snapshot().unwrap();
    let Some(head) = head else {
        assert_eq!((document, applied_file), (None, None));
        return 0;
    };
    let number = head.record.revision.get();
    assert_eq!(head.text, text(number));
    assert_eq!(document, Some(runtime(number)));
    assert_eq!(applied_file, Some(format!("# file {number}\n")));
    let records = store.records(usize::MAX, None).unwrap();
    for (record, number) in records.iter().zip((1..=number).rev()) {
        assert_eq!(record.revision, Revision::new(number));
        assert_eq!(record.summary, change(number).summary);
        assert_eq!(store.revision(record.revision).unwrap().text, text(number));
    }
    number
}

/// A store on a disk of the tests.
fn store(disk: &Disk) -> Embedded {
    open(disk).unwrap()
}

fn open(disk: &Disk) -> Result<Embedded, StoreError> {
    let disk = disk.clone();
    let open = move || Ok(redb::Builder::new().create_with_backend(disk.clone())?);
    Embedded::over("disk".into(), Box::new(open))
}

/// A disk with an empty store.
fn formatted() -> Disk {
    let disk = Disk::default();
    tables::initialise(&redb::Builder::new().create_with_backend(disk.clone()).unwrap()).unwrap();
    disk
}
