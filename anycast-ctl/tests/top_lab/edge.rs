//! An edge with checked backends, and clients that never rest.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::BackendState;
use nix::sys::signal::Signal;
use xtask::lab::{Family, Process, server::HTTP_PORT};

use crate::host::Host;

/// Longer than anything waited for takes, on a machine with other work.
pub const SOON: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(50);
const INSTANCE: &str = "anycast";

/// The lab's edge with the daemon on it.
pub struct Edge {
    pub host: Host,
    site: String,
}

impl Edge {
    /// One with so many backends, every one of them up.
    pub fn start(backends: usize) -> Self {
        let host = Host::new(backends);
        let lines = "idle_timeout = \"2s\"\ncheck = { type = \"tcp\", port = 80, interval = \"500ms\" }\n";
        let checked = |text: String, pool: &str| {
            let name = format!("name = \"{pool}\"\n");
            text.replacen(&name, &format!("{name}{lines}"), 1)
        };
        let site = ["web4", "web6"].into_iter().fold(host.site(), checked);
        let mut edge = Self { host, site };
        edge.run_daemon();
        edge.wait_for("every backend is up", |edge| {
            let status = edge.host.status(INSTANCE);
            let mut backends = status.pools.iter().flat_map(|pool| &pool.backends);
            backends.all(|backend| backend.state == BackendState::Up)
        });
        edge
    }

    /// Starts the daemon on what is stored.
    pub fn run_daemon(&mut self) {
        let daemon = self.host.spawn(INSTANCE, &self.site, &["--xdp-mode", "native"]);
        self.host.daemon = Some(daemon);
        self.host.wait_until_ready();
    }

    /// Kills it: the dataplane goes on.
    pub fn kill_daemon(&mut self) {
        self.host.end(Signal::SIGKILL);
    }

    /// Clients of the IPv4 VIP, one request after the other, until the answer is dropped.
    pub fn traffic(&self) -> Process {
        let url = format!("http://{}:{HTTP_PORT}/", self.host.lab.plan().vips.of(Family::V4));
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do curl --silent --output /dev/null --max-time 2 \"$0\"; done", &url]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.host.lab.spawn("client", command).unwrap()
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

    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < SOON, "waited in vain for this: {what}\n{}", self.host.log_text());
            thread::sleep(POLL);
        }
    }
}
