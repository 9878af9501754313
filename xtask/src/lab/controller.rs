//! The controller in a lab: the daemon in the edge's namespace, and the few fields of its answers used here.

use std::{
    fs::{self, File},
    net::IpAddr,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{
    Lab,
    plan::{Family, Plan},
    process::Process,
    server::{HTTP_PORT, last_lines},
    session::SESSION_PORT,
    topology::INTERFACE,
};
use crate::site::{SiteBackend, SiteFile, SiteVip};

const READY_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(30);
/// Fixed, so that a lab steers the same way every time.
const SEED: u64 = 0x0123_4567_89ab_cdef;

/// `anycast-ctl status --json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Where the program is attached.
    pub interfaces: Vec<Interface>,
    /// The VIPs.
    pub vips: Vec<Vip>,
    /// The pools.
    pub pools: Vec<Pool>,
    /// Packets of every VIP that were not delivered.
    pub reasons: Vec<Reason>,
}

/// One interface of the edge.
#[derive(Clone, Debug, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// `native` or `generic`.
    pub mode: String,
}

/// One VIP.
#[derive(Clone, Debug, Deserialize)]
pub struct Vip {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Delivered per backend, removed ones included.
    pub backends: Vec<VipBackend>,
}

/// What one backend got of one VIP.
#[derive(Clone, Debug, Deserialize)]
pub struct VipBackend {
    /// Its name.
    pub name: String,
    /// Delivered to it.
    pub traffic: Traffic,
}

/// Kernel counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Traffic {
    /// Packets delivered.
    pub packets: u64,
    /// Those that opened a flow.
    pub new_flows: u64,
}

/// One pool.
#[derive(Clone, Debug, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Slots of its table.
    pub slots: u32,
    /// Those of them that remember an earlier owner.
    pub transition: Transition,
    /// Removed backends follow the others.
    pub backends: Vec<Backend>,
}

/// The slots of a pool that are in transition.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Transition {
    /// How many.
    pub slots: u32,
}

/// One backend.
#[derive(Clone, Debug, Deserialize)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// `up`, `unresolved` or `removed`.
    pub state: String,
    /// Slots that are its own.
    pub slots: u32,
}

/// Packets for one reason.
#[derive(Clone, Debug, Deserialize)]
pub struct Reason {
    /// Its label.
    pub reason: String,
    /// `pass`, `drop` or `answer`.
    pub verdict: String,
    /// Packets.
    pub packets: u64,
}

impl Status {
    /// Whether every backend that is not removed is steered to.
    pub fn all_up(&self) -> bool {
        let mut backends = self.pools.iter().flat_map(|pool| &pool.backends);
        backends.all(|backend| matches!(backend.state.as_str(), "up" | "removed"))
    }

    /// What a backend got of the VIP of that family.
    pub fn traffic(&self, family: Family, backend: &str) -> Traffic {
        let vip = self.vips.iter().find(|vip| Family::of(vip.address) == family);
        let found = vip.and_then(|vip| vip.backends.iter().find(|entry| entry.name == backend));
        found.map(|entry| entry.traffic).unwrap_or_default()
    }
}

/// The configuration of a lab's controller: both VIPs, every backend in both pools, no spare.
pub fn site(plan: &Plan) -> SiteFile {
    let vip = |family: Family| SiteVip {
        address: plan.vips.of(family),
        services: vec![format!("tcp/{HTTP_PORT}"), format!("tcp/{SESSION_PORT}")],
        delivery: None,
        backends: plan
            .backends
            .iter()
            .map(|host| SiteBackend {
                name: host.name.clone(),
                address: host.addresses.of(family),
                weight: 1,
                delivery: None,
            })
            .collect(),
    };
    SiteFile { interface: INTERFACE.to_owned(), seed: Some(SEED), vips: Family::ALL.map(vip).to_vec() }
}

/// Starts the daemon in the edge's namespace and waits until it answers with a status that is `ready`.
pub(super) fn start(
    lab: &Lab,
    binary: &Path,
    site: &str,
    arguments: &[&str],
    ready: impl Fn(&Status) -> bool,
) -> Result<Process> {
    let configuration = lab.directory().join("site.toml");
    fs::write(&configuration, site).with_context(|| format!("write {}", configuration.display()))?;
    let log = lab.directory().join("controller.log");
    let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
    let mut command = Command::new(binary);
    command.args(["run", "--temporary", "--config"]).arg(&configuration);
    command.arg("--socket").arg(lab.socket()).args(arguments);
    command.stdout(output.try_clone().context("share the controller's log")?).stderr(output);
    let mut process = Process::spawn(lab.edge()?, "the controller", command)?;
    wait_until_ready(&mut process, &log, || status(lab, binary), ready)?;
    Ok(process)
}

/// Waits until a daemon that was just started answers with a status that is `ready`.
pub(super) fn wait_until_ready(
    process: &mut Process,
    log: &Path,
    ask: impl Fn() -> Result<Status>,
    ready: impl Fn(&Status) -> bool,
) -> Result<()> {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.as_ref().is_ok_and(&ready) {
            return Ok(());
        }
        process.expect_running().with_context(|| format!("start the controller; {}", last_lines(log)))?;
        if start.elapsed() > READY_WITHIN {
            let reason =
                answer.map_or_else(|error| format!("{error:#}"), |_| "not every backend is up".to_owned());
            bail!("wait for the controller to steer: {reason}; {}", last_lines(log));
        }
        thread::sleep(POLL);
    }
}

/// Asks the lab's controller how things are.
pub(super) fn status(lab: &Lab, binary: &Path) -> Result<Status> {
    let text = client(lab, binary, &["status", "--json"])?;
    serde_json::from_str(&text).context("read the controller's status")
}

/// Runs the controller's command line against the lab's socket; failure is an error with what it said.
pub(super) fn client(lab: &Lab, binary: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(binary);
    command.arg("--socket").arg(lab.socket()).args(arguments);
    let output = command.output().with_context(|| format!("start {}", binary.display()))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("run `anycast-ctl {}`: {}: {}", arguments.join(" "), output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
