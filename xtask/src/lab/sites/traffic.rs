//! Who receives what: packets to the VIPs that transit forwards to each edge, counted where no daemon is needed for it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::{
    super::{Family, Namespace, counters::Counters, topology},
    plan::SitesPlan,
};
use crate::host_tool;

const TABLE: &str = "sites";

/// What one edge was sent of both VIPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets.
    pub packets: u64,
    /// Those with SYN and without ACK: connections that were opened, or tried again.
    pub syns: u64,
}

impl Sent {
    /// What came since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(earlier.packets),
            syns: self.syns.saturating_sub(earlier.syns),
        }
    }
}

/// Counts what leaves transit's forwarding, by its port.
pub(super) fn add_counters(plan: &SitesPlan, transit: &Namespace) -> Result<()> {
    let (mut counters, mut rules) = (String::new(), String::new());
    for edge in plan.edges().map(|edge| &edge.name) {
        counters.push_str(&format!("  counter {edge}_packets {{ }}\n  counter {edge}_syns {{ }}\n"));
        for family in Family::ALL {
            let word = match family {
                Family::V4 => "ip",
                Family::V6 => "ip6",
            };
            let to_vip = format!("oifname \"{edge}\" {word} daddr {}", plan.vips.of(family));
            rules.push_str(&format!("    {to_vip} counter name {edge}_packets\n"));
            rules.push_str(&format!("    {to_vip} tcp flags & (syn|ack) == syn counter name {edge}_syns\n"));
        }
    }
    let mut nft = host_tool::command("nft");
    nft.arg(format!(
        "table inet {TABLE} {{\n{counters}  chain sent {{\n    type filter hook forward priority 0;\n{rules}  }}\n}}\n"
    ));
    topology::output(transit, nft)
        .context("count forwarded packets: `cargo xtask setup` installs nftables")?;
    Ok(())
}

/// What every edge was sent so far.
pub(super) fn sent(plan: &SitesPlan, transit: &Namespace) -> Result<BTreeMap<String, Sent>> {
    let counters = Counters::read(transit, TABLE)?;
    plan.edges()
        .map(|edge| {
            let count = |what| anyhow::Ok(counters.get(&format!("{}_{what}", edge.name))?.packets);
            Ok((edge.name.clone(), Sent { packets: count("packets")?, syns: count("syns")? }))
        })
        .collect()
}
