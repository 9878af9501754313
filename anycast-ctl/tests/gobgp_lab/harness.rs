//! A site with gobgpd and a router with BIRD, in network namespaces of their own, that peer over one link.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{
    announce::driver::{Announcer, DriverError, Failures, Level, Route, Seen, Surroundings, Wanted, connect},
    model::{Announce, GobgpSettings, Shutdown},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use xtask::lab::{Namespace, Process};

use crate::router::Router;

/// What operators are told to write; the tests run it.
const GUIDE: &str = include_str!("../../../docs/announce/gobgp.md");

/// How long something may take that happens elsewhere.
const PATIENCE: Duration = Duration::from_secs(30);

/// VIPs of the tests: one for each version of IP.
pub const V4: (&str, &str) = ("www", "192.0.2.1/32");
pub const V6: (&str, &str) = ("www6", "2001:db8:1::/48");

/// The n-th block of code in the guide.
pub fn snippet(n: usize) -> &'static str {
    let block = GUIDE.split("```").skip(1).step_by(2).nth(n).unwrap();
    block.split_once('\n').unwrap().1
}

/// The lab. Processes end before their namespaces do.
pub struct Lab {
    gobgpd: Option<Process>,
    pub router: Router,
    site: Namespace,
    directory: TempDir,
    configuration: String,
}

impl Lab {
    /// With gobgpd as the guide configures it, whose sessions are established.
    pub fn new() -> Self {
        Self::with("")
    }

    /// With more in gobgpd's configuration.
    pub fn with(more: &str) -> Self {
        let mut lab = Self::configured(&format!("{}{more}", snippet(0)));
        lab.start();
        lab.await_sessions(2);
        lab
    }

    /// With another configuration of gobgpd, which is not started.
    pub fn configured(configuration: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (site, router) = (Namespace::create("site").unwrap(), Namespace::create("router").unwrap());
        for (namespace, peer, number) in [(&site, Some(&router), 1), (&router, None, 2)] {
            plug(namespace, peer, number);
        }
        let router = Router::start(router, directory.path(), snippet(2));
        Self { gobgpd: None, router, site, directory, configuration: configuration.to_owned() }
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("gobgp.sock")
    }

    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Starts gobgpd and waits until it answers at all.
    pub fn start(&mut self) {
        let file = self.directory.path().join("gobgpd.conf");
        fs::write(&file, &self.configuration).unwrap();
        let log = File::create(self.directory.path().join("gobgpd.log")).unwrap();
        let mut command = Command::new("gobgpd");
        command.args(["--api-hosts", &self.endpoint()]);
        if !self.configuration.is_empty() {
            command.arg("--config-file").arg(&file);
        }
        command.args(["--pprof-disable", "--log-level", "debug"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.gobgpd = Some(Process::spawn(&self.site, "gobgpd", command).unwrap());
        self.wait("gobgpd listens", || self.socket().exists());
    }

    pub fn gobgpd(&self) -> &Process {
        self.gobgpd.as_ref().unwrap()
    }

    /// Ends gobgpd, and waits until the router noticed.
    pub fn stop(&mut self) {
        self.gobgpd = None;
        let _ = fs::remove_file(self.socket());
    }

    /// Waits until so many sessions are established.
    pub fn await_sessions(&self, number: usize) {
        self.wait(&format!("{number} sessions are established"), || {
            self.router.ask("show protocols").matches("Established").count() == number
        });
    }

    /// Runs GoBGP's own tool.
    pub fn gobgp(&self, words: &str) -> String {
        let mut command = Command::new("gobgp");
        let output = command
            .args(["--target", &self.endpoint()])
            .args(words.split_whitespace())
            .output()
            .expect("run gobgp");
        assert!(output.status.success(), "gobgp {words}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            let log = || fs::read_to_string(self.directory.path().join("gobgpd.log")).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "waited in vain until {what}\n{}", log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the router has a route, or has it no more.
    pub fn await_route(&self, prefix: &str, there: bool) {
        self.wait(&format!("{prefix} there: {there}"), || self.router.has(prefix) == there);
    }

    pub fn connect(&self, shutdown: Shutdown) -> Client {
        Client::new(&self.endpoint(), shutdown).expect("connect to gobgpd")
    }
}

/// A driver with a runtime as the engine has one.
pub struct Client {
    driver: Box<dyn Announcer>,
    runtime: Runtime,
}

impl Client {
    pub fn new(endpoint: &str, shutdown: Shutdown) -> Result<Self, DriverError> {
        let gobgp = Some(GobgpSettings { endpoint: endpoint.to_owned() });
        let announce = Announce { gobgp, shutdown, ..Announce::default() };
        let surroundings = Surroundings {
            instance: "anycast".to_owned(),
            run_dir: Arc::from(PathBuf::from("/nonexistent")),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let driver = runtime.block_on(connect(&announce, &surroundings))?;
        Ok(Self { driver, runtime })
    }

    pub fn try_bring(&mut self, wanted: &Wanted) -> Result<Failures, DriverError> {
        self.runtime.block_on(self.driver.bring(wanted))
    }

    /// Brings without any failure.
    pub fn bring(&mut self, wanted: &Wanted) {
        assert_eq!(self.try_bring(wanted).expect("bring"), Failures::new());
    }

    pub fn try_look(&mut self, wanted: &Wanted) -> Result<Seen, DriverError> {
        self.runtime.block_on(self.driver.look(wanted))
    }

    pub fn look(&mut self, wanted: &Wanted) -> Seen {
        self.try_look(wanted).expect("look")
    }
}

/// Both VIPs at a level.
pub fn both(level: Level) -> Wanted {
    wanted(&[(V4.0, V4.1, level), (V6.0, V6.1, level)])
}

pub fn wanted(routes: &[(&str, &str, Level)]) -> Wanted {
    let route = |&(vip, prefix, level): &(&str, &str, Level)| {
        (vip.to_owned(), Route { prefix: prefix.parse().unwrap(), level })
    };
    routes.iter().map(route).collect()
}

/// Gives a namespace its end of the link; the one that is given a peer makes both.
fn plug(namespace: &Namespace, peer: Option<&Namespace>, number: u8) {
    let link = peer
        .map(|peer| format!("link add eth0 type veth peer name eth0 netns {}\n", peer.path().display()))
        .unwrap_or_default();
    let lines = format!(
        "{link}link set lo up\nlink set eth0 up\naddr add 10.9.0.{number}/24 dev eth0\n\
         addr add fd09::{number}/64 dev eth0 nodad\n"
    );
    namespace
        .inside(|| {
            for line in lines.lines() {
                let status = Command::new("ip").args(line.split_whitespace()).status()?;
                assert!(status.success(), "ip {line}");
            }
            Ok(())
        })
        .unwrap();
}
