//! Daemons of this project on the edge hosts, started, asked and ended as operators and accidents would.

use std::{
    net::IpAddr,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::{
    super::{
        Family, Host, Process,
        controller::{self, Status},
        receiver::Receiver,
    },
    SitesLab, edge, no_edge,
    plan::Edge,
};
use crate::site::SiteBackend;

impl SitesLab {
    /// A site file for an edge: both VIPs, each with a pool of its site's backends, with these lines in each pool; all edges
    /// of the lab have the same seed.
    pub fn site(&self, edge: &str, lines: &str) -> Result<String> {
        Ok(self.host(edge)?.site(lines))
    }

    /// The same with the other site's backends in the pools as backups, behind GUE tunnels. They must receive:
    /// [`SitesLab::receive`].
    pub fn site_with_backups(&self, edge: &str, lines: &str) -> Result<String> {
        let own = self.plan.site_of(edge).with_context(|| no_edge(edge))?;
        let others = self.plan.sites.iter().filter(|site| site.name != own.name);
        let others: Vec<&Host> = others.flat_map(|site| &site.backends).collect();
        let mut site = controller::site(self.edge(edge)?.plan());
        for vip in &mut site.vips {
            let family = Family::of(vip.address);
            vip.backends.extend(others.iter().map(|host| SiteBackend {
                name: host.name.clone(),
                address: host.addresses.of(family),
                weight: 1,
                delivery: Some("gue".to_owned()),
            }));
        }
        let back_up = |text: String, host: &&Host| {
            let name = format!("name = \"{}\"\n", host.name);
            text.replace(&name, &format!("{name}backup = true\n"))
        };
        Ok(edge::with_lines(others.iter().fold(site.to_toml(), back_up), lines))
    }

    /// Has a backend take packets out of the tunnels of every edge of both sites.
    pub fn receive(&self, backend: &str) -> Result<Receiver> {
        let sources: Vec<IpAddr> = self.plan.edges().flat_map(Edge::tunnel_sources).collect();
        Receiver::start_from(self.any_edge()?, backend, &sources)
    }

    /// The part of a site file that has the edge's BIRD announce its VIPs, with these lines in `[announce]`.
    pub fn announce(&self, edge: &str, lines: &str) -> Result<String> {
        Ok(self.host(edge)?.announce(lines))
    }

    /// Starts the daemon on an edge and waits until every backend is as its site wants it: up, unless it
    /// was to be drained or disabled. With a site it is given that file; without, it goes on
    /// with what it stored. One that runs is ended first.
    pub fn start_daemon(&mut self, edge: &str, site: Option<&str>, arguments: &[&str]) -> Result<()> {
        self.host_mut(edge)?.start(site, arguments, is_as_wanted)
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

    /// A command of `anycast-ctl` for an edge's instance, to be started there by [`SitesLab::spawn`].
    pub fn ctl_command(&self, edge: &str, words: &[&str]) -> Result<Command> {
        self.host(edge)?.command(words)
    }

    /// Starts an `anycast-ctl` on an edge that takes its time, with pipes for what it prints: a watchdog, a command that waits.
    pub fn start_ctl(&self, edge: &str, words: &[&str]) -> Result<Process> {
        let host = self.host(edge)?;
        let mut command = host.command(words)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Process::spawn(host.lab.edge()?, &format!("anycast-ctl {} on {edge}", words.join(" ")), command)
    }
}

fn is_as_wanted(status: &Status) -> bool {
    let mut backends = status.pools.iter().flat_map(|pool| &pool.backends);
    backends.all(|backend| matches!(backend.state.as_str(), "up" | "draining" | "disabled" | "removed"))
}
