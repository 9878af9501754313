//! FRR. A VIP is announced by a `network` statement of bgpd's default instance; its route-map says at which level.
//!
//! Only the running configuration is changed. After a restart of bgpd, which is a lost connection, what is wanted is put there
//! again.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{FutureExt as _, future::BoxFuture};
use ipnet::IpNet;

use self::{change::Change, config::Config, maps::Maps, terminal::Terminal};
use super::{
    Announcer, DriverError, Failures, Level, Seen, SeenRoute, Surroundings, Wanted,
    prefixes::{blame, levels},
};
use crate::model::{Announce, FrrSettings};

mod change;
mod config;
mod look;
mod maps;
mod socket;
mod terminal;
mod vtysh;

/// A connection to bgpd.
pub struct Frr {
    terminal: Terminal,
    maps: Maps,
    name: String,
    /// What it was last seen to have, and was brought to since; `None` when that is not known.
    config: Option<Config>,
}

/// Connects to bgpd.
///
/// # Errors
/// It is out of reach, or runs no BGP.
pub async fn connect(
    announce: &Announce,
    settings: &FrrSettings,
    surroundings: &Surroundings,
) -> Result<Frr, DriverError> {
    let mut terminal = Terminal::open(settings).await?;
    let version = terminal.ask(&["show version".to_owned()]).await?;
    let mut frr = Frr {
        terminal,
        maps: Maps::new(&surroundings.instance, &announce.shutdown),
        name: named(&version)?,
        config: None,
    };
    frr.config = Some(frr.read().await?);
    Ok(frr)
}

/// `FRRouting 8.4.4 (edge) on Linux` and more, or with `version` in it.
fn named(version: &str) -> Result<String, DriverError> {
    let line = version.lines().map(str::trim).find(|line| line.starts_with("FRRouting"));
    let number = line.and_then(|line| {
        line.split_whitespace().find(|word| word.starts_with(|it: char| it.is_ascii_digit()))
    });
    let number = number.ok_or_else(|| {
        let said: String = version.trim().chars().take(80).collect();
        DriverError::Garbled(format!(
            "what answers `show version` with `{said}` is not FRR: see `sockets` of [announce.frr]"
        ))
    })?;
    Ok(format!("FRR {number}"))
}

impl Announcer for Frr {
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>> {
        self.change(wanted).boxed()
    }

    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>> {
        self.see(wanted).boxed()
    }
}

impl Frr {
    async fn change(&mut self, wanted: &Wanted) -> Result<Failures, DriverError> {
        let config = match self.config.take() {
            Some(config) => config,
            None => self.read().await?,
        };
        let asn = config.asn.clone().unwrap_or_default();
        let levels = levels(wanted);
        let is_any = levels.values().any(|level| *level > Level::Withdrawn);
        let maps = if is_any { self.maps.orders(&config, &asn) } else { Vec::new() };
        let (changes, mut faults) = self.differences(&config, &levels);
        if maps.is_empty() && changes.is_empty() {
            self.config = Some(config);
            return Ok(blame(wanted, &faults));
        }
        let refused = change::make(&mut self.terminal, &asn, &maps, changes.clone()).await?;
        // What was refused, or rebuilt, is looked at again before the next change.
        self.config = (refused.is_empty() && maps.is_empty()).then(|| after(config, changes));
        for (prefix, text) in &refused {
            tracing::warn!("route to {prefix}: {text}");
        }
        faults.extend(refused);
        Ok(blame(wanted, &faults))
    }

    /// What has to change, withdrawals first, and what others' statements forbid.
    fn differences(
        &self,
        config: &Config,
        levels: &BTreeMap<IpNet, Level>,
    ) -> (Vec<Change>, BTreeMap<IpNet, String>) {
        let (mut changes, mut faults) = (Vec::new(), BTreeMap::new());
        let theirs = |prefix: &IpNet| {
            format!(
                "`network {prefix}` stands in bgpd's configuration without a route-map of this daemon's, and is announced \
                 whatever happens: remove it (`no network {prefix}`, below `router bgp`)"
            )
        };
        for prefix in levels.keys().chain(config.networks.keys()).collect::<BTreeSet<_>>() {
            let there = config.networks.get(prefix).map(|map| self.maps.level(map.as_deref()));
            let level = levels.get(prefix);
            match (there, level) {
                (Some(None), Some(_)) => drop(faults.insert(*prefix, theirs(prefix))),
                (Some(None), None) => {}
                (Some(Some(there)), level) if level == Some(&there) => {}
                (None, None | Some(Level::Withdrawn)) => {}
                (Some(Some(_)) | None, level) => {
                    let map = level.and_then(|level| self.maps.of(*level)).map(ToOwned::to_owned);
                    changes.push(Change { prefix: *prefix, map });
                }
            }
        }
        changes.sort_by_key(|change| change.map.is_some());
        (changes, faults)
    }

    async fn see(&mut self, wanted: &Wanted) -> Result<Seen, DriverError> {
        let config = self.read().await?;
        let there: BTreeMap<IpNet, Option<Level>> = levels(wanted)
            .keys()
            .filter_map(|prefix| Some((*prefix, self.maps.level(config.networks.get(prefix)?.as_deref()))))
            .collect();
        self.config = Some(config);
        let text = self.terminal.ask(&look::questions(there.keys())).await?;
        let (summary, entries) = look::answers(&text, there.len())?;
        let seen: BTreeMap<&IpNet, SeenRoute> = there
            .iter()
            .zip(&entries)
            .map(|((prefix, level), entry)| {
                let mut route = entry.route(prefix, level.unwrap_or(Level::Announced), &summary);
                if level.is_none() {
                    route.trouble =
                        Some(format!("`network {prefix}` in bgpd's configuration is not this daemon's"));
                }
                (prefix, route)
            })
            .collect();
        let routes = wanted.iter();
        let routes =
            routes.filter_map(|(vip, it)| Some((vip.clone(), seen.get(&it.prefix.trunc())?.clone())));
        Ok(Seen { daemon: self.name.clone(), peers: summary.peers(), routes: routes.collect() })
    }

    async fn read(&mut self) -> Result<Config, DriverError> {
        let config = Config::read(&self.terminal.ask(&["show running-config".to_owned()]).await?);
        if config.asn.is_none() {
            return Err(DriverError::Refused(
                "bgpd runs no BGP outside of VRFs: give it a `router bgp NUMBER` with neighbours".to_owned(),
            ));
        }
        Ok(config)
    }
}

fn after(mut config: Config, changes: Vec<Change>) -> Config {
    for Change { prefix, map } in changes {
        match map {
            Some(map) => drop(config.networks.insert(prefix, Some(map))),
            None => drop(config.networks.remove(&prefix)),
        }
    }
    config
}
