//! Counters of programs, links and hosts, read together.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::ask;
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
    pub offered: u64,
    /// Frames that its port took from the cable.
    pub taken: u64,
    /// Frames lost between the two, and on the way out of the edge.
    pub overflow: u64,
    /// Frames that its own stack got.
    pub stack: u64,
    /// What its program delivered, by VIP and backend.
    pub delivered: BTreeMap<(String, String), u64>,
    /// All that it delivered.
    pub all_delivered: u64,
    /// What it did not deliver, by verdict and reason.
    pub reasons: BTreeMap<(String, String), u64>,
}

/// What each server's host counted, by VIP.
pub type Arrivals = BTreeMap<(String, Family), Arrived>;

/// All counters at the start or the end of a run.
#[derive(Clone, Debug)]
pub struct Counters {
    pub edges: BTreeMap<String, Reading>,
    pub arrivals: Arrivals,
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
