//! Looking at what GoBGP has.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::{
    super::{DriverError, Level, Seen, SeenRoute, Wanted},
    Gobgp,
    attributes::{Attributes, family},
    exports,
    peers::{self, Neighbour},
    table::{self, Own},
};
use crate::spelling::{listed, quoted};

impl Gobgp {
    pub(super) async fn look_at(&mut self, wanted: &Wanted) -> Result<Seen, DriverError> {
        self.connection.begin();
        self.asn = self.connection.asn().await?;
        let prefixes = || wanted.values().map(|route| route.prefix.trunc());
        let own = table::own(&self.connection, prefixes()).await?;
        for prefix in prefixes() {
            self.note(prefix, own.get(&prefix).map(|own| own.attributes.clone()));
        }
        let neighbours = peers::all(&self.connection).await?;
        let mut exports = exports::all(&self.connection, &neighbours, own.keys().copied()).await?;
        let mut routes = BTreeMap::new();
        for (vip, route) in wanted {
            let prefix = route.prefix.trunc();
            if let Some(own) = own.get(&prefix) {
                let told = exports.remove(&prefix).unwrap_or_default();
                routes.insert(vip.clone(), self.seen(prefix, own, told, &neighbours));
            }
        }
        Ok(Seen {
            daemon: format!("GoBGP, AS {}", self.asn),
            peers: neighbours.into_iter().map(|neighbour| neighbour.peer).collect(),
            routes,
        })
    }

    fn seen(&self, prefix: IpNet, own: &Own, told: Vec<String>, neighbours: &[Neighbour]) -> SeenRoute {
        let asked = self.held.get(&prefix).and_then(|held| held.level);
        let trouble = match asked {
            Some(_) => {
                unused(own).or_else(|| untold(prefix, &told, neighbours)).or_else(|| refused(prefix, &told))
            }
            None => Some(format!(
                "{prefix} has other attributes than this daemon gives it: somebody else announces it by the same gobgpd, \
                 see `gobgp global rib {prefix}`"
            )),
        };
        let level = asked.unwrap_or_else(|| guess(&own.attributes));
        SeenRoute { level, exported_to: Some(told), trouble }
    }
}

/// How routers take a route that somebody else made.
fn guess(attributes: &Attributes) -> Level {
    if attributes.is_graceful_shutdown() { Level::ShuttingDown } else { Level::Announced }
}

/// Why GoBGP does not use a route itself, and so tells it nobody.
fn unused(own: &Own) -> Option<String> {
    if let Some(neighbour) = &own.worse_than {
        return Some(format!(
            "gobgpd prefers the path that {} told it: let it import no VIPs, or with a lower local preference",
            quoted(neighbour)
        ));
    }
    own.is_unreachable.then(|| "gobgpd takes its next hop for unreachable: see its log".to_owned())
}

/// Why no neighbour is told a route that GoBGP uses.
fn untold(prefix: IpNet, told: &[String], neighbours: &[Neighbour]) -> Option<String> {
    if !told.is_empty() {
        return None;
    }
    if neighbours.is_empty() {
        return Some("gobgpd has no neighbours: add [[neighbors]] to its configuration".to_owned());
    }
    if !neighbours.iter().any(|neighbour| neighbour.peer.established) {
        return Some("gobgpd has no session that is established: see `gobgp neighbor`".to_owned());
    }
    let family = family(prefix);
    let takers: Vec<&str> = neighbours
        .iter()
        .filter(|neighbour| neighbour.takes(&family))
        .map(|neighbour| neighbour.peer.name.as_str())
        .collect();
    if takers.is_empty() {
        let (family, name) = match prefix {
            IpNet::V4(_) => ("IPv4", "ipv4-unicast"),
            IpNet::V6(_) => ("IPv6", "ipv6-unicast"),
        };
        return Some(format!(
            "no session that is established is for {family}: add afi-safi-name = \"{name}\" to a neighbour"
        ));
    }
    Some(format!(
        "export policies keep it from {}: let them accept {prefix} (`gobgp global policy`)",
        listed(takers.into_iter())
    ))
}

/// Why neighbours, as far as is known, refuse what they are told: over a session of IPv4, GoBGP 3 gives routes of IPv6 its
/// address of IPv4 as the next hop, which is none (RFC 4760, RFC 2545).
fn refused(prefix: IpNet, told: &[String]) -> Option<String> {
    let is_v4 = |name: &String| name.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4());
    if matches!(prefix, IpNet::V4(_)) || !told.iter().all(is_v4) {
        return None;
    }
    Some(format!(
        "gobgpd tells it with an IPv4 next hop over the sessions with {}, which routers refuse: add a neighbour by its \
         IPv6 address",
        listed(told.iter().map(String::as_str))
    ))
}
