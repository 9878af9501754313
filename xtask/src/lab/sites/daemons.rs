//! Daemons of this project on the edge hosts, started, asked and ended as operators and accidents would.

use std::process::Stdio;

use anyhow::Result;

use super::{
    super::{Process, controller::Status},
    SitesLab,
};

impl SitesLab {
    /// A site file for an edge: both VIPs, each with a pool of its site's backends, with these lines in each pool; all edges
    /// of the lab have the same seed.
    pub fn site(&self, edge: &str, lines: &str) -> Result<String> {
        Ok(self.host(edge)?.site(lines))
    }

    /// The part of a site file that has the edge's BIRD announce its VIPs, with these lines in `[announce]`.
    pub fn announce(&self, edge: &str, lines: &str) -> Result<String> {
        Ok(self.host(edge)?.announce(lines))
    }

    /// Starts the daemon on an edge and waits until every backend is up. With a site it is given that file; without, it goes on
    /// with what it stored. One that runs is ended first.
    pub fn start_daemon(&mut self, edge: &str, site: Option<&str>, arguments: &[&str]) -> Result<()> {
        self.host_mut(edge)?.start(site, arguments, Status::all_up)
    }

    /// The same, but waits only until it answers, whatever state its backends are in.
    pub fn start_daemon_anyhow(&mut self, edge: &str, site: Option<&str>, arguments: &[&str]) -> Result<()> {
        self.host_mut(edge)?.start(site, arguments, |_| true)
    }

    /// Ends the daemon on an edge as its operator would, by SIGTERM, and waits until it has ended.
    pub fn stop_daemon(&mut self, edge: &str) -> Result<()> {
        self.host_mut(edge)?.stop()
    }

    /// Kills the daemon on an edge. Its program steers on.
    pub fn kill_daemon(&mut self, edge: &str) -> Result<()> {
        self.host_mut(edge)?.kill()
    }

    /// What the daemon that was started last on an edge has logged.
    pub fn log(&self, edge: &str) -> Result<String> {
        self.host(edge)?.log_text()
    }

    /// Runs `anycast-ctl` on an edge, for its instance, and answers with its stdout.
    pub fn ctl(&self, edge: &str, words: &[&str]) -> Result<String> {
        self.host(edge)?.ctl(words)
    }

    /// Starts an `anycast-ctl` on an edge that takes its time, with pipes for what it prints: a watchdog, a command that waits.
    pub fn start_ctl(&self, edge: &str, words: &[&str]) -> Result<Process> {
        let host = self.host(edge)?;
        let mut command = host.command(words)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Process::spawn(host.lab.edge()?, &format!("anycast-ctl {} on {edge}", words.join(" ")), command)
    }
}
