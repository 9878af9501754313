//! What the daemons say of their announcements.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::{A, B};
use crate::{lab::sites::SitesLab, signals};

const POLL: Duration = Duration::from_millis(100);

/// `anycast-ctl announce list --json`, what is used of it.
#[derive(Debug, Deserialize)]
struct Announcements {
    daemon: RoutingDaemon,
    vips: Vec<Vip>,
}

#[derive(Debug, Deserialize)]
struct RoutingDaemon {
    version: Option<String>,
    watched: bool,
}

#[derive(Debug, Deserialize)]
struct Vip {
    phase: String,
}

/// Waits until every edge announces every VIP, and its lease is watched; answers with what the routing daemons call themselves.
pub fn wait_until_everywhere(sites: &SitesLab, within: Duration) -> Result<String> {
    let start = Instant::now();
    let mut versions = Vec::new();
    for edge in A.into_iter().chain(B) {
        loop {
            let told = ask(sites, edge)?;
            if told.daemon.watched && told.vips.iter().all(|vip| vip.phase == "announced") {
                versions.extend(told.daemon.version);
                break;
            }
            if start.elapsed() > within {
                bail!(
                    "wait for {edge} to announce its VIPs: not within {within:?}: {told:?}\n{}",
                    sites.evidence()
                );
            }
            signals::sleep(POLL)?;
        }
    }
    versions.dedup();
    Ok(versions.join(" and "))
}

fn ask(sites: &SitesLab, edge: &str) -> Result<Announcements> {
    let text = sites.ctl(edge, &["announce", "list", "--json"])?;
    serde_json::from_str(&text).with_context(|| format!("read what {edge} announces"))
}
