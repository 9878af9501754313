//! What bgpd says of its routes and neighbours, in JSON.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Deserializer, Value};

use super::config::family;
use crate::announce::driver::{DriverError, Level, Peer, SeenRoute};

/// `show bgp summary json`: the neighbours of each family.
#[derive(Debug, Default)]
pub struct Summary(BTreeMap<String, Family>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Family {
    peers: BTreeMap<String, Neighbour>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Neighbour {
    remote_as: Option<u32>,
    state: String,
    /// `Policy`: `bgp ebgp-requires-policy` holds everything back.
    peer_state: String,
    peer_uptime: Option<String>,
}

/// `show bgp FAMILY unicast PREFIX json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Entry {
    advertised_to: BTreeMap<String, Value>,
    paths: Vec<Way>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Way {
    sourced: bool,
    local: bool,
    valid: bool,
    bestpath: Best,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Best {
    overall: bool,
}

/// What to ask for all of it.
pub fn questions<'a>(prefixes: impl Iterator<Item = &'a IpNet>) -> Vec<String> {
    let routes = prefixes.map(|prefix| format!("show bgp {} unicast {prefix} json", family(prefix)));
    std::iter::once("show bgp summary json".to_owned()).chain(routes).collect()
}

/// Reads the answers: the summary, and as many entries as there were prefixes.
pub fn answers(text: &str, prefixes: usize) -> Result<(Summary, Vec<Entry>), DriverError> {
    let garbled = |what: String| DriverError::Garbled(format!("asking bgpd for its routes in JSON: {what}"));
    let values: Result<Vec<Value>, _> = Deserializer::from_str(text).into_iter().collect();
    let mut values = values.map_err(|error| garbled(error.to_string()))?.into_iter();
    let summary = Summary::read(values.next().unwrap_or_default());
    let entries: Result<Vec<Entry>, _> = values.map(serde_json::from_value).collect();
    let entries = entries.map_err(|error| garbled(error.to_string()))?;
    if entries.len() != prefixes {
        return Err(garbled(format!("{} answers to {prefixes} questions", entries.len())));
    }
    Ok((summary, entries))
}

impl Summary {
    fn read(value: Value) -> Self {
        let Value::Object(families) = value else { return Self::default() };
        let families = families.into_iter();
        Self(families.filter_map(|(name, it)| Some((name, serde_json::from_value(it).ok()?))).collect())
    }

    /// All of them, each once, however many families it takes part in.
    pub fn peers(&self) -> Vec<Peer> {
        let mut peers = BTreeMap::new();
        for (name, neighbour) in self.0.values().flat_map(|family| &family.peers) {
            let established = neighbour.is_established();
            let peer = peers.entry(name).or_insert_with(|| neighbour.peer(name));
            if established && !peer.established {
                *peer = neighbour.peer(name);
            }
        }
        peers.into_values().collect()
    }

    /// Why no neighbour is told a route of that family, as far as it shows.
    fn silence(&self, prefix: &IpNet) -> String {
        let family = family(prefix);
        let neighbours = self.0.get(&format!("{family}Unicast")).map(|it| &it.peers);
        let mut up = neighbours.into_iter().flatten().filter(|(_, it)| it.is_established()).peekable();
        if up.peek().is_none() {
            return format!("bgpd has no neighbour for {family} unicast with which a session is established");
        }
        match up.find(|(_, it)| it.peer_state == "Policy") {
            Some((name, _)) => format!(
                "bgpd tells {name} nothing for want of a policy: `neighbor {name} route-map … out`, or `no bgp \
                 ebgp-requires-policy`"
            ),
            None => format!(
                "bgpd tells it no neighbour: see their outgoing filters (`show bgp {family} unicast neighbors … \
                 advertised-routes`)"
            ),
        }
    }
}

impl Neighbour {
    fn is_established(&self) -> bool {
        self.state == "Established"
    }

    fn peer(&self, name: &str) -> Peer {
        let policy = "it gets no routes for want of a policy (bgp ebgp-requires-policy)";
        Peer {
            name: name.to_owned(),
            address: name.parse().ok(),
            asn: self.remote_as,
            established: self.is_established(),
            state: self.state.clone(),
            since: self.peer_uptime.clone().filter(|it| it != "never"),
            error: (self.peer_state == "Policy").then(|| policy.to_owned()),
        }
    }
}

impl Entry {
    /// Of a route at that level.
    pub fn route(&self, prefix: &IpNet, level: Level, summary: &Summary) -> SeenRoute {
        let trouble = self.trouble(prefix).or_else(|| {
            let is_told = !self.advertised_to.is_empty();
            (!is_told).then(|| summary.silence(prefix))
        });
        SeenRoute { level, exported_to: Some(self.advertised_to.keys().cloned().collect()), trouble }
    }

    fn trouble(&self, prefix: &IpNet) -> Option<String> {
        match self.paths.iter().find(|way| way.sourced && way.local) {
            None => Some(
                "bgpd has the `network` statement, but no route: see what its route-map denies".to_owned(),
            ),
            Some(way) if !way.valid => Some(format!(
                "bgpd does not use it, for zebra has no route to {prefix}: take `no bgp network import-check` into \
                 `router bgp`, or hold the VIP on lo"
            )),
            Some(way) if way.bestpath.overall => None,
            // It gathers changes for 50 ms before it chooses.
            Some(_) if self.paths.len() == 1 => Some("bgpd has not chosen it yet: look again".to_owned()),
            Some(_) => Some(format!(
                "bgpd prefers another route to {prefix}: see `show bgp {} unicast {prefix}`",
                family(prefix)
            )),
        }
    }
}
