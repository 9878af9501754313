//! Packets in are packets delivered and packets counted: what each edge's program says, beside what links and backends counted.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{ask, site::LOCAL};
use crate::lab::{
    Family, INTERFACE,
    server::{self, Arrived},
    sites::{SitesLab, TRANSIT},
};

/// BGP and BFD go on: a reading during which nothing came is tried for so long.
const READ_WITHIN: Duration = Duration::from_secs(120);

/// What one edge's counters say at a moment at which no packet came.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Frames that transit's port sent to it.
    offered: u64,
    /// Frames that its port took from the cable.
    taken: u64,
    /// Frames lost between the two, and on the way out of the edge.
    overflow: u64,
    /// Frames that its own stack got.
    stack: u64,
    /// What its program delivered, by VIP and backend.
    delivered: BTreeMap<(String, String), u64>,
    /// All that it delivered.
    all_delivered: u64,
    /// What it did not deliver, by verdict and reason.
    reasons: BTreeMap<(String, String), u64>,
}

/// What each server's host counted, by VIP.
type Arrivals = BTreeMap<(String, Family), Arrived>;

/// All counters at the start or the end of a run.
#[derive(Clone, Debug)]
pub struct Counters {
    edges: BTreeMap<String, Reading>,
    arrivals: Arrivals,
}

impl Counters {
    /// Reads all of them.
    pub fn read(sites: &SitesLab, sockets: &BTreeMap<String, PathBuf>) -> Result<Self> {
        let edges =
            sockets.iter().map(|(edge, socket)| Ok((edge.clone(), Reading::of(sites, edge, socket)?)));
        let edges = edges.collect::<Result<_>>()?;
        let mut arrivals = Arrivals::new();
        for host in sites.plan().backends() {
            for family in Family::ALL {
                arrivals.insert(
                    (host.name.clone(), family),
                    server::arrived(sites.namespace(&host.name)?, family)?,
                );
            }
        }
        Ok(Self { edges, arrivals })
    }

    /// The same when nothing arrives anywhere any more.
    pub fn read_quiet(sites: &SitesLab, sockets: &BTreeMap<String, PathBuf>) -> Result<Self> {
        let start = Instant::now();
        let mut last = Self::read(sites, sockets)?;
        loop {
            // Longer than a FIN's first retransmission.
            std::thread::sleep(Duration::from_millis(800));
            let now = Self::read(sites, sockets)?;
            if now.arrivals == last.arrivals {
                return Ok(now);
            }
            if start.elapsed() > READ_WITHIN {
                bail!("read the counters: packets still arrive {READ_WITHIN:?} after the last client ended");
            }
            last = now;
        }
    }
}

impl Reading {
    /// Reads until nothing came meanwhile.
    fn of(sites: &SitesLab, edge: &str, socket: &std::path::Path) -> Result<Self> {
        let start = Instant::now();
        loop {
            let before = links(sites, edge)?;
            let status = ask::status(socket)?;
            let stack = stack(sites, edge)?;
            let after = links(sites, edge)?;
            if before != after {
                if start.elapsed() > READ_WITHIN {
                    bail!("read the counters of {edge}: packets come all the time");
                }
                continue;
            }
            let (offered, taken, overflow) = after;
            let all_delivered = status.delivered();
            let delivered = status.vips.iter().flat_map(|vip| {
                vip.backends.iter().map(|it| ((vip.name.clone(), it.name.clone()), it.traffic.packets))
            });
            let mut by_backend = BTreeMap::new();
            for (key, packets) in delivered {
                *by_backend.entry(key).or_default() += packets;
            }
            let reasons =
                status.reasons.iter().map(|it| ((it.verdict.clone(), it.reason.clone()), it.packets));
            return Ok(Self {
                offered,
                taken,
                overflow,
                stack,
                delivered: by_backend,
                all_delivered,
                reasons: reasons.collect(),
            });
        }
    }
}

/// Frames that transit's port sent, that the edge's took, and that were lost for want of room.
fn links(sites: &SitesLab, edge: &str) -> Result<(u64, u64, u64)> {
    #[derive(Deserialize)]
    struct Link {
        stats64: Stats,
    }
    #[derive(Deserialize)]
    struct Stats {
        tx: Sent,
    }
    #[derive(Deserialize)]
    struct Sent {
        packets: u64,
        dropped: u64,
    }
    let text = sites.run(TRANSIT, "ip", &["-json", "-stats", "link", "show", "dev", edge])?;
    let links: Vec<Link> = serde_json::from_str(&text).context("read a link's counters")?;
    let sent = &links.first().context("find a link's counters")?.stats64.tx;
    let port = sites.run(edge, "ethtool", &["-S", INTERFACE])?;
    let counters = || port.lines().filter_map(|line| line.trim().split_once(": "));
    let sum = |is_it: &dyn Fn(&str) -> bool| -> u64 {
        counters().filter(|(name, _)| is_it(name)).filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
    };
    let taken = sum(&|name| name.starts_with("rx_queue_") && name.ends_with("_xdp_packets"));
    // What a program dropped had found room.
    let no_room = sum(&|name| {
        ["_drops", "_tx_errors", "_xmit_errors"].iter().any(|end| name.ends_with(end))
            && !name.ends_with("_xdp_drops")
    });
    Ok((sent.packets, taken, sent.dropped + no_room))
}

/// Frames that the edge's own stack got by that interface.
fn stack(sites: &SitesLab, edge: &str) -> Result<u64> {
    let text = sites.run(edge, "nft", &["list", "counters", "table", "netdev", "soak"])?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = words.iter().position(|word| *word == "packets").context("find a counter of nft's")?;
    let count = words.get(place + 1).context("find a counter of nft's")?;
    count.parse().context("read a counter of nft's")
}

/// One edge's books.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeRow {
    pub edge: String,
    /// Sent to it by transit.
    pub offered: u64,
    /// Taken by its port.
    pub taken: u64,
    /// Delivered by its program.
    pub delivered: u64,
    pub passed: u64,
    pub dropped: u64,
    pub answered: u64,
    /// Of the delivered ones, those of its own VIPs: its own stack got them.
    pub delivered_here: u64,
    /// What its own stack got.
    pub stack: u64,
    /// Lost on cables.
    pub overflow: u64,
    /// Packets of each reason.
    pub reasons: BTreeMap<String, u64>,
}

impl EdgeRow {
    /// Whether every packet is in one counter, and those that are the stack's came there.
    pub fn agrees(&self) -> bool {
        self.offered == self.taken
            && self.taken == self.delivered + self.passed + self.dropped + self.answered
            && self.stack == self.passed + self.delivered_here
    }
}

/// One server's books, of one VIP.
#[derive(Clone, Debug, Serialize)]
pub struct ServerRow {
    pub server: String,
    pub family: Family,
    /// Delivered to it, by all edges.
    pub delivered: u64,
    /// What its host got.
    pub arrived: u64,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    pub edges: Vec<EdgeRow>,
    pub servers: Vec<ServerRow>,
}

impl Books {
    /// What was counted between two readings.
    pub fn between(before: &Counters, after: &Counters) -> Self {
        let mut edges = Vec::new();
        let mut delivered = BTreeMap::<(String, String), u64>::new();
        for (edge, after) in &after.edges {
            let Some(before) = before.edges.get(edge) else { continue };
            let mut row = EdgeRow {
                edge: edge.clone(),
                offered: after.offered - before.offered,
                taken: after.taken - before.taken,
                delivered: after.all_delivered - before.all_delivered,
                passed: 0,
                dropped: 0,
                answered: 0,
                delivered_here: 0,
                stack: after.stack - before.stack,
                overflow: after.overflow - before.overflow,
                reasons: BTreeMap::new(),
            };
            for ((verdict, reason), packets) in &after.reasons {
                let earlier = before.reasons.get(&(verdict.clone(), reason.clone())).copied().unwrap_or(0);
                let packets = packets - earlier;
                match verdict.as_str() {
                    "pass" => row.passed += packets,
                    "drop" => row.dropped += packets,
                    _ => row.answered += packets,
                }
                if packets > 0 {
                    row.reasons.insert(reason.clone(), packets);
                }
            }
            for ((vip, backend), packets) in &after.delivered {
                let earlier = before.delivered.get(&(vip.clone(), backend.clone())).copied().unwrap_or(0);
                if edge == LOCAL && backend == LOCAL {
                    row.delivered_here += packets - earlier;
                }
                *delivered.entry((vip.clone(), backend.clone())).or_default() += packets - earlier;
            }
            edges.push(row);
        }
        let servers = after.arrivals.iter().map(|((server, family), arrived)| {
            let key = (server.clone(), *family);
            let earlier = before.arrivals.get(&key).map_or(0, |earlier| earlier.packets);
            let vip = (family.vip_name().to_owned(), server.clone());
            ServerRow {
                server: server.clone(),
                family: *family,
                delivered: delivered.get(&vip).copied().unwrap_or(0),
                arrived: arrived.packets - earlier,
            }
        });
        Self { edges, servers: servers.collect() }
    }

    /// What does not agree.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in self.edges.iter().filter(|row| !row.agrees()) {
            faults.push(format!("the books of {} do not agree: {row:?}", row.edge));
        }
        for row in self.servers.iter().filter(|row| row.delivered != row.arrived) {
            faults.push(format!(
                "{:?}: {} packets were delivered to {}, and {} arrived there",
                row.family, row.delivered, row.server, row.arrived
            ));
        }
        let delivered: u64 = self.edges.iter().map(|row| row.delivered - row.delivered_here).sum();
        let arrived: u64 = self.servers.iter().map(|row| row.arrived).sum();
        if delivered != arrived {
            faults.push(format!("the edges delivered {delivered} packets to servers, and {arrived} arrived"));
        }
        if delivered == 0 {
            faults.push("no packet was delivered at all".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> EdgeRow {
        EdgeRow {
            edge: "a1".to_owned(),
            offered: 110,
            taken: 110,
            delivered: 70,
            passed: 20,
            dropped: 15,
            answered: 5,
            delivered_here: 3,
            stack: 23,
            overflow: 0,
            reasons: BTreeMap::new(),
        }
    }

    #[test]
    fn a_packet_that_is_in_no_counter_is_found() {
        let server =
            ServerRow { server: "a-web1".to_owned(), family: Family::V4, delivered: 67, arrived: 67 };
        let good = Books { edges: vec![row()], servers: vec![server.clone()] };
        assert!(good.faults().is_empty(), "{:?}", good.faults());
        for wrong in [
            EdgeRow { offered: 111, ..row() },
            EdgeRow { taken: 111, offered: 111, ..row() },
            EdgeRow { stack: 22, ..row() },
        ] {
            let books = Books { edges: vec![wrong], ..good.clone() };
            assert_eq!(books.faults().len(), 1, "{:?}", books.faults());
        }
        let lost = Books { servers: vec![ServerRow { arrived: 66, ..server }], ..good };
        assert_eq!(lost.faults().len(), 2, "{:?}", lost.faults());
    }
}
