//! ExaBGP on the edge host and a BIRD on the router, in namespaces and a directory of their own, with the configurations that
//! the document shows.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{
    announce::driver::{Announcer, DriverError, Failures, Level, Route, Seen, Surroundings, Wanted, connect},
    model::Announce,
};
use nix::{
    sys::{signal::Signal, stat::Mode},
    unistd::{Pid, mkfifo},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use xtask::lab::{Namespace, Process};

use crate::router::Router;

const PATIENCE: Duration = Duration::from_secs(30);
const DOCUMENT: &str = include_str!("../../../docs/announce/exabgp.md");

pub const FOUR: &str = "198.51.100.1/32";
pub const SIX: &str = "2001:db8::1/128";

/// The way an operator chooses; the first and second of each kind of block in the document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Relay = 0,
    Pipes = 1,
}

/// Both routing daemons.
pub struct Lab {
    pub announce: Announce,
    pub router: Router,
    pub runtime: Runtime,
    pub directory: TempDir,
    exabgp: Option<Process>,
    edge: Namespace,
    _router: Namespace,
    way: Way,
    config: String,
}

impl Lab {
    /// With the configurations of the document, and both sessions up.
    pub fn new(way: Way) -> Self {
        let mut lab = Self::with(way, str::to_owned);
        lab.start();
        lab.router.await_sessions();
        lab
    }

    /// With another configuration of ExaBGP's, which does not run yet.
    pub fn with(way: Way, change: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let site: toml::Table =
            block("toml", way).replace("/run/exabgp", &format!("{path}/run")).parse().unwrap();
        let run =
            format!("{} announce relay --socket {path}/lab.exabgp.sock", env!("CARGO_BIN_EXE_anycast-ctl"));
        let config = change(&block("exabgp", way)).replace("/usr/bin/anycast-ctl announce relay", &run);
        let (edge, router) = (Namespace::create("edge").unwrap(), Namespace::create("router").unwrap());
        wire(&edge, &router);
        Self {
            announce: site["announce"].clone().try_into().unwrap(),
            router: Router::start(&router, directory.path()),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            directory,
            exabgp: None,
            edge,
            _router: router,
            way,
            config,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts ExaBGP.
    pub fn start(&mut self) {
        self.start_in(&[]);
    }

    /// Starts ExaBGP with more in its environment.
    pub fn start_in(&mut self, environment: &[(&str, &str)]) {
        if self.way == Way::Pipes && !self.path("run").exists() {
            self.make_pipes();
        }
        let config = self.path("exabgp.conf");
        fs::write(&config, &self.config).unwrap();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("exabgp.log")).unwrap();
        let mut command = Command::new("/usr/sbin/exabgp");
        command.env("exabgp.daemon.user", "root").env("exabgp.api.cli", (self.way == Way::Pipes).to_string());
        command.envs(environment.iter().copied());
        command.arg("--root").arg(self.directory.path()).arg(config);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.exabgp = Some(Process::spawn(&self.edge, "exabgp", command).unwrap());
    }

    /// Starts ExaBGP as the user that Debian's package has for it, who must be able to reach the program and the socket.
    pub fn start_unprivileged(&mut self) {
        let binary = env!("CARGO_BIN_EXE_anycast-ctl");
        let copy = self.path("anycast-ctl");
        fs::copy(binary, &copy).unwrap();
        fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        self.config = self.config.replace(binary, copy.to_str().unwrap());
        self.start_in(&[("exabgp.daemon.user", "exabgp")]);
    }

    pub fn make_pipes(&self) {
        fs::create_dir_all(self.path("run")).unwrap();
        for name in ["run/exabgp.in", "run/exabgp.out"] {
            mkfifo(&self.path(name), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        }
    }

    /// Ends ExaBGP.
    pub fn stop(&mut self) {
        drop(self.exabgp.take());
    }

    /// Stops ExaBGP where it is, or lets it go on.
    pub fn signal(&self, signal: Signal) {
        self.exabgp.as_ref().unwrap().signal(signal).unwrap();
    }

    /// The process that ExaBGP runs.
    pub fn relay(&self) -> Option<Pid> {
        let id = self.exabgp.as_ref().unwrap().id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let is_relay = |id: &&str| {
            fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|it| it.contains("announce\0relay"))
        };
        Some(Pid::from_raw(children.split_whitespace().find(is_relay)?.parse().unwrap()))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("exabgp.log")).unwrap()
    }

    /// Connects once.
    pub fn try_connect(&self) -> Result<Box<dyn Announcer>, DriverError> {
        let surroundings = Surroundings { instance: "lab".to_owned(), run_dir: self.directory.path().into() };
        self.runtime.block_on(connect(&self.announce, &surroundings))
    }

    /// Connects as the daemon does: until it works.
    pub fn connect(&self) -> Box<dyn Announcer> {
        let start = Instant::now();
        loop {
            match self.try_connect() {
                Ok(driver) => return driver,
                Err(error) if start.elapsed() > PATIENCE => panic!("{error}\n{}", self.log()),
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    pub fn bring(&self, driver: &mut Box<dyn Announcer>, wanted: &Wanted) -> Failures {
        self.runtime.block_on(driver.bring(wanted)).unwrap()
    }

    pub fn look(&self, driver: &mut Box<dyn Announcer>, wanted: &Wanted) -> Seen {
        self.runtime.block_on(driver.look(wanted)).unwrap()
    }

    /// Brings both VIPs to a level, and waits until the router has them so or not.
    pub fn bring_both(&self, driver: &mut Box<dyn Announcer>, level: Level) {
        assert_eq!(self.bring(driver, &both(level)), Failures::new(), "{}", self.log());
        self.await_both(level != Level::Withdrawn);
    }

    pub fn await_both(&self, there: bool) {
        eventually("the router follows", || {
            [FOUR, SIX].iter().all(|it| self.router.route(it).is_some() == there)
        });
    }
}

/// One VIP of each family at a level.
pub fn both(level: Level) -> Wanted {
    wanted(&[("four", FOUR, level), ("six", SIX, level)])
}

pub fn wanted(routes: &[(&str, &str, Level)]) -> Wanted {
    let route = |prefix: &str, level| Route { prefix: prefix.parse().unwrap(), level };
    routes.iter().map(|(vip, prefix, level)| ((*vip).to_owned(), route(prefix, *level))).collect()
}

/// Waits until something is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not so in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn block(language: &str, way: Way) -> String {
    let fence = format!("```{language}\n");
    let block = DOCUMENT.split(&fence).nth(way as usize + 1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// A cable between both, with addresses at its ends.
fn wire(edge: &Namespace, router: &Namespace) {
    let peer = router.path();
    let peer = peer.to_str().unwrap();
    ip(edge, &["link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", peer]);
    for (namespace, number) in [(edge, 1), (router, 2)] {
        for link in ["lo", "cable"] {
            ip(namespace, &["link", "set", link, "up"]);
        }
        ip(namespace, &["addr", "add", &format!("10.9.0.{number}/24"), "dev", "cable"]);
        ip(namespace, &["addr", "add", &format!("fd09::{number}/64"), "dev", "cable", "nodad"]);
    }
}

fn ip(namespace: &Namespace, arguments: &[&str]) {
    let mut command = Command::new("/usr/sbin/ip");
    command.args(arguments);
    assert!(Process::spawn(namespace, "ip", command).unwrap().wait().unwrap().success(), "{arguments:?}");
}

/// The socket at which a lab awaits the relay.
pub fn socket(directory: &Path) -> PathBuf {
    directory.join("lab.exabgp.sock")
}
