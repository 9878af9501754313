//! A backend and its neighbour, each with a network of its own; the backend with a bpffs of its own, too.
//!
//! Everything is anonymous: what is pinned goes with the bpffs, the bpffs with its mount namespace, and that with the last
//! descriptor of it, however the test ends.

use std::{
    ffi::OsStr,
    fs::{self, File},
    panic,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::receive::{InterfaceStatus, ReceiveStatus};
use nix::sched::{CloneFlags, setns, unshare};

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");

/// Longer than any of the steps waited for takes, on a slow machine too.
const SOON: Duration = Duration::from_secs(10);

/// A network and a mount namespace.
pub struct Host {
    network: File,
    mounts: File,
}

impl Host {
    /// With its loopback up and an empty bpffs in the usual place.
    pub fn new() -> Self {
        let create = || {
            let both = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
            unshare(both).expect("create namespaces: these tests need root");
            run("mount", "--make-rprivate /");
            run("mount", "-t bpf bpf /sys/fs/bpf");
            let open = |name| File::open(format!("/proc/thread-self/ns/{name}")).unwrap();
            Self { network: open("net"), mounts: open("mnt") }
        };
        let host = thread::spawn(create).join().unwrap();
        host.run("ip", "link set lo up");
        host.write("ipv6/conf/default/accept_dad", "0");
        host
    }

    /// Another host's network, with this one's bpffs.
    pub fn with_network_of(&self, other: &Self) -> Self {
        Self { network: other.network.try_clone().unwrap(), mounts: self.mounts.try_clone().unwrap() }
    }

    /// Calls `f` on a thread inside; the sockets it makes stay there.
    pub fn enter<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            // A mount namespace cannot be entered while the working directory is shared with other threads.
            unshare(CloneFlags::CLONE_FS).unwrap();
            setns(&self.mounts, CloneFlags::CLONE_NEWNS).unwrap();
            setns(&self.network, CloneFlags::CLONE_NEWNET).unwrap();
            f()
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    /// Runs a command to its end, which must be good, and gives its output.
    pub fn run(&self, program: &str, words: &str) -> String {
        self.enter(|| run(program, words))
    }

    /// Writes a setting, named by its path below /proc/sys/net.
    pub fn write(&self, setting: &str, value: &str) {
        self.enter(|| fs::write(format!("/proc/sys/net/{setting}"), value))
            .unwrap_or_else(|error| panic!("set {setting} to {value}: {error}"));
    }

    /// A path that `ip link … netns` accepts.
    pub fn path(&self) -> String {
        use std::os::fd::AsRawFd as _;

        format!("/proc/{}/fd/{}", std::process::id(), self.network.as_raw_fd())
    }

    /// `anycast-ctl receive` with these words.
    pub fn receive(&self, words: &str) -> Output {
        self.receive_with(words, &[])
    }

    /// The same with that environment.
    pub fn receive_with(&self, words: &str, environment: &[(&str, &str)]) -> Output {
        self.enter(|| {
            let mut command = Command::new(BINARY);
            command.arg("receive").args(words.split_whitespace());
            command
                .env_remove("ANYCAST_SOCKET")
                .env_remove("ANYCAST_BPFFS")
                .envs(environment.iter().copied());
            command.output().unwrap()
        })
    }

    /// What `receive status --json` says of the only interface.
    pub fn status(&self) -> InterfaceStatus {
        let text = stdout(&self.receive("status --json"));
        let mut status: ReceiveStatus = serde_json::from_str(&text).unwrap();
        assert_eq!(status.interfaces.len(), 1, "{text}");
        status.interfaces.remove(0)
    }

    /// Packets counted under that label.
    pub fn counted(&self, label: &str) -> u64 {
        self.status().counters.iter().find(|counter| counter.reason == label).unwrap().packets
    }

    /// The id of the XDP program on that interface.
    pub fn program(&self, interface: &str) -> Option<u64> {
        let links: serde_json::Value =
            serde_json::from_str(&self.run("ip", &format!("-json link show dev {interface}"))).unwrap();
        links[0]["xdp"]["prog"]["id"].as_u64()
    }

    /// What is pinned below the default directory.
    pub fn pinned(&self) -> Vec<String> {
        let found = self.run("find", "/sys/fs/bpf -mindepth 2");
        found.lines().map(|line| line.trim_start_matches("/sys/fs/bpf/").to_owned()).collect()
    }
}

/// The backend, `eth0` joined to its neighbour's `p0`, which has the addresses of an edge host and of a client, and is the
/// backend's way to the latter. The VIPs are on the backend's `lo`, and everything is as `receive check` wants it.
pub struct Pair {
    pub backend: Host,
    pub neighbour: Host,
}

impl Pair {
    pub fn new() -> Self {
        let (backend, neighbour) = (Host::new(), Host::new());
        let queues = thread::available_parallelism().map_or(1, |cores| cores.get().min(16));
        let queues = format!("numtxqueues {queues} numrxqueues {queues}");
        neighbour.run(
            "ip",
            &format!(
                "link add p0 address 02:00:00:00:00:10 {queues} type veth peer name eth0 address 02:00:00:00:00:11 {queues} \
                 netns {}",
                backend.path()
            ),
        );
        for (host, interface, own, more) in [
            (&backend, "eth0", "11", ["192.0.2.1/32", "2001:db8::1/128 nodad"]),
            (&neighbour, "p0", "10", ["198.51.100.7/32", "2001:db8:ffff::7/128 nodad"]),
        ] {
            host.run("ip", &format!("addr add 10.0.0.{own}/24 dev {interface}"));
            host.run("ip", &format!("addr add fd00::{own}/64 dev {interface} nodad"));
            for address in more {
                host.run("ip", &format!("addr add dev lo {address}"));
            }
            // An IPv6 address is tentative and without a route until a worker of the kernel comes to it, on loopback too; with
            // `nodad` only the latter.
            let address = more[1].split('/').next().unwrap();
            wait_for("packets to the host's own address stay there", || {
                spawn(host, "ip", &["route", "get", address]).stdout.starts_with(b"local ")
            });
        }
        neighbour.run("ip", "link set p0 up");
        let pair = Self { backend, neighbour };
        pair.route();
        for (setting, value) in [("arp_ignore", "1"), ("arp_announce", "2"), ("rp_filter", "0")] {
            pair.backend.write(&format!("ipv4/conf/all/{setting}"), value);
        }
        pair.backend.write("ipv4/conf/eth0/rp_filter", "0");
        pair
    }

    /// Sets the backend's interface up, with the routes to the client.
    pub fn route(&self) {
        self.backend.run("ip", "link set eth0 up");
        self.backend.run("ip", "route replace default via 10.0.0.10 advmss 1412");
        self.backend.run("ip", "-6 route replace default via fd00::10 advmss 1392");
        // No packet of a test waits for a neighbour to answer.
        for address in ["10.0.0.10", "fd00::10"] {
            let entry = format!("neigh replace {address} lladdr 02:00:00:00:00:10 dev eth0 nud permanent");
            self.backend.run("ip", &entry);
        }
    }
}

fn run(program: &str, words: &str) -> String {
    let output = Command::new(program).args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The output of a command that succeeded.
#[track_caller]
pub fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What was complained about, on one line, by a command that failed.
#[track_caller]
pub fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// Runs any command inside, without caring how it ends.
pub fn spawn(host: &Host, program: impl AsRef<OsStr> + Send, words: &[&str]) -> Output {
    host.enter(|| Command::new(program).args(words).output().unwrap())
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "waited in vain for this: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
