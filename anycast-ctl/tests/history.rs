//! The history by API and command line, over a real store, with a controller that stores what it is asked for.

#![expect(clippy::unwrap_used, reason = "a test panics when it is wrong")]

use std::{
    process::{Command, Output},
    sync::Arc,
    thread::{self, JoinHandle},
};

use anycast_ctl::{
    api::{
        link::{Link, link},
        request::{Order, Proposal, Request, RequestError, Shown},
        server,
        socket::Socket,
        types::{Committed, PlanStatus},
    },
    config,
    model::{Edit, Site, SiteDiff},
    store::{Author, Commit, Embedded, Revision, Store, StoreError},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

const SITE: &str = r#"
interfaces = ["eth0"]
seed = "00000000000000aa"

[[pool]]
name = "web"

[[pool.backend]]
name = "web-1"
address = "10.0.0.11"

[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/80"]
pool = "web"
"#;

struct Daemon {
    directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    fn start(store: Embedded) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, started) = std::sync::mpsc::channel();
        let store: Arc<dyn Store> = Arc::new(store);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let socket = Socket::bind(&path).unwrap();
                ready.send(()).unwrap();
                let (link, end): (Link, _) = link(0);
                tokio::spawn(control(store, end.requests));
                server::serve(socket, link, async { drop(stopped.await) }).await.unwrap();
            });
        });
        started.recv().unwrap();
        Self { directory, stop: Some(stop), thread: Some(thread) }
    }

    fn ctl(&self, words: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anycast-ctl"));
        command.args(words.split_whitespace()).env("ANYCAST_SOCKET", self.directory.path().join("s"));
        command.output().unwrap()
    }

    /// What it prints on success.
    #[track_caller]
    fn says(&self, words: &str) -> String {
        let output = self.ctl(words);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it complains of when it fails.
    #[track_caller]
    fn complains(&self, words: &str) -> String {
        let output = self.ctl(words);
        assert_eq!(output.status.code(), Some(1), "{words}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        let thread = self.thread.take().unwrap();
        assert!(thread.join().is_ok() || thread::panicking());
    }
}

async fn control(store: Arc<dyn Store>, mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        match request {
            Request::Store(reply) => drop(reply.send(Ok(Arc::clone(&store)))),
            Request::Change(order, reply) => drop(reply.send(change(store.as_ref(), order))),
            Request::Plan(order, reply) => drop(reply.send(Ok(plan(store.as_ref(), &order)))),
            Request::Show(_, reply) => drop(reply.send(Ok(Shown::Nothing))),
            Request::Status(_)
            | Request::Site(_)
            | Request::Slots { .. }
            | Request::Explain { .. }
            | Request::EndToShow(_)
            | Request::BeginToShow(..)
            | Request::TraceSource(_)
            | Request::Book(_)
            | Request::Flows(_)
            | Request::Reconcile { .. }
            | Request::Announce { .. }
            | Request::Hook(..) => {
                unreachable!()
            }
        }
    }
}

fn present(store: &dyn Store) -> Site {
    config::parse(&store.snapshot().unwrap().head.unwrap().text, "head").unwrap()
}

fn edit(order: &Order) -> &Edit {
    let Proposal::Edit(edit) = &order.proposal else { panic!("{order:?}") };
    edit
}

fn change(store: &dyn Store, order: Order) -> Result<Committed, RequestError> {
    let site = edit(&order).apply(&present(store)).unwrap();
    let diff = SiteDiff::between(&present(store), &site);
    let summary = edit(&order).summary();
    let Order { expected, author, applied_file, .. } = order;
    let commit =
        Commit { expected, author, summary, text: config::to_toml(&site), runtime: vec![], applied_file };
    let record = store.commit(commit).map_err(|error: StoreError| RequestError::from(error))?;
    Ok(Committed { revision: record.revision.get(), changed: true, diff })
}

fn plan(store: &dyn Store, order: &Order) -> PlanStatus {
    let before = present(store);
    let diff = SiteDiff::between(&before, &edit(order).apply(&before).unwrap());
    let revision = store.head().unwrap().unwrap().revision.get();
    let what = edit(order).summary();
    PlanStatus { revision, what, diff, pools: vec![], vips: vec![], notes: vec![] }
}

/// Revision n has a weight of n; from the third on there is another seed.
fn stored(revisions: u64) -> Embedded {
    let store = Embedded::temporary().unwrap();
    for number in 1..=revisions {
        let mut text = SITE.replace("10.0.0.11\"", &format!("10.0.0.11\"\nweight = {number}"));
        if number >= 3 {
            text = text.replace("aa", "bb");
        }
        let author = match number {
            1 => Author::File { path: "/etc/anycast/site.toml".into() },
            _ => Author::User { uid: 1000, gid: None, user: Some("anna".into()), pid: 17 },
        };
        let commit = Commit {
            expected: Revision::new(number).previous(),
            author,
            summary: format!("backend weight web web-1 {number}"),
            text: config::to_toml(&config::parse(&text, "test").unwrap()),
            runtime: vec![],
            applied_file: None,
        };
        store.commit(commit).unwrap();
    }
    store
}

#[test]
fn the_history_says_who_changed_what_and_when() {
    let daemon = Daemon::start(stored(25));
    let page = daemon.says("history");
    let lines: Vec<_> = page.lines().collect();
    assert_eq!(lines.len(), 21);
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["REVISION", "TIME", "WHO", "WHAT"]);
    assert!(lines[1].starts_with("      25  20"), "{page}");
    assert!(lines[1].ends_with("Z  anna (pid 17)  backend weight web web-1 25"), "{page}");
    let all = daemon.says("history --limit 1000");
    assert!(all.trim_end().ends_with("file /etc/anycast/site.toml  backend weight web web-1 1"), "{all}");

    let json: Value = serde_json::from_str(&daemon.says("history --limit 2 --json")).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(json[1]["revision"], 24);
    assert_eq!(
        json[1]["author"],
        serde_json::json!({"kind": "user", "uid": 1000, "user": "anna", "pid": 17})
    );
    assert_eq!(daemon.ctl("history --limit 0").status.code(), Some(2));
}

#[test]
fn a_revision_is_shown_by_what_it_changed_and_without_its_seeds() {
    let daemon = Daemon::start(stored(4));
    let page = daemon.says("history show 2");
    assert!(page.starts_with("revision 2\ntime  20"), "{page}");
    assert!(page.contains(
        "\nwho   anna (pid 17)\nwhat  backend weight web web-1 2\n\n--- revision 1\n+++ revision 2\n@@"
    ));
    assert!(page.contains("\n+    weight = 2\n"), "{page}");
    assert!(page.ends_with("Seeds are not shown: `anycast-ctl export` prints the present ones.\n"), "{page}");

    let page = daemon.says("history show 3");
    assert!(page.contains("-seed = \"(not shown)\"\n+seed = \"(not shown, another one)\"\n"), "{page}");
    let full = daemon.says("history show 4 --full");
    assert!(full.contains("weight = 4\n") && full.contains("seed = \"(not shown)\"\n"), "{full}");
    let json: Value = serde_json::from_str(&daemon.says("history show 3 --json")).unwrap();
    assert_eq!((json["revision"].as_u64(), json["text"].is_string()), (Some(3), true));
    for text in [daemon.says("history show 1"), page, full, json.to_string()] {
        assert!(!text.contains("00000000000000"), "{text}");
    }
    assert_eq!(
        daemon.complains("history show 9"),
        "anycast-ctl: ask the daemon for revision 9: there is no revision 9: those from 1 to 4 are kept\n"
    );
}

#[test]
fn a_revision_whose_forerunner_is_gone_is_still_shown() {
    let store = stored(1).keeping(1);
    let again = Commit { expected: None, ..commit_of(&store) };
    store.commit(again).unwrap();
    let daemon = Daemon::start(store);
    let page = daemon.says("history show 2");
    assert!(
        page.contains("The revision before it is no longer kept: --full prints the whole site.\n"),
        "{page}"
    );
}

fn commit_of(store: &Embedded) -> Commit {
    let head = store.snapshot().unwrap().head.unwrap();
    let (author, summary) = (head.record.author, head.record.summary);
    Commit { expected: None, author, summary, text: head.text, runtime: vec![], applied_file: None }
}

#[test]
fn going_back_makes_a_further_revision() {
    let daemon = Daemon::start(stored(4));
    let plan = daemon.says("rollback 2 --dry-run");
    assert!(plan.starts_with("`rollback 2` would change this. Nothing was changed.\n"), "{plan}");
    assert_eq!(daemon.says("history").lines().count(), 5);

    let said = daemon.says("rollback 2");
    assert!(said.contains("went back to revision 2\nRevision 5.\n"), "{said}");
    let shown = daemon.says("history show 5");
    assert!(shown.contains("what  rollback 2\n"), "{shown}");
    assert!(shown.contains("who   ") && shown.contains(" (pid "), "{shown}");
    assert_eq!(daemon.says("history show 5 --full"), daemon.says("history show 2 --full"));

    let stale = daemon.complains("rollback 1 --revision 4");
    assert!(stale.contains(
        "go back to revision 1: the change was made for revision 4, and the newest is revision 5 of "
    ));
    let unknown = daemon.complains("rollback 17");
    assert!(unknown.contains("there is no revision 17: those from 1 to 5 are kept"), "{unknown}");
}
