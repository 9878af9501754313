//! The lab of a run, and what is known of it while it lasts.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{
    causes::{Deed, Routed},
    datagrams,
    observe::Observer,
    site,
};
use crate::{
    lab::{
        Family, Process,
        receiver::Receiver,
        session,
        sites::{Edges, SitesLab, edges},
    },
    signals,
};

/// Edges of the site that transit prefers, and of the other one.
pub const A: [&str; 2] = ["a1", "a2"];
pub const B: [&str; 2] = ["b1", "b2"];
/// The edge whose daemon is never restarted, so that its memory shows what grows.
pub const WITNESS: &str = "a2";
/// Longer than anything that is waited for takes, on a busy machine too.
pub const SOON: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);
/// Sides of a session send a line after a pause of this range.
pub const PAUSE: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_millis(200);
/// Transit sends as seldom as an edge wants, three times before it is missed, and waits as long as an edge says.
const BFD: &str = "min rx interval 1000 ms; min tx interval 400 ms; multiplier 8;";
/// Servers do not answer a flood's SYNs again for a minute: transit would tell the VIPs of each answer, and the books never close.
const ON_SERVER: [(&str, &str); 1] = [("ipv4/tcp_synack_retries", "1")];
const DAEMON: [&str; 2] = ["--xdp-mode", "native"];

/// Things that were done, for all who want to know.
pub type Deeds = Arc<Mutex<Vec<Deed>>>;

/// All there is, in the order in which it ends.
pub struct Stage {
    pub deeds: Deeds,
    pub start: Instant,
    /// What could not be done, or took too long.
    pub faults: Vec<String>,
    /// Sessions' and datagrams' servers, by host.
    sessions: BTreeMap<String, session::Server>,
    _datagrams: Vec<datagrams::Server>,
    /// Watchdogs, and what ends tunnels.
    _helpers: (Vec<Process>, Vec<Receiver>),
    pub sites: SitesLab,
    executable: Executable,
}

impl Stage {
    /// Builds the lab, and waits until every daemon steers and announces.
    pub fn build(binary: &Path) -> Result<Self> {
        let executable = Executable::new(binary)?;
        let mut sites = SitesLab::start(None, Some(executable.path()))?;
        site::lead_to_local(&sites)?;
        let hosts: Vec<String> = sites.plan().backends().map(|host| host.name.clone()).collect();
        let receivers = hosts.iter().map(|host| sites.receive(host)).collect::<Result<Vec<_>>>()?;
        for host in &hosts {
            sites.namespace(host)?.write_sysctls(&ON_SERVER)?;
        }
        let mut watchdogs = Vec::new();
        for edge in A.into_iter().chain(B) {
            be_patient(&mut sites, edge)?;
        }
        sites.wait_for_sessions(SOON)?;
        for edge in A.into_iter().chain(B) {
            signals::check()?;
            let file = site::file(&sites, edge)?;
            sites.start_daemon(edge, Some(&file), &DAEMON)?;
            watchdogs.push(sites.start_ctl(edge, &["announce", "watchdog"])?);
        }
        let vips = sites.plan().vips;
        let mut sessions = BTreeMap::new();
        let mut datagrams = vec![datagrams::Server::start(sites.namespace(site::LOCAL)?, site::LOCAL_VIPS)?];
        for host in hosts {
            sessions.insert(host.clone(), session::Server::start(sites.any_edge()?, &host, PAUSE)?);
            datagrams.push(datagrams::Server::start(sites.namespace(&host)?, vips)?);
        }
        let stage = Self {
            deeds: Deeds::default(),
            start: Instant::now(),
            faults: Vec::new(),
            sessions,
            _datagrams: datagrams,
            _helpers: (watchdogs, receivers),
            sites,
            executable,
        };
        stage.wait_for_routes(&edges(&A))?;
        for edge in B {
            let is_announced = || Ok(!stage.sites.ctl(edge, &["announce", "list"])?.contains("withdrawn"));
            stage.wait("site b's edges to announce", is_announced)?;
        }
        Ok(stage)
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Where daemons listen, by edge.
    pub fn sockets(&self) -> Result<BTreeMap<String, PathBuf>> {
        let of = |edge: &str| Ok((edge.to_owned(), self.sites.edge(edge)?.socket().to_owned()));
        A.into_iter().chain(B).map(of).collect()
    }

    /// Notes that something begins, and says its place among the deeds.
    pub fn begin(&self, what: &str, target: &str) -> usize {
        let mut deeds = self.deeds();
        deeds.push(Deed {
            what: what.to_owned(),
            target: target.to_owned(),
            began: self.elapsed(),
            ended: None,
            found_out: None,
            deadline: None,
        });
        deeds.len() - 1
    }

    /// Notes that all is as it was before that deed.
    pub fn end(&self, deed: usize) {
        let now = self.elapsed();
        self.change(deed, |deed| deed.ended = Some(now));
    }

    /// Notes something else of a deed.
    pub fn change(&self, deed: usize, change: impl FnOnce(&mut Deed)) {
        if let Some(deed) = self.deeds().get_mut(deed) {
            change(deed);
        }
    }

    fn deeds(&self) -> MutexGuard<'_, Vec<Deed>> {
        self.deeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; the end of the run that a signal asks for is an error.
    pub fn rest(&self, time: Duration) -> Result<()> {
        Ok(signals::sleep(time)?)
    }

    /// Waits until it holds.
    pub fn wait(&self, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !holds()? {
            if start.elapsed() > SOON {
                bail!("wait for {what}: not within {SOON:?}\n{}", self.sites.evidence());
            }
            signals::sleep(POLL)?;
        }
        Ok(())
    }

    /// Waits until both VIPs are sent to these edges and no other.
    pub fn wait_for_routes(&self, by: &Edges) -> Result<()> {
        let vips = Family::ALL.map(|family| self.sites.plan().vips.of(family));
        let what = format!("routes to lead to {by:?}");
        self.wait(&what, || {
            let changes = self.sites.watch().changes();
            let last = |vip| changes.iter().rfind(|change| change.vip == vip);
            Ok(vips.into_iter().all(|vip| last(vip).is_some_and(|change| change.edges == *by)))
        })
    }

    /// Waits until no slot of site a's edges remembers an earlier owner, though not for ever: sessions that are long keep some.
    pub fn settle(&self, observer: &Observer, within: Duration) -> Result<bool> {
        let start = Instant::now();
        loop {
            let is_settled = |edge: &&str| {
                let last = observer.last(edge);
                last.is_some_and(|span| span.pools.values().all(|pool| !pool.in_transition))
            };
            if A.iter().all(is_settled) {
                return Ok(true);
            }
            if start.elapsed() > within {
                return Ok(false);
            }
            signals::sleep(POLL)?;
        }
    }

    /// Gives a command to both of site a's edges, one after the other as an operator would.
    pub fn on_both(&self, words: &[&str]) -> Result<()> {
        A.iter().try_for_each(|edge| self.sites.ctl(edge, words).map(drop))
    }

    /// Starts the daemon on an edge with what it stored. One that runs is ended first.
    pub fn start_daemon(&mut self, edge: &str) -> Result<()> {
        self.sites.start_daemon(edge, None, &DAEMON)
    }

    /// From now on daemons are started from another file, as an upgrade would have it.
    pub fn upgrade(&mut self) -> Result<()> {
        self.executable.replace()
    }

    /// Ends the sessions of a server without a word to anybody: what a test plants.
    pub fn break_sessions(&mut self, host: &str) -> Result<()> {
        drop(self.sessions.remove(host));
        let server = session::Server::start(self.sites.any_edge()?, host, PAUSE)?;
        self.sessions.insert(host.to_owned(), server);
        Ok(())
    }

    /// Changes of routes since the start, and the routes there were then.
    pub fn routes(&self) -> Vec<Routed> {
        let vips = self.sites.plan().vips;
        let of = |change: &crate::lab::sites::Change| {
            let family = Family::ALL.into_iter().find(|family| vips.of(*family) == change.vip)?;
            let at = change.at.saturating_duration_since(self.start);
            Some(Routed { at, family, edges: change.edges.clone() })
        };
        self.sites.watch().changes().iter().filter_map(of).collect()
    }
}

/// Has BFD between an edge and transit wait longer than the lab's does: on a busy machine a router that is waited for shall be dead.
fn be_patient(sites: &mut SitesLab, edge: &str) -> Result<()> {
    let file = sites.edge(edge)?.directory().join("bird.conf");
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    // The first line says where the log is, and is written again.
    let (_, text) = text.split_once('\n').with_context(|| format!("read {}", file.display()))?;
    let (start, rest) = text.split_once("min rx interval").context("find what BFD is told")?;
    let (_, end) = rest.split_once("multiplier 3;").context("find what BFD is told")?;
    sites.start_bird(edge, Some(&format!("{start}{BFD}{end}")))
}

/// What daemons are started from: a link that leads to one of two copies.
struct Executable {
    directory: TempDir,
    binary: PathBuf,
    copies: u32,
}

impl Executable {
    fn new(binary: &Path) -> Result<Self> {
        let directory = tempfile::tempdir().context("create a temporary directory")?;
        let binary = binary.canonicalize().with_context(|| format!("find {}", binary.display()))?;
        let this = Self { directory, binary, copies: 0 };
        this.link(&this.binary)?;
        Ok(this)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("anycast-ctl")
    }

    fn replace(&mut self) -> Result<()> {
        self.copies += 1;
        let copy = self.directory.path().join(format!("copy-{}", self.copies % 2));
        // One that runs cannot be written to, but its name can be given to another.
        let draft = self.directory.path().join("draft");
        fs::copy(&self.binary, &draft).context("copy anycast-ctl")?;
        fs::rename(&draft, &copy).context("rename a copy of anycast-ctl")?;
        self.link(&copy)
    }

    fn link(&self, to: &Path) -> Result<()> {
        let draft = self.directory.path().join("link");
        std::os::unix::fs::symlink(to, &draft).context("make a link to anycast-ctl")?;
        fs::rename(&draft, self.path()).context("rename a link to anycast-ctl")
    }
}
