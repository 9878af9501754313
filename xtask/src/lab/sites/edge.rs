//! An edge host: its routing daemon, and the controller that comes and goes.
//!
//! The controller is not a temporary one: what it pins, on a bpffs of the host's own, steers on without it, and the next one
//! takes it over.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use super::{
    super::{
        Family, Lab, Process,
        controller::{self, Status},
        private_bpffs::PrivateBpffs,
        topology,
    },
    bird::{self, Bird},
    topology::Ports,
};

/// What belongs to one edge host.
#[derive(Debug)]
pub(super) struct EdgeHost {
    // Dropped in this order: daemons before what they work on.
    daemon: Option<Process>,
    pub bird: Option<Bird>,
    _ports: Ports,
    /// The lab as the edge sees it; its directory is the edge's.
    pub lab: Lab,
    bpffs: PrivateBpffs,
    starts: usize,
}

impl EdgeHost {
    pub fn new(lab: Lab, bird: Bird, ports: Ports) -> Result<Self> {
        Ok(Self {
            daemon: None,
            bird: Some(bird),
            _ports: ports,
            lab,
            bpffs: PrivateBpffs::new()?,
            starts: 0,
        })
    }

    /// A command of anycast-ctl's for the edge's instance, to be run in its namespace.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(self.lab.binary()?);
        command.args(words).arg("--instance").arg(&self.lab.plan.edge.name);
        command.arg("--socket").arg(self.lab.socket());
        command.env("ANYCAST_STATE_DIR", self.lab.directory.join("state"));
        command.env_remove("ANYCAST_BPFFS").env_remove("RUST_LOG").stdin(Stdio::null());
        self.bpffs.prepare(&mut command)?;
        Ok(command)
    }

    /// Runs anycast-ctl to its end and answers with its stdout.
    pub fn ctl(&self, words: &[&str]) -> Result<String> {
        topology::output(self.lab.edge()?, self.command(words)?)
    }

    /// Starts the daemon and waits until it answers with a status that is `ready`. With a site it is given that file.
    pub fn start(
        &mut self,
        site: Option<&str>,
        arguments: &[&str],
        ready: impl Fn(&Status) -> bool,
    ) -> Result<()> {
        self.stop()?;
        let mut command = self.command(&["run"])?;
        if let Some(site) = site {
            let file = self.lab.directory.join("site.toml");
            fs::write(&file, site).with_context(|| format!("write {}", file.display()))?;
            command.arg("--config").arg(file);
        }
        self.starts += 1;
        let log = self.log();
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        command.args(arguments).stdout(output.try_clone().context("share the daemon's log")?).stderr(output);
        let name = format!("the daemon on {}", self.lab.plan.edge.name);
        let mut daemon = Process::spawn(self.lab.edge()?, &name, command)?;
        controller::wait_until_ready(&mut daemon, &log, || self.lab.status(), ready)
            .with_context(|| format!("start {name}"))?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Ends the daemon as its operator would, by SIGTERM, if it runs.
    pub fn stop(&mut self) -> Result<()> {
        self.daemon.take().map_or(Ok(()), |mut daemon| daemon.stop().map(drop))
    }

    /// Kills the daemon, if it runs.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon.signal(Signal::SIGKILL)?;
        daemon.wait().map(drop)
    }

    /// What the daemon that was started last has logged.
    pub fn log_text(&self) -> Result<String> {
        let log = self.log();
        fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))
    }

    fn log(&self) -> PathBuf {
        self.lab.directory.join(format!("daemon-{}.log", self.starts))
    }

    /// The site file of the edge: both VIPs, each with a pool of its site's backends, with these lines in each pool.
    pub fn site(&self, lines: &str) -> String {
        with_lines(controller::site(&self.lab.plan).to_toml(), lines)
    }

    /// The part of a site file that has the edge's BIRD announce, with these lines in `[announce]`.
    pub fn announce(&self, lines: &str) -> String {
        let socket = bird::socket(&self.lab.directory);
        format!(
            "\n[announce]\n{lines}\n[announce.bird]\nsocket = \"{}\"\nshutdown_protocol = \"anycast_{{vip}}_shutdown\"\n",
            socket.display()
        )
    }
}

/// A site file with these lines in each of its pools.
pub(super) fn with_lines(mut site: String, lines: &str) -> String {
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        site = site.replacen(&name, &format!("{name}{lines}\n"), 1);
    }
    site
}
