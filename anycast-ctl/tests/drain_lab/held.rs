//! What a drain is about: backends that are leaving, and sessions through them.

use std::{
    io::Read as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{BackendState, BackendStatus, DrainStatus, RevisionStatus};
use xtask::lab::{
    Process,
    session::{Ending, Lifetime, Pattern, Record, Server, Sessions},
};

use crate::edge::{Edge, INSTANCE, SOON};

/// A sweep comes at least so often.
pub const SWEEP: Duration = Duration::from_secs(6);
const POLL: Duration = Duration::from_millis(100);

impl Edge {
    /// One with so many backends, those of web4 up. `change` is made of the site.
    pub fn start(backends: usize, change: impl FnOnce(String) -> String) -> Self {
        Self::begin_with(backends, "", change)
    }

    /// Starts a command that takes its time.
    pub fn begin(&self, words: &str) -> Process {
        let mut command = self.host.command(INSTANCE, &words.split(' ').collect::<Vec<_>>());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.host.lab.spawn("edge", command).unwrap()
    }

    pub fn backend(&self, pool: &str, name: &str) -> BackendStatus {
        self.pool(pool).into_iter().find(|backend| backend.name == name).unwrap()
    }

    /// A drain under way.
    pub fn drain(&self, pool: &str, name: &str) -> DrainStatus {
        let backend = self.backend(pool, name);
        backend.drain.unwrap_or_else(|| panic!("it is not draining: {backend:?}"))
    }

    pub fn is_removed(&self, pool: &str, name: &str) -> bool {
        self.backend(pool, name).state == BackendState::Removed
    }

    /// The newest revision.
    pub fn head(&self) -> RevisionStatus {
        let history: Vec<RevisionStatus> = serde_json::from_str(&self.ctl("history --json")).unwrap();
        history.into_iter().next().unwrap()
    }
}

/// Exit code, stdout and stderr of a command that ends by itself.
#[track_caller]
pub fn ended(process: &mut Process) -> (i32, String, String) {
    let start = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < SOON, "{} does not end", process.name());
        thread::sleep(POLL);
    };
    let (mut out, mut err) = (String::new(), String::new());
    process.child().stdout.take().unwrap().read_to_string(&mut out).unwrap();
    process.child().stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (status.code().unwrap(), out, err)
}

/// Sessions to both VIPs, and their servers.
pub struct Held {
    _servers: Vec<Server>,
    sessions: Sessions,
}

impl Held {
    /// Opens so many. Every second one that is not `long` lasts for some seconds, and is replaced then.
    pub fn open(edge: &Edge, count: usize, long: bool) -> Self {
        let pause = Duration::from_millis(50)..Duration::from_millis(200);
        let lab = &edge.host.lab;
        let names = lab.plan().servers().map(|server| server.name.clone());
        let servers = names.map(|name| Server::start(lab, &name, pause.clone()).unwrap()).collect();
        let some = Lifetime::Mixed(Duration::from_secs(4)..Duration::from_secs(12));
        let lifetime = if long { Lifetime::Long } else { some };
        let patience = Duration::from_secs(20);
        let pattern = Pattern { sessions: count, pause, lifetime, patience, seed: 1 };
        let sessions = Sessions::start(lab, pattern).unwrap();
        while sessions.open() < count {
            assert!(sessions.elapsed() < SOON, "only {} are open: {:#?}", sessions.open(), sessions.ended());
            thread::sleep(Duration::from_millis(20));
        }
        Self { _servers: servers, sessions }
    }

    /// Ends them in order, and says how those ended that did not do so rightly.
    pub fn finish(self) -> Vec<Record> {
        let mut records = self.sessions.finish().unwrap();
        records.retain(|record| record.ending != Ending::Finished);
        records
    }
}
