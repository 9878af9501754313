//! Revisions, compare-and-swap and the bounded history, against a list.

use proptest::prelude::*;

use super::*;
use crate::store::Record;

#[test]
fn an_empty_store_holds_nothing() {
    let store = Embedded::temporary().unwrap();
    assert_eq!(store.snapshot().unwrap(), Snapshot::default());
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.records(10, None).unwrap(), []);
    let error = store.revision(Revision::FIRST).unwrap_err();
    assert_eq!(error.to_string(), "there is no revision 1: the store is empty");
}

#[test]
fn the_loser_of_a_race_learns_who_won() {
    let store = Embedded::temporary().unwrap();
    let record = store.commit(change(1)).unwrap();
    let late = Commit { expected: Some(Revision::new(7)), ..change(2) };
    let error = store.commit(late).unwrap_err();
    assert!(matches!(&error, StoreError::Conflict { head: Some(head), .. } if *head == record), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "the change was made for revision 7, and the newest is revision 1 of {} by root (pid 17): backend weight web \
             web-1 1: look at what changed and try again",
            record.time
        )
    );
    assert_eq!(whole(&store), 1);
}

#[test]
fn exactly_one_of_many_writers_for_a_revision_wins() {
    let store = Embedded::temporary().unwrap();
    store.commit(change(1)).unwrap();
    for number in 2..20 {
        let won = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| store.commit(change(number)))).collect();
            writers.into_iter().filter_map(|writer| writer.join().unwrap().ok()).count()
        });
        assert_eq!((won, whole(&store)), (1, number));
    }
}

#[test]
fn authors_read_as_people_write_them() {
    let user =
        |user: Option<&str>| Author::User { uid: 1000, gid: None, user: user.map(str::to_owned), pid: 42 };
    assert_eq!(user(Some("anna")).to_string(), "anna (pid 42)");
    assert_eq!(user(None).to_string(), "uid 1000 (pid 42)");
    assert_eq!(Author::File { path: "/etc/a.toml".into() }.to_string(), "file /etc/a.toml");
    assert_eq!(Author::Daemon.to_string(), "anycast-ctl run");
    assert_eq!(serde_json::to_string(&Author::Daemon).unwrap(), r#"{"kind":"daemon"}"#);
    let json = serde_json::to_string(&user(Some("anna"))).unwrap();
    assert_eq!(json, r#"{"kind":"user","uid":1000,"user":"anna","pid":42}"#);
}

#[derive(Clone, Debug)]
enum Step {
    Commit { expected: Option<u64>, text: String, runtime: Vec<u8>, applied_file: Option<String> },
    Runtime(Vec<u8>),
    Applied(String),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let commit = (
        proptest::option::of(0..12_u64),
        ".{0,64}",
        proptest::collection::vec(any::<u8>(), 0..64),
        proptest::option::of(".{0,8}"),
    );
    prop_oneof![
        6 => commit.prop_map(|(expected, text, runtime, applied_file)| {
            Step::Commit { expected, text, runtime, applied_file }
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..64).prop_map(Step::Runtime),
        1 => ".{0,8}".prop_map(Step::Applied),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_store_holds_what_a_list_would(steps in proptest::collection::vec(step(), 1..24), keep in 1..6_u64) {
        let disk = formatted();
        let mut stored = store(&disk).keeping(keep);
        let mut list: Vec<(Record, String)> = Vec::new();
        let mut documents = (None, None);
        for step in steps {
            match step {
                Step::Commit { expected, text, runtime, applied_file } => {
                    let head = list.last().map(|(record, _)| record.revision);
                    let expected = expected.map(Revision::new);
                    let commit = Commit {
                        expected, text: text.clone(), runtime: runtime.clone(), applied_file: applied_file.clone(),
                        ..change(1)
                    };
                    match stored.commit(commit) {
                        Ok(record) => {
                            prop_assert!(expected.is_none() || expected == head);
                            prop_assert_eq!(record.revision, head.map_or(Revision::FIRST, Revision::next));
                            list.push((record, text));
                            documents = (Some(runtime), applied_file.or(documents.1));
                        }
                        Err(error) => prop_assert!(expected.is_some() && expected != head, "{}", error),
                    }
                }
                Step::Runtime(runtime) => {
                    stored.set_runtime(&runtime).unwrap();
                    documents.0 = Some(runtime);
                }
                Step::Applied(text) => {
                    stored.set_applied_file(&text).unwrap();
                    documents.1 = Some(text);
                }
                Step::Reopen => {
                    drop(stored);
                    stored = store(&disk).keeping(keep);
                }
            }
            let snapshot = stored.snapshot().unwrap();
            prop_assert_eq!((&snapshot.runtime, &snapshot.applied_file), (&documents.0, &documents.1));
            prop_assert_eq!(snapshot.head.map(|head| (head.record, head.text)), list.last().cloned());
            let kept: Vec<_> = list.iter().rev().take(usize::try_from(keep).unwrap()).collect();
            let records = stored.records(usize::MAX, None).unwrap();
            prop_assert_eq!(records.iter().collect::<Vec<_>>(), kept.iter().map(|it| &it.0).collect::<Vec<_>>());
            for (record, text) in kept {
                prop_assert_eq!(&stored.revision(record.revision).unwrap().text, text);
                let older = stored.records(1, Some(record.revision)).unwrap();
                prop_assert!(older.iter().all(|older| Some(older.revision) == record.revision.previous()));
            }
        }
    }
}
