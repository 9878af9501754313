//! The lab of two sites, with what a page says on its hosts. Its own servers and addresses are left alone.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tempfile::TempDir;
use xtask::{
    host_tool,
    lab::{
        Process,
        sites::{Edges, SitesLab, TRANSIT, edges},
    },
};

use crate::{
    BINARY,
    border::frr::Frr,
    page::{Page, exchange},
};

pub const A: [&str; 2] = ["a1", "a2"];
pub const B: [&str; 2] = ["b1", "b2"];
/// Longer than any of the steps waited for takes, on a slow machine too.
const SOON: Duration = Duration::from_secs(60);

pub struct Stage {
    // Dropped in this order.
    servers: BTreeMap<String, Process>,
    frr: BTreeMap<String, Frr>,
    pub sites: SitesLab,
    page: Page,
    prefixes: [&'static str; 2],
    directory: TempDir,
}

impl Stage {
    /// Of a page that announces these prefixes.
    pub fn new(page: Page, prefixes: [&'static str; 2]) -> Self {
        let sites = SitesLab::start(None, Some(BINARY.into())).unwrap();
        Self {
            servers: BTreeMap::new(),
            frr: BTreeMap::new(),
            sites,
            page,
            prefixes,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A block with the lab's addresses between edge hosts and the router: the page has them from a network of their own.
    pub fn in_the_lab(&self, block: &str) -> String {
        let rows = self.page.edges();
        let of_edge = |(column, name): (usize, &&'static str)| {
            let edge = self.sites.plan().edges().find(|edge| edge.name == *name).unwrap();
            let ours = [
                edge.link.v4.to_string(),
                edge.transit.v4.to_string(),
                edge.link.v6.to_string(),
                edge.transit.v6.to_string(),
            ];
            rows[2..6].iter().map(move |row| row[column]).zip(ours).collect::<Vec<_>>()
        };
        let pairs: Vec<_> = rows[0].iter().enumerate().skip(1).flat_map(of_edge).collect();
        exchange(block, &pairs.iter().map(|(from, to)| (*from, to.as_str())).collect::<Vec<_>>())
    }

    /// Has edge hosts run BIRD as the page says.
    pub fn run_bird(&mut self, edges: &[&str]) {
        for edge in edges {
            let config =
                self.in_the_lab(&self.page.on_edge(edge, self.page.block("/etc/bird/bird.conf on a1")));
            let config = config.replace("/run/anycast/", &self.run_directory(edge));
            self.sites.start_bird(edge, Some(&config)).unwrap();
        }
    }

    /// Has an edge host run FRR as the page says, and no BIRD.
    pub fn run_frr(&mut self, edge: &str) {
        self.sites.stop_bird(edge).unwrap();
        let config = self.in_the_lab(&self.page.on_edge(edge, self.page.block("/etc/frr/frr.conf")));
        let namespace = self.sites.namespace(edge).unwrap();
        let frr = Frr::start_whole(namespace, &self.host_directory(edge), &config);
        self.frr.insert(edge.to_owned(), frr);
    }

    /// Where FRR's daemons listen on an edge host.
    pub fn frr_sockets(&self, edge: &str) -> String {
        self.frr[edge].sockets.display().to_string()
    }

    /// Has the router run BIRD as the page says.
    pub fn run_router(&self) {
        let config = self.in_the_lab(self.page.block("/etc/bird/bird.conf on the router"));
        let file = self.directory.path().join("router.conf");
        fs::write(&file, config).unwrap();
        let answer = self.sites.birdc(TRANSIT, &format!("configure \"{}\"", file.display())).unwrap();
        assert!(answer.contains("Reconfigur"), "{answer}");
        self.run(TRANSIT, self.page.block("# On the router"));
        self.sites.wait_for_sessions(SOON).unwrap();
    }

    /// Starts the daemon on an edge host with the page's site file, in which some words are others.
    pub fn run_daemon(&mut self, edge: &str, others: &[(&str, &str)]) {
        let mut site = self.page.on_edge(edge, self.page.block("/etc/anycast/site.toml"));
        if let Some(frr) = self.frr.get(edge) {
            let (rest, _) = site.split_once("[announce.bird]").unwrap();
            site = format!("{rest}{}", self.page.block("[announce.frr]"));
            site = site.replace("/run/frr", &frr.sockets.display().to_string());
        }
        let socket = self.sites.bird_socket(edge).unwrap();
        site = site.replace("/run/bird/bird.ctl", &socket.display().to_string());
        site = site.replace("/run/anycast/", &self.run_directory(edge));
        for (from, to) in others {
            assert!(site.contains(from), "{from}");
            site = site.replace(from, to);
        }
        self.sites.start_daemon_anyhow(edge, Some(&site), &["--xdp-mode", "native"]).unwrap();
    }

    fn run_directory(&self, edge: &str) -> String {
        format!("{}/", self.sites.edge(edge).unwrap().directory().display())
    }

    /// Types a block on a host, and answers with what is printed.
    #[track_caller]
    pub fn run(&self, host: &str, block: &str) -> String {
        self.sites.run(host, "sh", &["-ec", block]).unwrap()
    }

    /// A directory of a host's own, made if need be, into which daemons get that are not root.
    pub fn host_directory(&self, host: &str) -> PathBuf {
        fs::set_permissions(self.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let directory = self.directory.path().join(host);
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    /// Starts a server of the page's on its host, in the place of one that ran.
    pub fn run_server(&mut self, server: &str, program: &str, arguments: &[&str]) {
        self.kill_server(server);
        let mut command = host_tool::command(program);
        command.args(arguments);
        let process = self.sites.spawn(&host(server), command).unwrap();
        self.servers.insert(server.to_owned(), process);
    }

    /// Kills it, if it runs, and every process of its own.
    pub fn kill_server(&mut self, server: &str) {
        if let Some(mut process) = self.servers.remove(server) {
            process.expect_running().unwrap();
            killpg(Pid::from_raw(process.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
            process.wait().unwrap();
        }
    }

    /// Waits until the router sends both prefixes to these edges and no other.
    #[track_caller]
    pub fn wait_for_routes(&self, by: &[&str]) {
        let wanted = edges(by);
        self.until(&format!("routes by {by:?}"), |it| {
            it.prefixes.iter().all(|prefix| it.routes(prefix) == wanted)
        });
    }

    /// Edges that the router's kernel sends a prefix to.
    pub fn routes(&self, prefix: &str) -> Edges {
        let family = if prefix.contains(':') { "-6" } else { "-4" };
        let text =
            self.sites.run(TRANSIT, "ip", &[family, "-oneline", "route", "show", "exact", prefix]).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        words.windows(2).filter(|pair| pair[0] == "dev").map(|pair| pair[1].to_owned()).collect()
    }

    /// What the router's BIRD has of a route; birdc fails when there is none.
    pub fn received(&self, prefix: &str) -> String {
        self.sites.birdc(TRANSIT, &format!("show route {prefix} all")).unwrap_or_default()
    }

    /// Whether that backend is steered to, on all of these edges and in all their pools; or on none of them.
    pub fn serves(&self, edges: &[&str], server: &str) -> Option<bool> {
        let statuses = edges.iter().map(|edge| self.sites.edge(edge).unwrap().status().unwrap());
        let pools: Vec<_> = statuses.flat_map(|status| status.pools).collect();
        let backends = pools.iter().flat_map(|pool| &pool.backends).filter(|it| it.name == server);
        let up: Vec<bool> = backends.map(|it| it.state == "up").collect();
        (up.iter().all(|it| *it == up[0])).then(|| up[0])
    }

    /// Waits until something holds.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            if start.elapsed() > SOON {
                let evidence = A.iter().chain(&B).filter_map(|edge| {
                    let list = self.sites.ctl(edge, &["announce", "list"]).ok()?;
                    let health = self.sites.ctl(edge, &["health"]).ok()?;
                    Some(format!("{edge}\n{list}\n{health}\n"))
                });
                panic!("wait for {what}\n{}{}", evidence.collect::<String>(), self.sites.evidence());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The lab's host that is a server of the page's: `a-web1` is `a-ns1` where servers are name servers.
pub fn host(server: &str) -> String {
    let (site, rest) = server.split_once('-').unwrap();
    format!("{site}-web{}", rest.trim_start_matches(|char: char| char.is_ascii_alphabetic()))
}
