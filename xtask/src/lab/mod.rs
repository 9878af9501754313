//! A lab: client, router, edge host and backends in network namespaces of their own, with real web servers.
//!
//! One implementation for the lab commands, the demo and the tests. A lab is owned by one process ([`OwnedLab`])
//! and dies with it, whatever ends it: the namespaces have no name, links and programs live in them, children get
//! a parent-death signal, and the directory is swept by the next lab. Any process may look at a running lab and
//! work in it ([`Lab::open`]).
//!
//! Needs root, and the packages `cargo xtask setup` installs.
//!
//! ```no_run
//! use xtask::lab::{Options, OwnedLab, server};
//!
//! # fn main() -> anyhow::Result<()> {
//! let binary = Some("target/debug/anycast-ctl".into());
//! let mut lab = OwnedLab::start(&Options { backends: 3, binary, ..Options::default() })?;
//! lab.start_controller(&["--xdp-mode", "native"])?;
//! let vip = (lab.plan().vips.v6, server::HTTP_PORT).into();
//! assert!(server::get(lab.client()?, vip, "/")?.contains("X-Backend: backend"));
//! lab.ctl(&["backend", "remove", "web6", "backend2"])?;
//! assert!(lab.run("edge", "ip", &["-brief", "link"])?.contains("eth0"));
//! # Ok(())
//! # }
//! ```

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, bail};
use nix::unistd::Uid;

pub mod commands;
pub mod controller;
mod counters;
mod directory;
pub mod holder;
mod links;
mod namespace;
mod packet_socket;
mod plan;
pub mod ports;
mod private_bpffs;
mod process;
pub mod random;
pub mod receiver;
pub mod server;
pub mod session;
pub mod sites;
mod state;
mod topology;
pub mod transfer;
pub mod wire;
pub mod xdp;

pub use directory::alive;
pub use namespace::Namespace;
pub use plan::{Addresses, Family, Host, MAX_BACKENDS, Plan};
pub use private_bpffs::PrivateBpffs;
pub use process::{Process, halt};
pub use state::State;
pub use topology::{CLIENT_PORT, INTERFACE, Namespaces, ROUTER, SECOND_ARM, SEGMENT};

/// What a lab is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name; `None` draws one no other lab has.
    pub name: Option<String>,
    /// Servers in the pools.
    pub backends: usize,
    /// Servers that run but are in no pool.
    pub spares: usize,
    /// Whether the edge reaches the backends by another interface than the router.
    pub two_arms: bool,
    /// The anycast-ctl executable.
    pub binary: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { name: None, backends: 2, spares: 0, two_arms: false, binary: None }
    }
}

/// A running lab, whoever owns it.
#[derive(Debug)]
pub struct Lab {
    name: String,
    plan: Plan,
    namespaces: Namespaces,
    directory: PathBuf,
    socket: PathBuf,
    binary: Option<PathBuf>,
}

impl Lab {
    /// Opens a lab that another process owns.
    pub fn open(name: &str) -> Result<Self> {
        let state = State::read(name)?;
        Ok(Self {
            namespaces: state.open_namespaces()?,
            directory: directory::path_of(name),
            name: state.name,
            plan: state.plan,
            socket: state.socket,
            binary: state.binary,
        })
    }

    /// Its name, unique on this machine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hosts and addresses.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where its files are: logs, configurations, the controller's socket.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Path of the controller's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The anycast-ctl executable.
    pub fn binary(&self) -> Result<&Path> {
        self.binary.as_deref().context("find anycast-ctl: this lab was started without it")
    }

    /// The namespace of that name: `client`, `router`, `edge`, `backend1`, …
    pub fn namespace(&self, name: &str) -> Result<&Namespace> {
        self.namespaces.get(name).with_context(|| {
            let known: Vec<&str> = self.namespaces.keys().map(String::as_str).collect();
            format!("find namespace {name}: lab {} has {}", self.name, known.join(", "))
        })
    }

    /// The edge host's namespace.
    pub fn edge(&self) -> Result<&Namespace> {
        self.namespace(&self.plan.edge.name)
    }

    /// The client's namespace.
    pub fn client(&self) -> Result<&Namespace> {
        self.namespace(&self.plan.client.name)
    }

    /// Runs a command in a namespace to its end and answers with its stdout; failure is an error with its stderr.
    pub fn run(&self, namespace: &str, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = crate::host_tool::command(program);
        command.args(arguments);
        topology::output(self.namespace(namespace)?, command)
    }

    /// Starts a command in a namespace; it ends when the answer is dropped, or with this process.
    pub fn spawn(&self, namespace: &str, command: Command) -> Result<Process> {
        let name = format!("{} in {namespace}", command.get_program().display());
        Process::spawn(self.namespace(namespace)?, &name, command)
    }

    /// Runs a closure in a namespace, on a thread of its own.
    pub fn inside<T: Send>(&self, namespace: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.namespace(namespace)?.inside(work)
    }

    /// Runs `anycast-ctl` against the lab's controller and answers with its stdout.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String> {
        controller::client(self, self.binary()?, arguments)
    }

    /// Asks the controller how things are.
    pub fn status(&self) -> Result<controller::Status> {
        controller::status(self, self.binary()?)
    }
}

/// A lab this process owns: it is gone when this is dropped, also by a panic.
#[derive(Debug)]
pub struct OwnedLab {
    // Dropped in this order: the controller detaches while its interface is there, the directory goes last.
    controller: Option<Process>,
    servers: Vec<Process>,
    edge_ports: topology::EdgePorts,
    lab: Lab,
    _claim: directory::Claim,
}

impl OwnedLab {
    /// Builds a lab and waits until its servers answer. The controller is not started.
    pub fn start(options: &Options) -> Result<Self> {
        require_root()?;
        let mut plan = Plan::new(options.backends, options.spares)?;
        if options.two_arms {
            plan = plan.with_two_arms();
        }
        let name = options.name.clone().unwrap_or_else(unique_name);
        let claim = directory::Claim::new(&name)?;
        let (namespaces, edge_ports) = topology::build(&plan)?;
        let mut servers = Vec::new();
        for host in plan.servers() {
            let namespace = namespaces.get(&host.name).context("find a backend's namespace")?;
            servers.push(server::start(host, plan.vips, namespace, claim.path())?);
        }
        let directory = claim.path().to_owned();
        let socket = directory.join("anycast.sock");
        let lab = Lab { name, plan, namespaces, directory, socket, binary: options.binary.clone() };
        let owned = Self { controller: None, servers, edge_ports, lab, _claim: claim };
        owned.publish()?;
        Ok(owned)
    }

    /// Makes the edge a server, too: it holds the VIPs and runs what the backends run.
    pub fn serve_on_edge(&mut self) -> Result<()> {
        let (lab, edge) = (&self.lab, &self.lab.plan.edge);
        topology::add_vips(lab.edge()?, lab.plan.vips)?;
        self.servers.push(server::start(edge, lab.plan.vips, lab.edge()?, lab.directory())?);
        Ok(())
    }

    /// Pulls the edge's cable: both its ends are gone.
    pub fn pull_edge_cable(&self) -> Result<()> {
        self.lab.run(&self.lab.plan.edge.name, "ip", &["link", "delete", topology::INTERFACE]).map(drop)
    }

    /// Lays another one, with the same names and addresses.
    pub fn lay_edge_cable(&mut self) -> Result<()> {
        self.edge_ports = topology::recable_edge(&self.lab.plan, &self.lab.namespaces)?;
        Ok(())
    }

    /// Starts the controller on the lab's own site and waits until every backend is up.
    /// `arguments` follow those of `anycast-ctl run` that the lab gives.
    pub fn start_controller(&mut self, arguments: &[&str]) -> Result<()> {
        let site = controller::site(&self.lab.plan).to_toml();
        self.start_controller_when(&site, arguments, controller::Status::all_up)
    }

    /// Starts the controller on a site of the caller's and waits until it answers, whatever state its backends are in.
    pub fn start_controller_on(&mut self, site: &str, arguments: &[&str]) -> Result<()> {
        self.start_controller_when(site, arguments, |_| true)
    }

    fn start_controller_when(
        &mut self,
        site: &str,
        arguments: &[&str],
        ready: impl Fn(&controller::Status) -> bool,
    ) -> Result<()> {
        self.stop_controller()?;
        self.controller = Some(controller::start(&self.lab, self.lab.binary()?, site, arguments, ready)?);
        self.publish()
    }

    /// Ends the controller, as an operator would: SIGTERM.
    pub fn stop_controller(&mut self) -> Result<()> {
        if let Some(mut controller) = self.controller.take() {
            controller.stop()?;
        }
        Ok(())
    }

    /// The program on the router's port towards the edge, which sees every frame the edge sends. It passes everything.
    pub fn edge_port(&self) -> &xdp::Link {
        &self.edge_ports.first
    }

    /// The controller's process, when it was started.
    pub fn controller(&mut self) -> Option<&mut Process> {
        self.controller.as_mut()
    }

    /// The controller's log so far.
    pub fn controller_log(&self) -> Result<String> {
        let path = self.lab.directory.join("controller.log");
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    fn publish(&self) -> Result<()> {
        State {
            name: self.lab.name.clone(),
            pid: std::process::id(),
            namespaces: self.lab.namespaces.iter().map(|(name, ns)| (name.clone(), ns.number())).collect(),
            plan: self.lab.plan.clone(),
            socket: self.lab.socket.clone(),
            binary: self.lab.binary.clone(),
            controller: self.controller.is_some(),
        }
        .write()
    }
}

impl Deref for OwnedLab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// An error for anyone but root, before any work is done.
pub fn require_root() -> Result<()> {
    if !Uid::effective().is_root() {
        bail!("start a lab: network namespaces and XDP need root; run this as root");
    }
    Ok(())
}

/// No other lab has it: process ids are unique among the living, and a dead owner's directory is swept.
fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("lab-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
