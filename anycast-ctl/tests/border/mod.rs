//! Two routers on a cable, each in a namespace of its own: the one that is driven, and BIRD in another autonomous system, which
//! says what it was told.

#![allow(dead_code, reason = "each target uses what it needs of it")]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anycast_ctl::{
    announce::driver::{self, Announcer, DriverError, Level, Route, Seen, Surroundings, Wanted},
    model::Announce,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use xtask::lab::{Namespace, Process, require_root};

pub mod bird;
pub mod frr;

use bird::Bird;

/// VIPs that are driven.
pub const V4: &str = "192.0.2.1/32";
pub const V6: &str = "2001:db8::1/128";

/// How long a route may take to get there.
const PATIENCE: Duration = Duration::from_secs(20);

/// The cable with both its ends. The driven end has 10.9.0.1 and fd09::1, the neighbour 10.9.0.2 and fd09::2.
pub struct Border {
    // Dropped in this order.
    pub neighbour: Bird,
    pub runtime: Runtime,
    pub edge: Namespace,
    pub router: Namespace,
    pub directory: TempDir,
}

impl Border {
    pub fn new() -> Self {
        require_root().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (edge, router) = (Namespace::create("edge").unwrap(), Namespace::create("router").unwrap());
        for namespace in [&edge, &router] {
            let sysctls = [("ipv6/conf/all/disable_ipv6", "0"), ("ipv6/conf/default/accept_dad", "0")];
            namespace.write_sysctls(&sysctls).unwrap();
        }
        let to = router.path().display().to_string();
        run(&edge, &format!("ip link add eth0 type veth peer name eth0 netns {to}"));
        for (namespace, host) in [(&edge, 1), (&router, 2)] {
            for words in [
                "link set lo up".to_owned(),
                "link set eth0 up".to_owned(),
                format!("address add 10.9.0.{host}/24 dev eth0"),
                format!("address add fd09::{host}/64 dev eth0 nodad"),
            ] {
                run(namespace, &format!("ip {words}"));
            }
        }
        let neighbour = Bird::start(&router, directory.path(), "neighbour", bird::NEIGHBOUR);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { neighbour, runtime, edge, router, directory }
    }

    /// Runs a future in the driven router's namespace.
    pub fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        self.edge.inside(|| Ok(self.runtime.block_on(future))).unwrap()
    }

    pub fn connect(&self, announce: &Announce) -> Result<Box<dyn Announcer>, DriverError> {
        let surroundings =
            Surroundings { instance: "anycast".to_owned(), run_dir: self.directory.path().into() };
        self.block_on(driver::connect(announce, &surroundings))
    }

    /// Brings the driver to what is wanted, of which nothing may fail.
    pub fn bring(&self, driver: &mut Box<dyn Announcer>, wanted: &Wanted) {
        assert_eq!(self.block_on(driver.bring(wanted)).unwrap(), [].into());
    }

    pub fn look(&self, driver: &mut Box<dyn Announcer>, wanted: &Wanted) -> Seen {
        self.block_on(driver.look(wanted)).unwrap()
    }

    /// Waits until the neighbour has a route that is as it should be, and answers with it.
    pub fn until(
        &self,
        prefix: &str,
        is_right: impl Fn(Option<&bird::Received>) -> bool,
    ) -> Option<bird::Received> {
        let start = Instant::now();
        loop {
            let received = self.neighbour.received(prefix);
            if is_right(received.as_ref()) {
                return received;
            }
            assert!(start.elapsed() < PATIENCE, "{prefix} at the neighbour: {received:?}");
        }
    }

    pub fn until_there(&self, prefix: &str) -> bird::Received {
        self.until(prefix, |it| it.is_some()).unwrap()
    }

    pub fn until_gone(&self, prefix: &str) {
        self.until(prefix, |it| it.is_none());
    }

    /// Waits until something holds.
    pub fn until_true(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < PATIENCE, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The times, in the middle of 20, from a change to its arrival at the neighbour: withdrawals of one route among many.
    pub fn measure(
        &self,
        driver: &mut Box<dyn Announcer>,
        wanted: &mut Wanted,
        vip: &str,
    ) -> (Duration, Duration) {
        let prefix = wanted[vip].prefix.to_string();
        let (mut brought, mut gone) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            wanted.get_mut(vip).unwrap().level = Level::Withdrawn;
            let start = Instant::now();
            self.bring(driver, wanted);
            brought.push(start.elapsed());
            self.until_gone(&prefix);
            gone.push(start.elapsed());
            wanted.get_mut(vip).unwrap().level = Level::Announced;
            self.bring(driver, wanted);
            self.until_there(&prefix);
        }
        brought.sort();
        gone.sort();
        (brought[10], gone[10])
    }
}

/// Both VIPs at a level.
pub fn both(level: Level) -> Wanted {
    [("web4", V4), ("web6", V6)].into_iter().map(|(vip, prefix)| one(vip, prefix, level)).collect()
}

pub fn one(vip: &str, prefix: &str, level: Level) -> (String, Route) {
    (vip.to_owned(), Route { prefix: prefix.parse().unwrap(), level })
}

/// Runs a command in a namespace to its end.
pub fn run(namespace: &Namespace, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    namespace
        .inside(|| {
            let output = Command::new(words[0]).args(&words[1..]).output()?;
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        })
        .unwrap()
}

/// Starts a daemon, by a shell that ends it when this process is gone: daemons that change their user lose the signal that they
/// get by then.
pub fn daemon(namespace: &Namespace, words: &[&str]) -> Process {
    const WATCH: &str = r#"exec 3<&0; "$@" 3<&- & P=$!; (cat <&3 >/dev/null; kill $P) & wait $P"#;
    let mut command = Command::new("sh");
    command.args(["-c", WATCH, "sh"]).args(words).stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Process::spawn(namespace, words[0], command).unwrap()
}

/// The blocks of a page of documentation that are in that language. What it shows is what is run.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let block = |it: &str| it.split("```").next().unwrap().to_owned();
    page.split(&fence).skip(1).map(block).collect()
}

/// `[announce]` of a page.
pub fn announce(toml: &str) -> Announce {
    #[derive(serde::Deserialize)]
    struct Site {
        announce: Announce,
    }
    toml::from_str::<Site>(toml).unwrap().announce
}
