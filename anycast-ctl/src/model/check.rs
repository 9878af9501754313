//! The rules a site must keep, whoever wrote it: a file, or a command.

use std::{collections::HashMap, fmt, hash::Hash, net::IpAddr, ops::RangeInclusive, time::Duration};

use anycast_common::limits::{MAX_BACKENDS, MAX_POOLS, MAX_SERVICES, MAX_SLOTS, MAX_VIPS};

use super::{AdminState, DEFAULT_SLOTS, MapSizes, Pool, Site, Vip, is_prime, next_prime};
use crate::spelling::{quoted, unknown};

mod announce;
mod delivery;
mod form;
mod health;
#[cfg(test)]
mod tests;

/// How long a flow may be silent: ticks are a second, and more than a day is not remembered.
const IDLE_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// What is said of a site that cannot get packets.
pub const NO_INTERFACE: &str = r#"no interface to attach to: name at least one, as in ["eth0"]"#;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path into the file: `pool[0].backend[1].weight`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Site {
    /// Every rule the site breaks, in the order of its entries; empty when it may be applied.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Found::default();
        self.check_node(&mut found);
        self.check_interfaces(&mut found);
        self.check_maps(&mut found);
        found.tunnel_sources(self);
        found.tunnel_numbers(&self.tunnel);
        self.check_pools(&mut found);
        self.check_vips(&mut found);
        found.announce(self);
        found.0
    }

    fn check_node(&self, found: &mut Found) {
        if let Some(name) = self.node.as_deref().filter(|name| !form::is_name(name)) {
            found.add("node", format!("{} is no name: use {}", quoted(name), form::NAME_RULE));
        }
    }

    fn check_interfaces(&self, found: &mut Found) {
        // A site that serves nothing, as a fresh one, needs none.
        if self.interfaces.is_empty() && !self.vips.is_empty() {
            found.add("interfaces", NO_INTERFACE);
        }
        let mut names = Seen::default();
        for (i, name) in self.interfaces.iter().enumerate() {
            let path = format!("interfaces[{i}]");
            if !form::is_interface(name) {
                let rule = "is no interface name: 1 to 15 bytes without `/`, `:` and white space";
                found.add(&path, format!("{} {rule}", quoted(name)));
            }
            if let Some(first) = names.note(name.as_str(), &path) {
                found.add(&path, format!("{} is already {first}: remove one", quoted(name)));
            }
        }
    }

    fn check_maps(&self, found: &mut Found) {
        let MapSizes { pins, embryonic, slots, traffic_counters, vips } = self.maps;
        found.size("pins", pins, MapSizes::FLOWS, "flows");
        found.size("embryonic", embryonic, MapSizes::FLOWS, "flows");
        found.size("slots", slots, MapSizes::SLOTS, "slots");
        found.size("traffic_counters", traffic_counters, MapSizes::TRAFFIC_COUNTERS, "counters");
        found.size("vips", vips, MapSizes::VIPS, "VIPs");
        let (most, needed) = (*MapSizes::SLOTS.end(), self.slots_needed());
        if needed > most {
            let advice = format!("all pools together may have {}, give pools fewer slots", most / 3);
            found.add(
                "pool",
                format!("the tables of all pools and what replaces them need {needed} slots: {advice}"),
            );
        } else if slots.is_some_and(|slots| MapSizes::SLOTS.contains(&slots) && slots < needed) {
            let why = "three times what all pools have, as a table is replaced by a second one";
            found.add(
                "maps.slots",
                format!("the pools need {needed} slots, {why}: take at least that, or leave it out"),
            );
        }
        let needed = self.traffic_counters_needed();
        if traffic_counters
            .is_some_and(|counters| MapSizes::TRAFFIC_COUNTERS.contains(&counters) && counters < needed)
        {
            let why = "two for each VIP and each backend of its pool";
            let advice = "take at least that, or leave it out";
            found.add("maps.traffic_counters", format!("the VIPs need {needed} counters, {why}: {advice}"));
        }
        let are = self.vips.len();
        if vips.is_some_and(|vips| MapSizes::VIPS.contains(&vips) && (vips as usize) < are) {
            found.add("maps.vips", format!("there are {are} VIPs: take at least that, or leave it out"));
        }
    }

    fn check_pools(&self, found: &mut Found) {
        found.at_most(MAX_POOLS, self.pools.len(), "pool", "pools");
        let backends = self.pools.iter().map(|pool| pool.backends.len()).sum();
        found.at_most(MAX_BACKENDS, backends, "pool", "backends, all pools together,");

        let vips: HashMap<IpAddr, &str> =
            self.vips.iter().map(|vip| (vip.address, vip.name.as_str())).rev().collect();
        let served = self.served();
        let mut names = Seen::default();
        for (i, pool) in self.pools.iter().enumerate() {
            let path = format!("pool[{i}]");
            found.name(&mut names, &pool.name, &path, "pools");
            found.slots(pool, &path);
            found.idle_timeout(pool, &path);
            found.health(pool, &served, &path);
            found.backends(pool, &path, &vips);
        }
    }

    fn check_vips(&self, found: &mut Found) {
        found.at_most(MAX_VIPS, self.vips.len(), "vip", "VIPs");
        let services = self.vips.iter().map(|vip| vip.services.len()).sum();
        found.at_most(MAX_SERVICES, services, "vip", "services, all VIPs together,");

        let pools: HashMap<&str, &Pool> =
            self.pools.iter().map(|pool| (pool.name.as_str(), pool)).rev().collect();
        let mut names = Seen::default();
        let mut addresses = Seen::default();
        for (i, vip) in self.vips.iter().enumerate() {
            let path = format!("vip[{i}]");
            found.name(&mut names, &vip.name, &path, "VIPs");

            let at = format!("{path}.address");
            if let Some(why) = form::unusable(vip.address) {
                found.add(&at, format!("{} cannot be a VIP: {why}", vip.address));
            }
            if let Some(first) = addresses.note(vip.address, &path) {
                let advice = "a VIP has one entry, list all its services there";
                found.add(&at, format!("{} is already the address of {first}: {advice}", vip.address));
            }

            found.services(vip, &path);
            match pools.get(vip.pool.as_str()) {
                Some(pool) => found.same_family(vip, pool, &path),
                None => found.add(format!("{path}.pool"), self.unknown_pool(&vip.pool)),
            }
        }
    }

    fn unknown_pool(&self, name: &str) -> String {
        unknown("pool", name, self.pools.iter().map(|pool| pool.name.as_str()))
    }
}

/// The problems so far.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { path: path.into(), message: message.into() });
    }

    fn at_most(&mut self, most: usize, are: usize, path: &str, what: &str) {
        if are > most {
            self.add(path, format!("{are} {what} are too many: at most {most}"));
        }
    }

    fn name<'a>(&mut self, names: &mut Seen<&'a str>, name: &'a str, path: &str, of: &str) {
        let at = format!("{path}.name");
        if !form::is_name(name) {
            self.add(&at, format!("{} is no name: use {}", quoted(name), form::NAME_RULE));
        }
        if let Some(first) = names.note(name, path) {
            let rule = format!("names of {of} are unique, rename one");
            self.add(&at, format!("{} is already the name of {first}: {rule}", quoted(name)));
        }
    }

    fn slots(&mut self, pool: &Pool, path: &str) {
        let (slots, backends) = (pool.slots, pool.backends.len());
        let message = if slots > MAX_SLOTS {
            format!("{slots} slots are too many: at most {MAX_SLOTS}, and {DEFAULT_SLOTS} serve most pools")
        } else if (slots as usize) < backends {
            // The paper's evenness needs M > 100 N.
            let enough = u32::try_from(backends * 100).ok().and_then(next_prime).unwrap_or(MAX_SLOTS);
            let enough = enough.min(MAX_SLOTS);
            format!(
                "{slots} slots are too few for {backends} backends: take a hundred times as many and a prime, {enough}"
            )
        } else if !is_prime(slots) {
            let next = next_prime(slots).unwrap_or(MAX_SLOTS);
            format!("{slots} is not prime, so that a backend could not reach all slots: take {next}")
        } else {
            return;
        };
        self.add(format!("{path}.slots"), message);
    }

    fn size(&mut self, key: &str, size: Option<u32>, range: RangeInclusive<u32>, what: &str) {
        let Some(size) = size.filter(|size| !range.contains(size)) else { return };
        let (least, most) = range.into_inner();
        self.add(format!("maps.{key}"), format!("{size} {what} are out of range: give {least} to {most}"));
    }

    fn idle_timeout(&mut self, pool: &Pool, path: &str) {
        self.period(format!("{path}.idle_timeout"), pool.idle_timeout, IDLE_TIMEOUT);
    }

    fn backends(&mut self, pool: &Pool, path: &str, vips: &HashMap<IpAddr, &str>) {
        if pool.backends.is_empty() {
            self.add(format!("{path}.backend"), "a pool needs at least one backend: add one");
        } else if pool.backends.iter().all(|backend| backend.backup) {
            let advice = "set backup = false on those that are to take flows at all times, or add such a one";
            let message =
                format!("every backend is a backup, but none is there that they stand in for: {advice}");
            self.add(format!("{path}.backend"), message);
        }
        let mut names = Seen::default();
        let mut addresses = Seen::default();
        for (i, backend) in pool.backends.iter().enumerate() {
            let path = format!("{path}.backend[{i}]");
            self.name(&mut names, &backend.name, &path, "backends in a pool");

            let (at, address) = (format!("{path}.address"), backend.address);
            if let Some(why) = form::unusable(address) {
                self.add(&at, format!("{address} cannot be a backend: {why}"));
            }
            if let Some(first) = addresses.note(address, &path) {
                let advice = "for a greater share give it a greater weight";
                self.add(&at, format!("{address} is already the address of {first}: {advice}"));
            }
            if let Some(vip) = vips.get(&address) {
                let advice = "give the server's own address, or its packets would go in a circle";
                self.add(&at, format!("{address} is the address of VIP {}: {advice}", quoted(vip)));
            }
            self.one_family(pool, backend, &at);
            if backend.weight == 0 {
                let advice = "give 1 or more, or set state = \"draining\"";
                self.add(format!("{path}.weight"), format!("weight 0 would never be chosen: {advice}"));
            }
            if backend.drain_until.is_some() && backend.state != AdminState::Draining {
                let advice = "add state = \"draining\", or remove drain_until";
                let message = format!("the backend is {}, not draining: {advice}", backend.state);
                self.add(format!("{path}.drain_until"), message);
            }
        }
    }

    fn services(&mut self, vip: &Vip, path: &str) {
        if vip.services.is_empty() {
            let example = r#"name at least one, as in ["tcp/443"]"#;
            self.add(format!("{path}.services"), format!("no services: {example}"));
        }
        let mut services = Seen::default();
        for (i, service) in vip.services.iter().enumerate() {
            let path = format!("{path}.services[{i}]");
            if let Some(first) = services.note(*service, &path) {
                self.add(&path, format!("`{service}` is already {first}: remove one"));
            }
        }
    }
}

/// What has been met before, and where first.
struct Seen<K>(HashMap<K, String>);

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Seen<K> {
    /// Where the same was met first, unless it is here.
    fn note(&mut self, key: K, path: &str) -> Option<&str> {
        let first = self.0.entry(key).or_insert_with(|| path.to_owned());
        (first != path).then_some(first)
    }
}
