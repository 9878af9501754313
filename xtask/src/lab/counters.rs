//! Counters that nftables keeps in a host of a lab.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{namespace::Namespace, topology::output};
use crate::host_tool;

/// Named counters of a table.
#[derive(Debug)]
pub(super) struct Counters {
    namespace: String,
    all: BTreeMap<String, Counter>,
}

/// What one of them counted.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Counter {
    /// Packets.
    pub packets: u64,
    /// Their bytes, from the IP header on.
    pub bytes: u64,
}

impl Counters {
    /// Reads those of the table `inet NAME`.
    pub fn read(namespace: &Namespace, table: &str) -> Result<Self> {
        let mut nft = host_tool::command("nft");
        nft.args(["--json", "list", "counters", "table", "inet", table]);
        let listing: Listing =
            serde_json::from_str(&output(namespace, nft)?).context("read nft's counters")?;
        let named = listing.nftables.into_iter().filter_map(|entry| entry.counter);
        let all = named.map(|Named { name, counter }| (name, counter)).collect();
        Ok(Self { namespace: namespace.name().to_owned(), all })
    }

    /// The one of that name.
    pub fn get(&self, name: &str) -> Result<Counter> {
        let found = self.all.get(name).copied();
        found.with_context(|| format!("find counter {name} on {}", self.namespace))
    }
}

/// `nft --json list counters`: see libnftables-json(5).
#[derive(Debug, Deserialize)]
struct Listing {
    nftables: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    counter: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    counter: Counter,
}
