//! From TOML's tables to the model: which keys there are, of which types, and what they mean when left out.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    model::{
        Backend, Check, DEFAULT_IDLE_TIMEOUT, DEFAULT_SLOTS, IcmpSettings, MapSizes, NO_INTERFACE, Pool,
        Site, TunnelSettings, Vip, default_weight, health::DEFAULT_PANIC_THRESHOLD,
    },
    spelling::{listed, nearest, quoted},
};

use super::value::{
    address, choice, kind, number, period, prefix, seed, service, string, truth, utc, vlan, within, written,
};

mod announce;
mod health;

/// Keys of the file's top, and of each of its tables.
const SITE: &[&str] = &["announce", "icmp", "interfaces", "maps", "node", "pool", "seed", "tunnel", "vip"];
const MAPS: &[&str] = &["embryonic", "pins", "slots", "traffic_counters", "vips"];
const TUNNEL: &[&str] = &["gue_port", "source", "ttl", "vlan"];
const ICMP: &[&str] = &["too_big_per_second"];
const POOL: &[&str] = &[
    "backend",
    "check",
    "delivery",
    "feedback",
    "hash",
    "idle_timeout",
    "min_healthy",
    "name",
    "on_down",
    "on_empty",
    "panic_threshold",
    "seed",
    "slots",
    "slow_start",
    "slow_start_curve",
    "udp",
    "unchecked",
];
const BACKEND: &[&str] =
    &["address", "backup", "check", "delivery", "drain_until", "name", "state", "weight", "when_drained"];
const VIP: &[&str] =
    &["address", "announce", "echo", "min_healthy", "name", "on_unknown_port", "pool", "prefix", "services"];

/// Keys of a check, of which each kind knows some.
#[cfg(test)]
pub use health::CHECK;

/// Every other table by its name in the file, and its keys.
#[cfg(test)]
pub const TABLES: [(&str, &[&str]); 15] = [
    ("", SITE),
    ("announce", announce::ANNOUNCE),
    ("announce.shutdown", announce::SHUTDOWN),
    ("announce.bird", announce::BIRD),
    ("announce.exabgp", announce::EXABGP),
    ("announce.frr", announce::FRR),
    ("announce.gobgp", announce::GOBGP),
    ("announce.kernel", announce::KERNEL),
    ("maps", MAPS),
    ("tunnel", TUNNEL),
    ("icmp", ICMP),
    ("pool", POOL),
    ("pool.feedback", health::FEEDBACK),
    ("pool.backend", BACKEND),
    ("vip", VIP),
];

/// Something wrong with the entry that begins at a byte of the text.
pub struct Misread {
    /// Offset in bytes.
    pub at: usize,
    /// The key.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The site, unless something it needs is missing or of the wrong type, and all that was wrong.
pub fn site(document: &DeTable<'_>) -> (Option<Site>, Vec<Misread>) {
    let mut faults = Vec::new();
    let mut root = Table { table: document, path: "", at: 0, faults: &mut faults };
    root.only(SITE);
    let node = root.optional("node", string);
    let interfaces = root.list("interfaces", string).and_then(|interfaces| {
        // An empty list is a choice, an absent one an oversight, or a file that was cut off.
        if interfaces.is_none() {
            root.note(0, "interfaces", NO_INTERFACE.to_owned());
        }
        interfaces
    });
    let seed = root.optional("seed", seed);
    let maps = root.table("maps", maps);
    let tunnel = root.table("tunnel", tunnel);
    let icmp = root.table("icmp", icmp);
    let announce = root.table("announce", announce::announce);
    let pools = root.entries("pool", pool);
    let vips = root.entries("vip", vip);
    let site = (|| {
        Some(Site {
            node: node?,
            interfaces: interfaces?,
            seed: seed?,
            maps: maps?.unwrap_or_default(),
            tunnel: tunnel?.unwrap_or_default(),
            icmp: icmp?.unwrap_or_default(),
            announce: announce?.map(Box::new),
            pools: pools?,
            vips: vips?,
        })
    })();
    (site, faults)
}

/// The table of a check alone.
///
/// # Errors
///
/// The first thing that is wrong with it.
pub fn check(document: &DeTable<'_>) -> Result<Check, Misread> {
    let mut faults = Vec::new();
    let check = health::check(Table { table: document, path: "", at: 0, faults: &mut faults });
    let none = || Misread { at: 0, path: String::new(), message: "is no check".to_owned() };
    match faults.into_iter().next() {
        Some(fault) => Err(fault),
        None => check.ok_or_else(none),
    }
}

fn maps(mut table: Table<'_, '_>) -> Option<MapSizes> {
    table.only(MAPS);
    let pins = table.optional("pins", number);
    let embryonic = table.optional("embryonic", number);
    let slots = table.optional("slots", number);
    let traffic_counters = table.optional("traffic_counters", number);
    let vips = table.optional("vips", number);
    Some(MapSizes {
        pins: pins?,
        embryonic: embryonic?,
        slots: slots?,
        traffic_counters: traffic_counters?,
        vips: vips?,
    })
}

fn tunnel(mut table: Table<'_, '_>) -> Option<TunnelSettings> {
    table.only(TUNNEL);
    let defaults = TunnelSettings::default();
    let sources = table.list("source", address);
    let ttl = table.optional("ttl", within(1, u8::MAX.into()));
    let gue_port = table.optional("gue_port", within(1, u16::MAX.into()));
    let vlan = table.optional("vlan", vlan);
    Some(TunnelSettings {
        sources: sources?.unwrap_or(defaults.sources),
        ttl: ttl?.unwrap_or(defaults.ttl),
        gue_port: gue_port?.unwrap_or(defaults.gue_port),
        vlan: vlan?.unwrap_or(defaults.vlan),
    })
}

fn icmp(mut table: Table<'_, '_>) -> Option<IcmpSettings> {
    table.only(ICMP);
    let defaults = IcmpSettings::default();
    let too_big_per_second = table.optional("too_big_per_second", within(0, u32::MAX));
    Some(IcmpSettings { too_big_per_second: too_big_per_second?.unwrap_or(defaults.too_big_per_second) })
}

fn pool(mut table: Table<'_, '_>) -> Option<Pool> {
    table.only(POOL);
    let name = table.required("name", string);
    let delivery = table.optional("delivery", choice);
    let hash = table.optional("hash", choice);
    let slots = table.optional("slots", number);
    let seed = table.optional("seed", seed);
    let udp = table.optional("udp", choice);
    let on_down = table.optional("on_down", choice);
    let on_empty = table.optional("on_empty", choice);
    let idle_timeout = table.optional("idle_timeout", period);
    let check = table.table("check", health::check);
    let unchecked = table.optional("unchecked", choice);
    let panic_threshold = table.optional("panic_threshold", written);
    let min_healthy = table.optional("min_healthy", written);
    let slow_start = table.optional("slow_start", period);
    let slow_start_curve = table.optional("slow_start_curve", choice);
    let feedback = table.table("feedback", health::feedback);
    let backends = table.entries("backend", backend);
    Some(Pool {
        name: name?,
        delivery: delivery?.unwrap_or_default(),
        hash: hash?.unwrap_or_default(),
        slots: slots?.unwrap_or(DEFAULT_SLOTS),
        seed: seed?,
        udp: udp?.unwrap_or_default(),
        on_down: on_down?.unwrap_or_default(),
        on_empty: on_empty?.unwrap_or_default(),
        idle_timeout: idle_timeout?.unwrap_or(DEFAULT_IDLE_TIMEOUT),
        check: check?.map(Box::new),
        unchecked: unchecked?.unwrap_or_default(),
        panic_threshold: panic_threshold?.unwrap_or(DEFAULT_PANIC_THRESHOLD),
        min_healthy: min_healthy?,
        slow_start: slow_start?.unwrap_or_default(),
        slow_start_curve: slow_start_curve?.unwrap_or_default(),
        feedback: feedback?.map(Box::new),
        backends: backends?,
    })
}

fn backend(mut table: Table<'_, '_>) -> Option<Backend> {
    table.only(BACKEND);
    let name = table.required("name", string);
    let address = table.required("address", address);
    let weight = table.optional("weight", number);
    let delivery = table.optional("delivery", choice);
    let backup = table.optional("backup", truth);
    let state = table.optional("state", choice);
    let drain_until = table.optional("drain_until", utc);
    let when_drained = table.optional("when_drained", choice);
    let check = table.table("check", health::check);
    Some(Backend {
        name: name?,
        address: address?,
        weight: weight?.unwrap_or(default_weight()),
        delivery: delivery?,
        backup: backup?.unwrap_or_default(),
        state: state?.unwrap_or_default(),
        drain_until: drain_until?,
        when_drained: when_drained?.unwrap_or_default(),
        check: check?.map(Box::new),
    })
}

fn vip(mut table: Table<'_, '_>) -> Option<Vip> {
    table.only(VIP);
    let name = table.required("name", string);
    let address = table.required("address", address);
    let services = table.list("services", service);
    let pool = table.required("pool", string);
    let on_unknown_port = table.optional("on_unknown_port", choice);
    let echo = table.optional("echo", truth);
    let announce = table.optional("announce", choice);
    let prefix = table.optional("prefix", prefix);
    let min_healthy = table.optional("min_healthy", written);
    Some(Vip {
        name: name?,
        address: address?,
        services: services?.unwrap_or_default(),
        pool: pool?,
        on_unknown_port: on_unknown_port?.unwrap_or_default(),
        echo: echo?.unwrap_or(true),
        announce: announce?.unwrap_or_default(),
        prefix: prefix?,
        min_healthy: min_healthy?,
    })
}

/// A table of the file, and what was wrong with any of them so far.
///
/// A value is `None` when it is wrong, which has then been noted, and `Some(None)` when it is absent and may be.
struct Table<'a, 'f> {
    table: &'a DeTable<'a>,
    /// Of the table itself.
    path: &'a str,
    /// Where it begins.
    at: usize,
    faults: &'f mut Vec<Misread>,
}

impl<'a> Table<'a, '_> {
    /// Notes every key that is not one of these.
    fn only(&mut self, known: &[&str]) {
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let meant = nearest(name, known.iter().copied());
            let meant = meant.map(|meant| format!("did you mean {}? ", quoted(meant))).unwrap_or_default();
            let known = listed(known.iter().copied());
            let message = format!("unknown key {}: {meant}here can be {known}", quoted(name));
            self.faults.push(Misread { at: key.span().start, path: self.path.to_owned(), message });
        }
    }

    fn optional<T>(
        &mut self,
        key: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match self.table.get(key) {
            Some(value) => self.value(value, &self.path_of(key), read).map(Some),
            None => Some(None),
        }
    }

    fn required<T>(&mut self, key: &str, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        let value = self.optional(key, read)?;
        if value.is_none() {
            self.note(self.at, &self.path_of(key), "is missing: add it to this entry".to_owned());
        }
        value
    }

    fn list<T>(
        &mut self,
        key: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Option<Vec<T>>> {
        let Some(value) = self.table.get(key) else { return Some(None) };
        let path = self.path_of(key);
        let Some(items) = value.get_ref().as_array() else {
            self.note(value.span().start, &path, format!("is {}: give a list in [ ]", kind(value.get_ref())));
            return None;
        };
        let values: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(i, item)| self.value(item, &format!("{path}[{i}]"), &read))
            .collect();
        values.into_iter().collect::<Option<Vec<T>>>().map(Some)
    }

    /// The one entry under `[key]`.
    fn table<T>(&mut self, key: &str, read: impl Fn(Table<'_, '_>) -> Option<T>) -> Option<Option<T>> {
        let Some(value) = self.table.get(key) else { return Some(None) };
        let (path, at) = (self.path_of(key), value.span().start);
        let Some(table) = value.get_ref().as_table() else {
            self.note(at, &path, format!("is {}: begin it with [{key}] in brackets", kind(value.get_ref())));
            return None;
        };
        read(Table { table, path: &path, at, faults: self.faults }).map(Some)
    }

    /// The entries under `[[key]]`; none when there is no such heading.
    fn entries<T>(&mut self, key: &str, read: impl Fn(Table<'_, '_>) -> Option<T>) -> Option<Vec<T>> {
        let Some(value) = self.table.get(key) else { return Some(Vec::new()) };
        let path = self.path_of(key);
        // As it is written in headings, where entries have no numbers.
        let heading = if self.path.starts_with("pool") { format!("pool.{key}") } else { key.to_owned() };
        let wrong = |value: &DeValue<'_>| {
            format!("is {}: begin each entry with [[{heading}]] in double brackets", kind(value))
        };
        let Some(items) = value.get_ref().as_array() else {
            self.note(value.span().start, &path, wrong(value.get_ref()));
            return None;
        };
        let mut entries = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let (path, at) = (format!("{path}[{i}]"), item.span().start);
            match item.get_ref().as_table() {
                Some(table) => entries.push(read(Table { table, path: &path, at, faults: self.faults })),
                None => {
                    self.note(at, &path, wrong(item.get_ref()));
                    entries.push(None);
                }
            }
        }
        entries.into_iter().collect()
    }

    fn value<T>(
        &mut self,
        value: &Spanned<DeValue<'a>>,
        path: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        read(value.get_ref()).map_err(|message| self.note(value.span().start, path, message)).ok()
    }

    fn note(&mut self, at: usize, path: &str, message: String) {
        self.faults.push(Misread { at, path: path.to_owned(), message });
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
