//! A host that steers natively over a veth, its backends' next hops known, and the daemon that may be killed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{api::types::SlotsStatus, config};
use tempfile::TempDir;

use crate::{
    disk::{inside, run},
    http::Connection,
};

const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// Longer than any of the steps waited for takes, on a slow machine too.
const SOON: Duration = Duration::from_secs(20);

/// Backends that have a next hop.
const BACKENDS: u64 = 6;

/// Slots of the pool: few, as thousands of tables are made.
const SLOTS: u32 = 1_009;

/// Everything of one host, within [`inside`].
pub struct Edge {
    directory: TempDir,
    daemon: Option<Child>,
}

impl Edge {
    /// Calls `test` with a host whose daemon has just started on the site of change 0.
    pub fn with(test: impl FnOnce(&mut Edge) + Send) {
        inside(|| {
            run("mount", "-t bpf bpf /sys/fs/bpf");
            run("ip", "link set lo up");
            run("ip", "link add eth0 type veth peer name eth1");
            run("ip", "address add 10.0.0.1/24 dev eth0");
            run("ip", "link set eth0 up");
            run("ip", "link set eth1 up");
            for number in 1..=BACKENDS {
                run(
                    "ip",
                    &format!("neigh add {} lladdr 02:00:00:00:01:{number:02x} dev eth0", address(number)),
                );
            }
            let mut edge = Edge { directory: tempfile::tempdir().unwrap(), daemon: None };
            fs::create_dir(edge.state()).unwrap();
            fs::write(edge.config(), site(0)).unwrap();
            test(&mut edge);
        });
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("edge.sock")
    }

    /// The directory of the store.
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("site.toml")
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Starts the daemon and waits until it answers.
    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(["run", "--instance", "edge", "--bpffs", "/sys/fs/bpf/test", "--config"])
            .arg(self.config());
        command.arg("--state-dir").arg(self.state()).arg("--socket").arg(self.socket());
        command.env("RUST_LOG", "info").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut daemon = command.spawn().unwrap();
        let begun = Instant::now();
        loop {
            let answer = Connection::open(&self.socket()).and_then(|mut daemon| daemon.get("/v1/site"));
            if answer.is_ok_and(|answer| answer.code == 200) {
                break;
            }
            let ended = daemon.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < SOON, "the daemon does not start: {}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
        self.daemon = Some(daemon);
    }

    /// Calls `work` while a killer waits that long, and ends the daemon if it still lives.
    pub fn killed_after<T>(&mut self, life: Duration, work: impl FnOnce(&Path) -> T) -> T {
        let mut daemon = self.daemon.take().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(life);
                daemon.kill().unwrap();
                daemon.wait().unwrap();
            });
            work(&self.socket())
        })
    }

    pub fn connect(&self) -> Connection {
        Connection::open(&self.socket()).unwrap()
    }

    pub fn ctl(&self, words: &str) -> Output {
        let mut command = Command::new(BINARY);
        command.args(words.split_whitespace()).arg("--socket").arg(self.socket()).output().unwrap()
    }

    /// What the daemons logged.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    /// The change that is desired, every part of which must be of that one, and which the kernel's table must have.
    #[track_caller]
    pub fn whole(&self) -> u64 {
        let mut daemon = self.connect();
        let desired = daemon.get("/v1/site").unwrap();
        let number = desired.revision - 1;
        assert_eq!(desired.body, canonical(number), "revision {}", desired.revision);
        assert!([200, 204].contains(&daemon.ask("POST", "/v1/reconcile", "", "").unwrap().code));
        self.settle(number);
        number
    }

    /// Waits until the kernel's table is that of change `number`: backends are steered to when their next hops were found.
    #[track_caller]
    pub fn settle(&self, number: u64) {
        let wanted = wanted(number);
        let begun = Instant::now();
        loop {
            let shares = self.shares();
            let is_wanted = shares.len() == wanted.len()
                && shares
                    .iter()
                    .zip(&wanted)
                    .all(|(is, wanted)| is.0 == wanted.0 && is.1.abs_diff(wanted.1) <= 1);
            if is_wanted {
                return;
            }
            let late = begun.elapsed() > SOON;
            assert!(!late, "change {number}: {shares:?} instead of {wanted:?}: {}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Slots of each backend in the table that packets meet.
    pub fn shares(&self) -> Vec<(String, u32)> {
        let mut daemon = self.connect();
        let slots: SlotsStatus =
            serde_json::from_str(&daemon.get("/v1/pools/web/slots").unwrap().body).unwrap();
        assert_eq!(slots.slots, SLOTS);
        let owned = |place: usize| {
            let runs = slots.runs.iter().filter(|run| run.current.map(usize::from) == Some(place));
            runs.map(|run| run.length).sum::<u32>()
        };
        let shares: Vec<_> = slots
            .backends
            .iter()
            .enumerate()
            .map(|(place, owner)| (owner.name.clone(), owned(place)))
            .collect();
        let mut shares: Vec<_> = shares.into_iter().filter(|(_, slots)| *slots > 0).collect();
        shares.sort();
        shares
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn address(number: u64) -> String {
    format!("10.0.0.{}", 10 + number)
}

/// Backends of change `number`, with their weights.
fn backends(number: u64) -> impl Iterator<Item = (u64, u64)> {
    (1..=2 + number % (BACKENDS - 1)).map(move |backend| (backend, 1 + (number + backend) % 4))
}

/// The site of change `number`: node, backends and weights all say which it is.
pub fn site(number: u64) -> String {
    let backend = |(backend, weight)| {
        let address = address(backend);
        format!("[[pool.backend]]\nname = \"web-{backend}\"\naddress = \"{address}\"\nweight = {weight}\n")
    };
    format!(
        "node = \"change-{number}\"\ninterfaces = [\"eth0\"]\nseed = \"00000000000000aa\"\n[[pool]]\nname = \"web\"\nslots = \
         {SLOTS}\n{}[[vip]]\nname = \"www\"\naddress = \"192.0.2.1\"\nservices = [\"tcp/80\"]\npool = \"web\"\n",
        backends(number).map(backend).collect::<String>()
    )
}

fn canonical(number: u64) -> String {
    config::to_toml(&config::parse(&site(number), "site").unwrap())
}

/// Slots of each backend by its weight, to within one.
fn wanted(number: u64) -> Vec<(String, u32)> {
    let all: u64 = backends(number).map(|(_, weight)| weight).sum();
    let slots = |weight| u32::try_from(u64::from(SLOTS) * weight / all).unwrap();
    backends(number).map(|(backend, weight)| (format!("web-{backend}"), slots(weight))).collect()
}
