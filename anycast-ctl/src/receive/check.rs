//! Is this machine a backend that works? One finding for each thing a backend needs.

use std::{
    net::IpAddr,
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::ReceiveError;
use crate::{
    finding::{self, Finding, State},
    preflight::Surroundings,
};

mod facts;
mod judge;
mod path_mtu;
mod program;

/// Duplicate address detection is over by then: a random second, and one for the answer (RFC 4862 section 5.4).
const DETECTION: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(50);

/// How packets come from the edge hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Delivery {
    /// Addressed to this host's MAC.
    L2,
    /// Inside IPv4 or IPv6.
    Ipip,
    /// Inside UDP.
    Gue,
}

/// `anycast-ctl receive check --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the interface.
    pub interface: String,
    /// What was found, in the order a packet meets it.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many checks came out so.
    pub fn count(&self, state: State) -> usize {
        finding::count(&self.findings, state)
    }
}

/// Looks at the machine; without a way of delivery, at what any of them needs.
///
/// # Errors
/// When it cannot be looked at. What is wrong with it is a finding.
pub async fn check(
    bpffs: &Path,
    interface: &str,
    vips: &[IpAddr],
    delivery: Option<Delivery>,
) -> Result<Report, ReceiveError> {
    Surroundings::gather()?.check_capabilities()?;
    let start = Instant::now();
    let facts = loop {
        let facts = facts::gather(bpffs, interface).await?;
        let is_settled =
            facts.network.addresses.iter().all(|held| !held.tentative || !vips.contains(&held.address));
        if is_settled || start.elapsed() > DETECTION {
            break facts;
        }
        tokio::time::sleep(POLL).await;
    };
    Ok(Report { interface: facts.interface.name.clone(), findings: judge::judge(&facts, vips, delivery) })
}
