//! What is wrong with routes that ExaBGP could not be brought to, and what to do about it.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::{Attributes, Exabgp, command};
use crate::announce::driver::{Failures, Level, Wanted};

/// Why no path is made longer, when nobody knows by what.
pub const NO_NUMBER: &str = "its path is not made longer: the number of the own autonomous system is not the same for all of \
                             ExaBGP's neighbours; set asn in [announce]";

/// Why no path is made longer, when a neighbour would take it for a loop.
pub fn internal(neighbour: IpAddr) -> String {
    format!(
        "its path is not made longer: neighbour {neighbour} is of the same autonomous system and would take it for a loop; set \
         prepend = 0 in [announce.shutdown]"
    )
}

impl Exabgp {
    /// What of what is wanted is not so. `said` has ExaBGP's answers, as far as they are known.
    pub(super) fn judge(
        &self,
        wanted: &Wanted,
        levels: &BTreeMap<IpNet, Level>,
        attributes: &Attributes,
        path_trouble: Option<&str>,
        said: &BTreeMap<IpNet, String>,
    ) -> Failures {
        let mut failures = Failures::new();
        for (vip, route) in wanted {
            let level = levels.get(&route.prefix).copied().unwrap_or(route.level);
            let said = said.get(&route.prefix).map(String::as_str);
            let trouble = attributes.at(level).map_or_else(
                || self.still_there(route.prefix, said),
                |right| {
                    let command = attributes.command(route.prefix, level);
                    let path = path_trouble.filter(|_| level == Level::ShuttingDown).map(str::to_owned);
                    self.not_there(route.prefix, right, &command, said).or(path)
                },
            );
            failures.extend(trouble.map(|trouble| (vip.clone(), trouble)));
        }
        failures
    }

    fn still_there(&self, prefix: IpNet, said: Option<&str>) -> Option<String> {
        self.snapshot.routes.contains_key(&prefix).then(|| {
            format!(
                "ExaBGP still has the route after `{}`{}: see what its log says, and whether its configuration announces it",
                command::withdraw(prefix),
                answered(said)
            )
        })
    }

    fn not_there(&self, prefix: IpNet, right: &str, command: &str, said: Option<&str>) -> Option<String> {
        if let Some(neighbour) = self.snapshot.neighbours.iter().find(|it| it.lacks_next_hop(prefix)) {
            return Some(format!(
                "not announced: ExaBGP would tell IPv6 routes to neighbour {} over IPv4 without a next hop; take `ipv6 unicast` \
                 out of that neighbour's family, and give ExaBGP a neighbour with an IPv6 address",
                neighbour.address
            ));
        }
        let there = self.snapshot.routes.get(&prefix);
        if there.is_some_and(|it| it.values().any(|attributes| attributes == right)) {
            return None;
        }
        let family = match prefix {
            IpNet::V4(_) => "ipv4 unicast",
            IpNet::V6(_) => "ipv6 unicast",
        };
        let why = if said == Some("error") {
            "its log says why; at least one neighbor must have `api { processes [ ... ]; }` with the process that runs the relay"
                .to_owned()
        } else if let Some(attributes) = there.and_then(|it| it.values().next()) {
            format!(
                "it has the route with `{attributes}` instead; see whether its configuration announces it"
            )
        } else if !self.snapshot.neighbours.iter().any(|it| it.family(prefix).configured) {
            format!("none of its neighbours gets such routes; add `family {{ {family}; }}` to one")
        } else {
            "it does not have the route; see what its log says".to_owned()
        };
        Some(format!("`{command}` was given to ExaBGP{}: {why}", answered(said)))
    }
}

fn answered(said: Option<&str>) -> String {
    said.map_or_else(String::new, |said| format!(", which answers `{said}`"))
}
