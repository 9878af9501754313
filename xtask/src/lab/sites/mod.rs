//! A lab of two sites: client, transit router, and at each site two edge hosts and three backends, in network namespaces of
//! their own, with real BGP between them. See [`plan`] for the picture.
//!
//! Like every lab it dies with the process that owns it. Each edge host is a [`Lab`] as well, as it sees it: what works in a lab
//! works there ([`SitesLab::edge`]).
//!
//! ```no_run
//! use std::time::Duration;
//! use xtask::lab::sites::{SitesLab, edges};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut sites = SitesLab::start(None, Some("target/debug/anycast-ctl".into()))?;
//! for edge in ["a1", "a2", "b1", "b2"] {
//!     let site = sites.site(edge, "check = { type = \"http\", port = 80 }")? + &sites.announce(edge, "lease = \"5s\"")?;
//!     sites.start_daemon(edge, Some(&site), &["--xdp-mode", "native"])?;
//! }
//! sites.wait_for_routes(&edges(&["a1", "a2"]), Duration::from_secs(20))?;
//! sites.cut("a1")?;
//! sites.wait_for_routes(&edges(&["a2"]), Duration::from_secs(20))?;
//! # Ok(())
//! # }
//! ```

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{Lab, Namespace, Namespaces, Process, directory, require_root, server, unique_name};

mod bird;
mod daemons;
mod edge;
mod evidence;
mod fault;
pub mod plan;
mod routes;
mod routing;
mod topology;
mod traffic;

pub use plan::SitesPlan;
pub use routes::{Change, Edges, RouteWatch, edges};
pub use topology::TRANSIT;
pub use traffic::Sent;

use bird::Bird;
use edge::EdgeHost;

/// A running lab of two sites. It is gone when this is dropped, also by a panic.
#[derive(Debug)]
pub struct SitesLab {
    // Dropped in this order: daemons and servers before what they work on, the directory last.
    edges: BTreeMap<String, EdgeHost>,
    transit: Bird,
    servers: BTreeMap<String, Process>,
    watch: RouteWatch,
    plan: SitesPlan,
    namespaces: Namespaces,
    claim: directory::Claim,
}

impl SitesLab {
    /// Builds one and waits until its servers answer and every BGP session is established. No daemon is started, and no route
    /// announced. Without a name it draws one that no other lab has.
    pub fn start(name: Option<String>, binary: Option<PathBuf>) -> Result<Self> {
        require_root()?;
        let plan = SitesPlan::new();
        let name = name.unwrap_or_else(unique_name);
        let claim = directory::Claim::new(&name)?;
        let namespaces = topology::build(&plan)?;
        let of = |host: &str| namespaces.get(host).with_context(|| format!("find network namespace {host}"));
        let transit = of(TRANSIT)?;
        traffic::add_counters(&plan, transit)?;
        let watch = RouteWatch::start(transit)?;
        let mut servers = BTreeMap::new();
        for host in plan.backends() {
            let server = server::start(host, plan.vips, of(&host.name)?, claim.path())?;
            servers.insert(host.name.clone(), server);
        }
        let mut edges = BTreeMap::new();
        for (site, edge) in plan.sites.iter().flat_map(|site| site.edges.iter().map(move |edge| (site, edge)))
        {
            let directory = subdirectory(claim.path(), &edge.name)?;
            let bird = Bird::start(of(&edge.name)?, &directory, &bird::on_edge(&plan, site, edge)?)?;
            let lab = Lab {
                name: name.clone(),
                plan: plan.seen_from(site, edge),
                namespaces: clone(&namespaces)?,
                socket: directory.join("anycast.sock"),
                directory,
                binary: binary.clone(),
            };
            let ports = topology::prepare_ports(transit, edge)?;
            edges.insert(edge.name.clone(), EdgeHost::new(lab, bird, ports)?);
        }
        let directory = subdirectory(claim.path(), TRANSIT)?;
        let configuration = bird::on_transit(&plan, super::plan::ROUTER_TO_CLIENT)?;
        let bird = Bird::start(transit, &directory, &configuration)?;
        let lab = Self { edges, transit: bird, servers, watch, plan, namespaces, claim };
        lab.wait_for_sessions(SESSIONS_WITHIN)?;
        Ok(lab)
    }

    /// Hosts and addresses.
    pub fn plan(&self) -> &SitesPlan {
        &self.plan
    }

    /// Where its files are; each edge's, transit's and each server's below their names.
    pub fn directory(&self) -> &Path {
        self.claim.path()
    }

    /// The lab as an edge host sees it: it is the `edge` of that lab, and its site's backends are the backends.
    pub fn edge(&self, edge: &str) -> Result<&Lab> {
        Ok(&self.host(edge)?.lab)
    }

    /// The lab as the client sees it, which is all the same to which edge it is near.
    pub fn any_edge(&self) -> Result<&Lab> {
        let first = self.edges.values().next().context("find an edge host")?;
        Ok(&first.lab)
    }

    /// The namespace of that host: `transit`, `client`, `a1`, `b-web3`, …
    pub fn namespace(&self, host: &str) -> Result<&Namespace> {
        self.namespaces.get(host).with_context(|| {
            let known: Vec<&str> = self.namespaces.keys().map(String::as_str).collect();
            format!("find namespace {host}: there are {}", known.join(", "))
        })
    }

    /// Runs a command on a host to its end and answers with its stdout; failure is an error with its stderr.
    pub fn run(&self, host: &str, program: &str, arguments: &[&str]) -> Result<String> {
        self.any_edge()?.run(host, program, arguments)
    }

    /// Starts a command on a host; it ends when the answer is dropped, or with this process.
    pub fn spawn(&self, host: &str, command: Command) -> Result<Process> {
        self.any_edge()?.spawn(host, command)
    }

    fn host(&self, edge: &str) -> Result<&EdgeHost> {
        self.edges.get(edge).with_context(|| no_edge(edge))
    }

    fn host_mut(&mut self, edge: &str) -> Result<&mut EdgeHost> {
        self.edges.get_mut(edge).with_context(|| no_edge(edge))
    }
}

/// How long the first BGP sessions may take.
const SESSIONS_WITHIN: Duration = Duration::from_secs(30);

fn subdirectory(lab: &Path, name: &str) -> Result<PathBuf> {
    let path = lab.join(name);
    fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
    Ok(path)
}

fn clone(namespaces: &Namespaces) -> Result<Namespaces> {
    namespaces.iter().map(|(name, namespace)| Ok((name.clone(), namespace.try_clone()?))).collect()
}

fn no_edge(name: &str) -> String {
    format!("find edge host {name}: there are a1, a2, b1 and b2")
}
