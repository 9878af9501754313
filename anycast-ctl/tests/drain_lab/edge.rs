//! An edge whose flows are soon taken for ended, and sessions through it.

use std::{
    io::Read as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{BackendState, BackendStatus, DrainStatus, RevisionStatus};
use nix::sys::signal::Signal;
use xtask::lab::{
    Process,
    session::{Ending, Lifetime, Pattern, Record, Server, Sessions},
};

use crate::host::Host;

/// Four sweeps and more, on a machine with other work.
pub const SOON: Duration = Duration::from_secs(40);
/// A sweep comes at least so often.
pub const SWEEP: Duration = Duration::from_secs(6);
const POLL: Duration = Duration::from_millis(100);
const INSTANCE: &str = "anycast";

/// The lab's edge with the daemon on it.
pub struct Edge {
    pub host: Host,
    site: String,
}

impl Edge {
    /// One with so many backends, every one of them up. `change` is made of the site.
    pub fn start(backends: usize, change: impl FnOnce(String) -> String) -> Self {
        let host = Host::new(backends);
        let timeout = |text: String, pool: &str| {
            let name = format!("name = \"{pool}\"\n");
            text.replacen(&name, &format!("{name}idle_timeout = \"2s\"\n"), 1)
        };
        let site = change(["web4", "web6"].into_iter().fold(host.site(), timeout));
        let mut edge = Self { host, site };
        edge.run_daemon();
        edge.wait_for("every backend of web4 is up", |edge| {
            edge.pool("web4").iter().all(|backend| backend.state == BackendState::Up)
        });
        edge
    }

    /// Starts the daemon on what is stored.
    pub fn run_daemon(&mut self) {
        let daemon = self.host.spawn(INSTANCE, &self.site, &["--xdp-mode", "native"]);
        self.host.daemon = Some(daemon);
        self.host.wait_until_ready();
    }

    /// Kills it.
    pub fn kill_daemon(&mut self) {
        self.host.end(Signal::SIGKILL);
    }

    /// What a command prints that must succeed.
    #[track_caller]
    pub fn ctl(&self, words: &str) -> String {
        let (code, text) = self.try_ctl(words);
        assert_eq!(code, 0, "{words}: {text}");
        text
    }

    /// The exit code of a command, and all it printed.
    pub fn try_ctl(&self, words: &str) -> (i32, String) {
        self.host.run(INSTANCE, &words.split(' ').collect::<Vec<_>>())
    }

    /// Starts a command that takes its time.
    pub fn begin(&self, words: &str) -> Process {
        let mut command = self.host.command(INSTANCE, &words.split(' ').collect::<Vec<_>>());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.host.lab.spawn("edge", command).unwrap()
    }

    /// Its backends, removed ones last.
    pub fn pool(&self, name: &str) -> Vec<BackendStatus> {
        let status = self.host.status(INSTANCE);
        status.pools.into_iter().find(|pool| pool.name == name).unwrap().backends
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

    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < SOON, "waited in vain for this: {what}\n{}", self.host.log_text());
            thread::sleep(POLL);
        }
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
