//! A process that changes the store is killed at random points through 1,000 changes.

use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::{BuildHasher as _, Hasher as _},
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anycast_ctl::store::{Author, Commit, Embedded, Revision, Snapshot, Store, StoreError};

const CHANGES: u64 = 1_000;

/// Revisions that are kept: fewer than are made, so that pruning is under way at most kills.
const KEEP: u64 = 100;

/// Tells the writer its directory.
const DIRECTORY: &str = "ANYCAST_TEST_STORE";

/// Longest time between a start and its kill, in microseconds.
const LONGEST: u64 = 120_000;

#[test]
fn a_kill_at_any_moment_leaves_the_previous_or_the_next_revision() {
    if let Some(directory) = env::var_os(DIRECTORY) {
        return write(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut kills = 0;
    let mut between = 0;
    let mut head = 0;
    loop {
        let mut writer = Command::new(env::current_exe().unwrap());
        writer.args(["--exact", "kill::a_kill_at_any_moment_leaves_the_previous_or_the_next_revision"]);
        let mut writer = writer.env(DIRECTORY, directory.path()).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(random() % LONGEST));
        let ended = writer.try_wait().unwrap();
        if ended.is_none() {
            writer.kill().unwrap();
            writer.wait().unwrap();
            kills += 1;
        }
        // What was there before is not noted, where a kill came between its commit and its note.
        let answered = answered(directory.path()).max(head);
        head = whole(&directory.path().join("state"));
        assert!([answered, answered + 1].contains(&head), "{answered} were answered, {head} is the head");
        between += u64::from(head == answered + 1);
        if let Some(ended) = ended {
            assert!(ended.success(), "the writer failed");
            assert_eq!(head, CHANGES);
            break;
        }
    }
    eprintln!("{kills} kills, {between} of them between a commit and its answer");
    assert!(kills > 5, "{kills} kills");
}

/// The writer: goes on from the head, and notes every change that was answered.
fn write(directory: &Path) {
    let store = Embedded::open(&directory.join("state")).unwrap().keeping(KEEP);
    let notes = fs::File::options().write(true).create(true).truncate(false).open(directory.join("answered"));
    let notes = notes.unwrap();
    let first = store.head().unwrap().map_or(Revision::FIRST, |head| head.revision.next()).get();
    for number in first..=CHANGES {
        store.commit(change(number)).unwrap();
        notes.write_all_at(&number.to_le_bytes(), 0).unwrap();
    }
}

/// The last change that was answered. A kill between an answer and its note cannot be told from one before the answer.
fn answered(directory: &Path) -> u64 {
    let notes = fs::read(directory.join("answered")).unwrap_or_default();
    notes.try_into().map_or(0, u64::from_le_bytes)
}

/// The revision of the store, every part of which must be of that one; 0 in an empty one.
fn whole(directory: &Path) -> u64 {
    let store = match Embedded::open(directory) {
        Err(StoreError::InUse(_)) => panic!("the lock outlived its holder"),
        opened => opened.unwrap(),
    };
    let Snapshot { head, runtime, applied_file, verdicts: _ } = store.snapshot().unwrap();
    let Some(head) = head else {
        assert_eq!((runtime, applied_file), (None, None));
        return 0;
    };
    let number = head.record.revision.get();
    assert_eq!((runtime, applied_file), (Some(change(number).runtime), change(number).applied_file));
    let records = store.records(usize::MAX, None).unwrap();
    assert_eq!(records.len() as u64, number.min(KEEP));
    for (record, number) in records.iter().zip((1..=number).rev()) {
        assert_eq!((record.revision, &record.summary), (Revision::new(number), &change(number).summary));
    }
    for record in [records.first(), records.last()].into_iter().flatten() {
        assert_eq!(store.revision(record.revision).unwrap().text, change(record.revision.get()).text);
    }
    number
}

fn change(number: u64) -> Commit {
    Commit {
        expected: Revision::new(number).previous(),
        author: Author::User { uid: 0, gid: Some(0), user: None, pid: 1 },
        summary: format!("change {number}"),
        text: (0..number % 17 * 40).map(|line| format!("key{line} = {}\n", line * number)).collect(),
        runtime: format!("runtime {number}").into_bytes(),
        applied_file: Some(format!("# {number}\n")),
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
