//! An edge whose backends are checked often, and that drops what no service of its VIPs takes.

use std::{
    fs::File,
    net::{Ipv4Addr, UdpSocket},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::Told;
use nix::sys::signal::Signal;

use crate::host::Host;

/// Longer than any of the steps waited for takes, on a slow machine too.
pub const SOON: Duration = Duration::from_secs(60);
pub const POLL: Duration = Duration::from_millis(50);

/// A port of no service.
pub const NO_SERVICE: u16 = 9_999;

pub struct Edge {
    pub host: Host,
    site: String,
}

impl Edge {
    /// One with two backends that are up. `arguments` are added to those of the daemon.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, |site| site)
    }

    /// The same, with a change of its site.
    pub fn start_with(arguments: &[&str], change: impl FnOnce(String) -> String) -> Self {
        let host = Host::new(2);
        let check = r#"check = { type = "tcp", port = 80, interval = "200ms", fast_interval = "100ms", fall = 2, rise = 2 }"#;
        let pool = |site: String, name: &str| {
            let line = format!("name = \"{name}\"\n");
            site.replacen(&line, &format!("{line}idle_timeout = \"2s\"\n{check}\n"), 1)
        };
        let site = ["web4", "web6"].into_iter().fold(host.site(), pool);
        let site = site.replacen("name = \"www4\"\n", "name = \"www4\"\non_unknown_port = \"drop\"\n", 1);
        let mut edge = Self { host, site: change(site) };
        edge.run_daemon(arguments);
        edge
    }

    /// Starts the daemon on what is stored, and waits until every backend is up.
    pub fn run_daemon(&mut self, arguments: &[&str]) {
        let all = [&["--xdp-mode", "native"], arguments].concat();
        self.host.daemon = Some(self.host.spawn("anycast", &self.site, &all));
        self.wait_for_backends();
    }

    /// The same with an environment and a file for stderr of the caller's.
    pub fn run_daemon_with(&mut self, arguments: &[&str], environment: &[(&str, &str)], stderr: Stdio) {
        let file = self.host.path("anycast.toml");
        std::fs::write(&file, &self.site).unwrap();
        let words = ["run", "--xdp-mode", "native", "--config", file.to_str().unwrap()];
        let mut command = self.host.command("anycast", &[&words, arguments].concat());
        command.envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        self.host.daemon = Some(self.host.lab.spawn("edge", command).unwrap());
        self.wait_for_backends();
    }

    fn wait_for_backends(&self) {
        let is_up = |text: &str| {
            let status: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            let pools = status["pools"].as_array().cloned().unwrap_or_default();
            let mut backends = pools.iter().flat_map(|pool| pool["backends"].as_array().unwrap());
            !pools.is_empty() && backends.all(|backend| backend["state"] == "up")
        };
        self.wait_for("every backend is up", |edge| is_up(&edge.try_ctl(&["status", "--json"]).1));
    }

    pub fn end_daemon(&mut self, signal: Signal) {
        self.host.end(signal);
    }

    /// What a command prints that must succeed.
    #[track_caller]
    pub fn ctl(&self, words: &str) -> String {
        let (code, text) = self.try_ctl(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(code, 0, "{words}: {text}");
        text
    }

    /// The exit code of a command, and all it printed.
    pub fn try_ctl(&self, words: &[&str]) -> (i32, String) {
        self.host.run("anycast", words)
    }

    /// What is kept, as `watch` shows it.
    pub fn kept(&self, words: &str) -> Vec<Told> {
        let text = self.ctl(format!("watch --json --no-follow {words}").trim_end());
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// Sends datagrams to a port of the v4 VIP that no service has.
    pub fn knock(&self, packets: usize) {
        let vip = self.host.lab.plan().vips.v4;
        let send = || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            for _ in 0..packets {
                // What was answered to the one before is of no interest.
                let _ = socket.send_to(b"knock", (vip, NO_SERVICE));
            }
            Ok(())
        };
        self.host.lab.inside("client", send).unwrap();
    }

    /// Has the servers of a backend refuse checks, or no longer.
    pub fn refuse(&self, backend: &str, refuses: bool) {
        let rule = "table inet refuse { chain input { type filter hook input priority 0; tcp dport 80 reject with tcp reset; }; }";
        let words = if refuses { vec![rule] } else { vec!["delete", "table", "inet", "refuse"] };
        self.host.lab.run(backend, "nft", &words).unwrap();
    }

    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < SOON,
                "waited in vain for this: {what}; {:?}",
                self.try_ctl(&["status"]).1
            );
            thread::sleep(POLL);
        }
    }

    /// A file in the lab's directory.
    pub fn create(&self, name: &str) -> File {
        File::create(self.host.path(name)).unwrap()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.host.path(name)).unwrap()
    }
}
