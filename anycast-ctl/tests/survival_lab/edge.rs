//! An edge with a daemon whose flows are soon taken for ended.

use std::time::Duration;

use anycast_ctl::api::types::{BackendState, BackendStatus};
use nix::sys::signal::Signal;

use crate::host::Host;

/// Longer than anything waited for takes, on a machine with other work.
pub const SOON: Duration = Duration::from_secs(40);
pub const INSTANCE: &str = "anycast";

/// The lab's edge with the daemon on it.
pub struct Edge {
    pub host: Host,
    site: String,
}

impl Edge {
    /// One with so many backends, those of web4 up. Every pool has these lines; `change` is made of the site.
    pub fn begin_with(backends: usize, lines: &str, change: impl FnOnce(String) -> String) -> Self {
        let host = Host::new(backends);
        let with_lines = |text: String, pool: &str| {
            let name = format!("name = \"{pool}\"\n");
            text.replacen(&name, &format!("{name}idle_timeout = \"2s\"\n{lines}"), 1)
        };
        let site = change(["web4", "web6"].into_iter().fold(host.site(), with_lines));
        let mut edge = Self { host, site };
        edge.run_daemon();
        edge.wait_until_up("web4");
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

    /// A pool's backends, removed ones last.
    pub fn pool(&self, name: &str) -> Vec<BackendStatus> {
        let status = self.host.status(INSTANCE);
        status.pools.into_iter().find(|pool| pool.name == name).unwrap().backends
    }

    #[track_caller]
    pub fn wait_until_up(&self, pool: &str) {
        self.wait_for(&format!("every backend of {pool} is up"), |edge| {
            edge.pool(pool).iter().all(|backend| backend.state == BackendState::Up)
        });
    }

    #[track_caller]
    pub fn wait_for(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        self.host.wait_until(what, || holds(self));
    }
}
