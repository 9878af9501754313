use super::*;

const FILE: &str = "interfaces = [\"eth0\"]\n";

/// Starts with that file; the revision that is desired then.
fn start(store: &dyn Store, text: &str) -> u64 {
    let snapshot = store.snapshot().unwrap();
    let runtime = Runtime::read(snapshot.runtime.as_deref()).unwrap();
    let desired = Desired::read(Some(("site.toml".into(), text.to_owned())), &snapshot).unwrap();
    let (site, head, _) = desired.store(store, &runtime).unwrap();
    let head = head.unwrap();
    assert_eq!(store.revision(head.revision).unwrap().text, config::to_toml(&site));
    head.revision.get()
}

/// Somebody adds an interface.
fn edit(store: &dyn Store) {
    let site = config::parse("interfaces = [\"eth0\", \"eth1\"]", "edit").unwrap();
    let author = Author::User { uid: 0, gid: Some(0), user: None, pid: 1 };
    let text = config::to_toml(&site);
    let summary = "edit".to_owned();
    store
        .commit(Commit { expected: None, author, summary, text, runtime: b"{}".to_vec(), applied_file: None })
        .unwrap();
}

#[test]
fn a_file_is_applied_when_it_says_something_else_than_when_it_was_last_applied() {
    let store = Embedded::temporary().unwrap();
    assert_eq!(start(&store, FILE), 1);
    assert_eq!(start(&store, FILE), 1);
    edit(&store);
    assert_eq!(start(&store, FILE), 2, "an untouched file leaves edits alone");
    assert_eq!(start(&store, "interfaces = [\"eth9\"]"), 3);
}

#[test]
fn a_file_that_was_touched_without_effect_leaves_later_edits_alone() {
    let store = Embedded::temporary().unwrap();
    assert_eq!(start(&store, FILE), 1);
    let touched = format!("# why\n{FILE}");
    assert_eq!(start(&store, &touched), 1);
    edit(&store);
    assert_eq!(start(&store, &touched), 2);
}
