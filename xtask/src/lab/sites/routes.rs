//! Where transit sends a VIP: by its kernel's table, now and as it changes.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    net::IpAddr,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::super::{Namespace, Process, topology};
use crate::host_tool;

const POLL: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_millis(20);
const READY_WITHIN: Duration = Duration::from_secs(5);
/// What the kernel tells of a route waits for a processor like all else.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// Edge hosts that a VIP is sent to.
pub type Edges = BTreeSet<String>;

/// Edges that transit's kernel sends a VIP to; it spreads flows over them.
pub(super) fn routes(transit: &Namespace, vip: IpAddr) -> Result<Edges> {
    let mut ip = host_tool::command("ip");
    let family = if vip.is_ipv4() { "-4" } else { "-6" };
    ip.args([family, "-json", "route", "show", "exact", &prefix(vip)]);
    let text = topology::output(transit, ip)?;
    let routes: Vec<Route> = serde_json::from_str(&text).context("read transit's routes")?;
    let hops = |route: Route| route.hop.into_iter().chain(route.nexthops.into_iter().map(|hop| hop.dev));
    Ok(routes.into_iter().flat_map(hops).collect())
}

fn prefix(vip: IpAddr) -> String {
    match vip {
        IpAddr::V4(vip) => format!("{vip}/32"),
        IpAddr::V6(vip) => format!("{vip}/128"),
    }
}

/// `ip -json route show`: a route has one next hop, or a list. Transit's ports are called as the edges.
#[derive(Debug, Deserialize)]
struct Route {
    #[serde(rename = "dev")]
    hop: Option<String>,
    #[serde(default)]
    nexthops: Vec<NextHop>,
}

#[derive(Debug, Deserialize)]
struct NextHop {
    dev: String,
}

/// A change of transit's route to a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When the kernel's word of it was read.
    pub at: Instant,
    /// Whose route.
    pub vip: IpAddr,
    /// Edges that the VIP is sent to from then on; empty: it is dropped.
    pub edges: Edges,
}

/// Follows transit's routes to the VIPs; it stops when this is dropped.
#[derive(Debug)]
pub struct RouteWatch {
    _monitor: Process,
    changes: Arc<Mutex<Vec<Change>>>,
}

impl RouteWatch {
    /// Notes every change from here on.
    pub(super) fn start(transit: &Namespace) -> Result<Self> {
        let mut ip = host_tool::command("ip");
        ip.args(["-oneline", "monitor", "route"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut monitor = Process::spawn(transit, "ip monitor", ip)?;
        let lines = monitor.child().stdout.take().context("listen to `ip monitor`")?;
        let changes = Arc::new(Mutex::new(Vec::new()));
        let (noted, (heard, hears)) = (changes.clone(), mpsc::channel());
        let note = move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                let at = Instant::now();
                // Nobody waits for it but at the start.
                let _ = heard.send(());
                if let Some((vip, edges)) = parse(&line) {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push(Change { at, vip, edges });
                }
            }
        };
        // Not joined: it ends with the monitor's output.
        thread::Builder::new().name("routes".to_owned()).spawn(note).context("start a thread")?;
        let start = Instant::now();
        loop {
            // It listens once it tells of a route that nobody else makes.
            for change in ["add", "delete"] {
                topology::ip(transit, &format!("route {change} blackhole 192.0.2.127\n"))?;
            }
            if hears.recv_timeout(PATIENCE).is_ok() {
                return Ok(Self { _monitor: monitor, changes });
            }
            ensure!(start.elapsed() < READY_WITHIN, "wait for `ip monitor`: it does not tell of routes");
        }
    }

    /// Every change so far, in order.
    pub fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first change after that moment by which the VIP is sent to these edges and no other.
    pub fn since(&self, moment: Instant, vip: IpAddr, edges: &Edges) -> Option<Change> {
        let is_it = |change: &Change| change.at >= moment && change.vip == vip && change.edges == *edges;
        self.changes().into_iter().find(is_it)
    }

    /// That change, which the kernel has made already: its word of it may be a while in coming.
    ///
    /// # Errors
    /// With all that was heard since that moment, when the word does not come.
    pub fn heard(&self, moment: Instant, vip: IpAddr, edges: &Edges) -> Result<Change> {
        wait_until(HEARD_WITHIN, || Ok(self.since(moment, vip, edges).is_some()))?;
        self.since(moment, vip, edges).with_context(|| {
            let changes = self.changes().into_iter().filter(|change| change.at >= moment);
            format!("hear of {vip} by {edges:?}: the kernel told only of {:?}", changes.collect::<Vec<_>>())
        })
    }
}

/// A line of `ip -oneline monitor route`, when it is about one host: `[Deleted] ADDRESS … dev PORT …`.
fn parse(line: &str) -> Option<(IpAddr, Edges)> {
    let mut words = line.split_whitespace().peekable();
    let deleted = words.next_if_eq(&"Deleted").is_some();
    let vip: IpAddr = words.next()?.parse().ok()?;
    let mut edges = Edges::new();
    while !deleted && words.by_ref().any(|word| word == "dev") {
        edges.extend(words.next().map(str::to_owned));
    }
    Some((vip, edges))
}

/// Waits until it holds; answers whether it did within that time.
pub(super) fn wait_until(within: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    while !holds()? {
        if start.elapsed() > within {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
    Ok(true)
}

/// Edges of these names.
pub fn edges(names: &[&str]) -> Edges {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_notifications_are_read() {
        let two = "192.0.2.1 proto bird metric 32 \\\tnexthop via 192.0.2.130 dev a1 weight 1 \\\tnexthop via 192.0.2.134 dev a2 weight 1 ";
        let vip: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(parse(two), Some((vip, edges(&["a1", "a2"]))));
        assert_eq!(parse(&format!("Deleted {two}")), Some((vip, edges(&[]))));
        let one = "2001:db8:0:1::1 via 2001:db8:0:b1::2 dev b1 proto bird metric 32 pref medium";
        assert_eq!(parse(one), Some(("2001:db8:0:1::1".parse().unwrap(), edges(&["b1"]))));
        assert_eq!(parse("203.0.113.0/25 dev site-a proto kernel scope link"), None);
        assert_eq!(parse(""), None);
    }
}
