//! From TOML's tables to the model: which keys there are, of which types, and what they mean when left out.

use std::{net::IpAddr, str::FromStr, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    model::{
        Backend, DEFAULT_IDLE_TIMEOUT, DEFAULT_SLOTS, MapSizes, OnDown, OnUnknownPort, Pool, Seed, Service,
        Site, UdpPolicy, Vip, default_weight,
    },
    period,
    spelling::{listed, nearest, quoted},
};

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
    root.only(&["interfaces", "maps", "pool", "seed", "vip"]);
    let interfaces = root.list("interfaces", string);
    let seed = root.optional("seed", seed);
    let maps = root.table("maps", maps);
    let pools = root.entries("pool", pool);
    let vips = root.entries("vip", vip);
    let site = (|| {
        Some(Site {
            interfaces: interfaces?.unwrap_or_default(),
            seed: seed?,
            maps: maps?.unwrap_or_default(),
            pools: pools?,
            vips: vips?,
        })
    })();
    (site, faults)
}

fn maps(mut table: Table<'_, '_>) -> Option<MapSizes> {
    table.only(&["embryonic", "pins", "slots", "traffic_counters"]);
    let pins = table.optional("pins", number);
    let embryonic = table.optional("embryonic", number);
    let slots = table.optional("slots", number);
    let traffic_counters = table.optional("traffic_counters", number);
    Some(MapSizes { pins: pins?, embryonic: embryonic?, slots: slots?, traffic_counters: traffic_counters? })
}

fn pool(mut table: Table<'_, '_>) -> Option<Pool> {
    table.only(&["backend", "idle_timeout", "name", "on_down", "slots", "udp"]);
    let name = table.required("name", string);
    let slots = table.optional("slots", number);
    let udp = table.optional("udp", udp);
    let on_down = table.optional("on_down", on_down);
    let idle_timeout = table.optional("idle_timeout", period);
    let backends = table.entries("backend", backend);
    Some(Pool {
        name: name?,
        slots: slots?.unwrap_or(DEFAULT_SLOTS),
        udp: udp?.unwrap_or_default(),
        on_down: on_down?.unwrap_or_default(),
        idle_timeout: idle_timeout?.unwrap_or(DEFAULT_IDLE_TIMEOUT),
        backends: backends?,
    })
}

fn backend(mut table: Table<'_, '_>) -> Option<Backend> {
    table.only(&["address", "name", "weight"]);
    let name = table.required("name", string);
    let address = table.required("address", address);
    let weight = table.optional("weight", number);
    Some(Backend { name: name?, address: address?, weight: weight?.unwrap_or(default_weight()) })
}

fn vip(mut table: Table<'_, '_>) -> Option<Vip> {
    table.only(&["address", "name", "on_unknown_port", "pool", "services"]);
    let name = table.required("name", string);
    let address = table.required("address", address);
    let services = table.list("services", service);
    let pool = table.required("pool", string);
    let on_unknown_port = table.optional("on_unknown_port", on_unknown_port);
    Some(Vip {
        name: name?,
        address: address?,
        services: services?.unwrap_or_default(),
        pool: pool?,
        on_unknown_port: on_unknown_port?.unwrap_or_default(),
    })
}

// What a value may be. An error says what would be right.

fn string(value: &DeValue<'_>) -> Result<String, String> {
    text(value, "a string in quotes").map(str::to_owned)
}

fn number(value: &DeValue<'_>) -> Result<u32, String> {
    let DeValue::Integer(integer) = value else {
        return Err(format!("is {}: give a whole number without quotes", kind(value)));
    };
    u32::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| {
        format!("{} is out of range: give a number from 1 to {}", quoted(&integer.to_string()), u32::MAX)
    })
}

fn address(value: &DeValue<'_>) -> Result<IpAddr, String> {
    let text = text(value, r#"an address in quotes, as "192.0.2.1" or "2001:db8::1""#)?;
    IpAddr::from_str(text).map_err(|_| match text.split_once('/') {
        Some((host, _)) if host.parse::<IpAddr>().is_ok() => {
            format!("{} is a prefix: give the address alone, {}", quoted(text), quoted(host))
        }
        _ => format!("{} is no IP address: write it as 192.0.2.1 or 2001:db8::1", quoted(text)),
    })
}

fn service(value: &DeValue<'_>) -> Result<Service, String> {
    text(value, r#"a service in quotes, as "tcp/443""#)?.parse().map_err(|error| format!("{error}"))
}

fn on_unknown_port(value: &DeValue<'_>) -> Result<OnUnknownPort, String> {
    match text(value, r#""pass" or "drop" in quotes"#)? {
        "pass" => Ok(OnUnknownPort::Pass),
        "drop" => Ok(OnUnknownPort::Drop),
        other => Err(format!(r#"{} is neither "pass" nor "drop""#, quoted(other))),
    }
}

fn udp(value: &DeValue<'_>) -> Result<UdpPolicy, String> {
    match text(value, r#""stateless", "pinned" or "quic" in quotes"#)? {
        "stateless" => Ok(UdpPolicy::Stateless),
        "pinned" => Ok(UdpPolicy::Pinned),
        "quic" => Ok(UdpPolicy::Quic),
        other => Err(format!(r#"{} is not one of "stateless", "pinned" and "quic""#, quoted(other))),
    }
}

fn on_down(value: &DeValue<'_>) -> Result<OnDown, String> {
    match text(value, r#""reset" or "keep" in quotes"#)? {
        "reset" => Ok(OnDown::Reset),
        "keep" => Ok(OnDown::Keep),
        other => Err(format!(r#"{} is neither "reset" nor "keep""#, quoted(other))),
    }
}

fn period(value: &DeValue<'_>) -> Result<Duration, String> {
    let text = text(value, r#"a period in quotes, as "90s" or "5m""#)?;
    period::parse(text).map_err(|error| error.to_string())
}

/// The seed is a secret: no message repeats it.
fn seed(value: &DeValue<'_>) -> Result<Seed, String> {
    let rule = "exactly 16 hexadecimal digits in quotes, as `openssl rand -hex 8` prints them";
    let digits = text(value, rule)?;
    let hexadecimal = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
        .map(Seed::new)
        .ok_or_else(|| format!("give {rule}"))
}

fn text<'a>(value: &'a DeValue<'_>, wanted: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("is {}: give {wanted}", kind(value)))
}

/// The type of a value, for people.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
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
