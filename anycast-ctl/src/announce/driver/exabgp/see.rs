//! What ExaBGP has, in the words that all routing daemons share.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::{command::Attributes, snapshot::Snapshot};
use crate::announce::driver::{Level, Peer, Seen, SeenRoute, Wanted};

/// What a snapshot shows of the routes.
pub fn seen(snapshot: &Snapshot, version: &str, attributes: &Attributes, wanted: &Wanted) -> Seen {
    let peers = snapshot.neighbours.iter().map(|it| Peer {
        name: it.address.to_string(),
        address: Some(it.address),
        asn: it.peer_as,
        established: it.established(),
        state: it.state.clone(),
        since: it.up_for.clone(),
        error: None,
    });
    let routes = wanted.iter().filter_map(|(vip, route)| {
        let there = snapshot.routes.get(&route.prefix)?;
        Some((vip.clone(), seen_route(snapshot, attributes, route.prefix, route.level, there)))
    });
    Seen { daemon: version.to_owned(), peers: peers.collect(), routes: routes.collect() }
}

fn seen_route(
    snapshot: &Snapshot,
    attributes: &Attributes,
    prefix: IpNet,
    asked: Level,
    there: &BTreeMap<IpAddr, String>,
) -> SeenRoute {
    let having = || snapshot.neighbours.iter().filter(|it| there.contains_key(&it.address));
    let told =
        having().filter(|it| it.established() && it.family(prefix).agreed && !it.lacks_next_hop(prefix));
    let told: Vec<String> = told.map(|it| it.address.to_string()).collect();
    let foreign = there.iter().find(|(_, it)| attributes.level(it, asked).is_none());
    // The one that draws most packets is what counts.
    let level = there.values().map(|it| attributes.level(it, asked).unwrap_or(Level::Announced)).max();
    let trouble = if let Some((address, text)) = foreign {
        Some(format!(
            "neighbour {address} is told the route with `{text}`, which this daemon did not ask for"
        ))
    } else if !told.is_empty() {
        None
    } else if let Some(neighbour) = having().find(|it| it.lacks_next_hop(prefix)) {
        Some(format!(
            "neighbour {} is told IPv6 routes over IPv4, for which ExaBGP has no next hop",
            neighbour.address
        ))
    } else if having().any(|it| it.established()) {
        Some(
            "no neighbour that is up has agreed to routes of its family: see `show neighbor extensive`"
                .to_owned(),
        )
    } else {
        Some("no neighbour that is to be told is up".to_owned())
    };
    SeenRoute { level: level.unwrap_or_default(), exported_to: Some(told), trouble }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{announce::driver::Route, model::Shutdown};

    fn look(shown: &str) -> Seen {
        let lines: Vec<String> = shown.lines().map(str::to_owned).collect();
        let shutdown = Shutdown { med: Some(50), prepend: 1, ..Shutdown::default() };
        let wanted = [
            ("six", "2001:db8::1/128", Level::Announced),
            ("four", "198.51.100.1/32", Level::ShuttingDown),
            ("foreign", "203.0.113.0/24", Level::Announced),
            ("absent", "198.51.100.9/32", Level::Announced),
        ]
        .map(|(vip, prefix, level)| (vip.to_owned(), Route { prefix: prefix.parse().unwrap(), level }));
        let snapshot = Snapshot::read(&lines).unwrap();
        seen(&snapshot, "ExaBGP 4.2.21", &Attributes::new(&shutdown, Some(65001)), &Wanted::from(wanted))
    }

    #[test]
    fn routes_show_with_their_level_and_whom_they_reach() {
        let seen = look(include_str!("shown.txt"));
        let told = |vip: &str| {
            let route = &seen.routes[vip];
            (
                route.level,
                route.exported_to.clone().unwrap().join(" "),
                route.trouble.clone().unwrap_or_default(),
            )
        };
        assert_eq!(told("six"), (Level::Announced, "fd09::2".into(), String::new()));
        let down = "no neighbour that is to be told is up".to_owned();
        assert_eq!(told("four"), (Level::ShuttingDown, String::new(), down));
        let foreign = "neighbour 10.9.0.2 is told the route with `next-hop 10.9.0.7`, which this daemon did not ask for";
        assert_eq!(told("foreign").2, foreign);
        assert!(!seen.routes.contains_key("absent"));
        let peers: Vec<_> = seen.peers.iter().map(|it| (it.name.as_str(), it.established, it.asn)).collect();
        assert_eq!(peers, [("10.9.0.2", false, Some(65002)), ("fd09::2", true, Some(65002))]);
    }

    #[test]
    fn a_neighbour_that_did_not_agree_is_not_told() {
        let shown = include_str!("shown.txt").replace(
            "ipv6 unicast:                enabled         enabled",
            "ipv6 unicast:                enabled        disabled",
        );
        let six = &look(&shown).routes["six"];
        assert_eq!(six.exported_to, Some(Vec::new()));
        assert!(six.trouble.as_ref().unwrap().contains("agreed"), "{six:?}");
    }
}
