//! The two route-maps that say what an announcement looks like. They are this daemon's: a `network` statement with one of them is
//! its own, and moving from one to the other changes the announcement in place.

use std::collections::BTreeSet;

use super::config::Config;
use crate::{announce::driver::Level, model::Shutdown};

/// What a route that is about to go may be given; whatever else stands in the route-map is its operator's.
const KINDS: [&str; 3] = ["set community", "set metric", "set as-path prepend"];

/// Their names, and what is set.
pub struct Maps {
    announced: String,
    shutting_down: String,
    shutdown: Shutdown,
}

impl Maps {
    /// Those of an instance. Two dataplanes of a host do not share them, or they would withdraw each other's routes.
    pub fn new(instance: &str, shutdown: &Shutdown) -> Self {
        Self {
            announced: format!("{instance}-announced"),
            shutting_down: format!("{instance}-shutdown"),
            shutdown: shutdown.clone(),
        }
    }

    /// The route-map of a level; none for what is not announced.
    pub fn of(&self, level: Level) -> Option<&str> {
        match level {
            Level::Withdrawn => None,
            Level::ShuttingDown => Some(&self.shutting_down),
            Level::Announced => Some(&self.announced),
        }
    }

    /// The level of a `network` statement with that route-map; `None` when it is not this daemon's.
    pub fn level(&self, map: Option<&str>) -> Option<Level> {
        match map {
            Some(map) if map == self.announced => Some(Level::Announced),
            Some(map) if map == self.shutting_down => Some(Level::ShuttingDown),
            Some(_) | None => None,
        }
    }

    /// Orders that make them what they should be; none when they are.
    pub fn orders(&self, config: &Config, asn: &str) -> Vec<String> {
        let enter = |map: &str| format!("route-map {map} permit 10");
        let mut orders = Vec::new();
        if !config.maps.contains_key(&self.announced) {
            orders.extend([enter(&self.announced), "exit".to_owned()]);
        }
        let wanted = self.sets(asn);
        let there = config.maps.get(&self.shutting_down);
        let kinds = KINDS.into_iter().filter(|kind| of_kind(there, kind) != of_kind(Some(&wanted), kind));
        let changes: Vec<String> = kinds
            .map(|kind| of_kind(Some(&wanted), kind).map_or_else(|| format!("no {kind}"), ToOwned::to_owned))
            .collect();
        if there.is_none() || !changes.is_empty() {
            orders.push(enter(&self.shutting_down));
            orders.extend(changes);
            orders.push("exit".to_owned());
        }
        orders
    }

    fn sets(&self, asn: &str) -> BTreeSet<String> {
        let Shutdown { community, med, prepend, wait: _ } = &self.shutdown;
        let community = community.then(|| "set community graceful-shutdown additive".to_owned());
        let metric = med.map(|med| format!("set metric {med}"));
        let path = vec![asn; usize::from(*prepend)].join(" ");
        let prepend = (*prepend > 0).then(|| format!("set as-path prepend {path}"));
        [community, metric, prepend].into_iter().flatten().collect()
    }
}

fn of_kind<'a>(sets: Option<&'a BTreeSet<String>>, kind: &str) -> Option<&'a str> {
    sets?.iter().map(String::as_str).find(|set| set.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(med: Option<u32>, prepend: u8) -> Maps {
        Maps::new("edge", &Shutdown { med, prepend, ..Shutdown::default() })
    }

    #[test]
    fn route_maps_are_made_once() {
        let orders = maps(Some(500), 2).orders(&Config::default(), "65001");
        let expected = [
            "route-map edge-announced permit 10",
            "exit",
            "route-map edge-shutdown permit 10",
            "set community graceful-shutdown additive",
            "set metric 500",
            "set as-path prepend 65001 65001",
            "exit",
        ];
        assert_eq!(orders, expected);
        assert_eq!(maps(Some(500), 2).orders(&Config::read(&shown(&orders)), "65001"), [""; 0]);
    }

    #[test]
    fn only_what_differs_is_changed() {
        let before = Config::read(&shown(&maps(Some(500), 2).orders(&Config::default(), "65001")));
        let expected =
            ["route-map edge-shutdown permit 10", "set metric 7", "no set as-path prepend", "exit"];
        assert_eq!(maps(Some(7), 0).orders(&before, "65001"), expected);
    }

    fn shown(orders: &[String]) -> String {
        let nested = |order: &String| {
            if order.starts_with("set") { format!(" {order}\n") } else { format!("{order}\n") }
        };
        orders.iter().map(nested).collect()
    }
}
