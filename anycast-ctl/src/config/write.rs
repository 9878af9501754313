//! From the model to the text of a site file, in one way only: the order is fixed, and what has its default is left out.

use std::{fmt::Display, time::Duration};

use clap::ValueEnum;
use toml::Value;

use crate::{
    model::{
        Backend, Check, DEFAULT_IDLE_TIMEOUT, DEFAULT_SLOTS, Feedback, IcmpSettings, MapSizes, Pool, Seed,
        Site, TunnelSettings, Vip, VlanTags, default_echo, default_weight,
        health::{self, DEFAULT_PANIC_THRESHOLD, KeyValue, feedback},
        label,
    },
    period,
};

mod announce;

/// The site file of a site, its seeds included. A valid site is read back from it by [`super::parse`] as it is.
pub fn to_toml(site: &Site) -> String {
    let Site { node, interfaces, seed, maps, tunnel, icmp, announce, pools, vips } = site;
    let mut text = Text::default();
    text.given("node", node.as_deref().map(string));
    text.key("interfaces", list(interfaces.iter().map(|name| string(name))));
    text.given("seed", seed.map(secret));
    write_maps(&mut text, maps);
    write_tunnel(&mut text, tunnel);
    write_icmp(&mut text, icmp);
    announce::write(&mut text, announce.as_deref());
    pools.iter().for_each(|pool| write_pool(&mut text, pool));
    vips.iter().for_each(|vip| write_vip(&mut text, vip));
    text.text
}

fn write_maps(text: &mut Text, maps: &MapSizes) {
    if *maps == MapSizes::default() {
        return;
    }
    let MapSizes { pins, embryonic, slots, traffic_counters, vips } = *maps;
    text.heading("[maps]");
    text.given("pins", pins);
    text.given("embryonic", embryonic);
    text.given("slots", slots);
    text.given("traffic_counters", traffic_counters);
    text.given("vips", vips);
}

fn write_tunnel(text: &mut Text, tunnel: &TunnelSettings) {
    let default = TunnelSettings::default();
    if *tunnel == default {
        return;
    }
    let TunnelSettings { sources, ttl, gue_port, vlan } = tunnel;
    text.heading("[tunnel]");
    let source = list(sources.iter().map(|source| string(&source.to_string())));
    text.given("source", (*sources != default.sources).then_some(source));
    text.unless("ttl", ttl, &default.ttl);
    text.unless("gue_port", gue_port, &default.gue_port);
    let vlan_text = match vlan {
        VlanTags::Strip => string("strip"),
        VlanTags::Keep => string("keep"),
        VlanTags::Set(vlan) => vlan.to_string(),
    };
    text.given("vlan", (*vlan != default.vlan).then_some(vlan_text));
}

fn write_icmp(text: &mut Text, icmp: &IcmpSettings) {
    let default = IcmpSettings::default();
    if *icmp == default {
        return;
    }
    let IcmpSettings { too_big_per_second } = icmp;
    text.heading("[icmp]");
    text.unless("too_big_per_second", too_big_per_second, &default.too_big_per_second);
}

fn write_pool(text: &mut Text, pool: &Pool) {
    let Pool {
        name,
        delivery,
        hash,
        slots,
        seed,
        udp,
        on_down,
        on_empty,
        idle_timeout,
        check,
        unchecked,
        panic_threshold,
        min_healthy,
        slow_start,
        slow_start_curve,
        feedback,
        backends,
    } = pool;
    text.heading("[[pool]]");
    text.key("name", string(name));
    text.choice("delivery", delivery);
    text.choice("hash", hash);
    text.unless("slots", slots, &DEFAULT_SLOTS);
    text.given("seed", seed.map(secret));
    text.choice("udp", udp);
    text.choice("on_down", on_down);
    text.choice("on_empty", on_empty);
    let period = (*idle_timeout != DEFAULT_IDLE_TIMEOUT).then(|| string(&period::text(*idle_timeout)));
    text.given("idle_timeout", period);
    text.choice("unchecked", unchecked);
    let threshold =
        (*panic_threshold != DEFAULT_PANIC_THRESHOLD).then(|| string(&panic_threshold.to_string()));
    text.given("panic_threshold", threshold);
    text.given("min_healthy", min_healthy.map(|it| string(&it.to_string())));
    text.given("slow_start", (!slow_start.is_zero()).then(|| string(&period::text(*slow_start))));
    text.choice("slow_start_curve", slow_start_curve);
    text.indent = "    ";
    write_check(text, "[pool.check]", check.as_deref());
    write_feedback(text, feedback.as_deref());
    backends.iter().for_each(|backend| write_backend(text, backend));
    text.indent = "";
}

fn write_check(text: &mut Text, heading: &str, check: Option<&Check>) {
    let Some(check) = check else { return };
    text.heading(heading);
    for key in health::KEYS {
        text.given(key.name(), (key.value)(check).map(key_value));
    }
}

fn key_value(value: KeyValue) -> String {
    match value {
        KeyValue::Text(text) => string(&text),
        KeyValue::Number(number) => number.to_string(),
        KeyValue::Truth(truth) => truth.to_string(),
        KeyValue::List(texts) => list(texts.iter().map(|text| string(text))),
    }
}

fn write_feedback(text: &mut Text, feedback: Option<&Feedback>) {
    let Some(Feedback { kind, port, path, interval, timeout, floor }) = feedback else { return };
    let unless = |value: &Duration, default| (*value != default).then(|| string(&period::text(*value)));
    text.heading("[pool.feedback]");
    text.key("type", string(&kind.to_string()));
    text.key("port", port);
    text.given("path", path.as_deref().map(string));
    text.given("interval", unless(interval, feedback::DEFAULT_INTERVAL));
    text.given("timeout", unless(timeout, feedback::DEFAULT_TIMEOUT));
    text.given("floor", (*floor != feedback::DEFAULT_FLOOR).then(|| string(&floor.to_string())));
}

fn write_backend(text: &mut Text, backend: &Backend) {
    let Backend { name, address, weight, delivery, backup, state, drain_until, when_drained, check } =
        backend;
    text.heading("[[pool.backend]]");
    text.key("name", string(name));
    text.key("address", string(&address.to_string()));
    text.unless("weight", weight, &default_weight());
    text.given("delivery", delivery.map(|delivery| string(&label(&delivery))));
    text.unless("backup", backup, &false);
    text.choice("state", state);
    text.given("drain_until", *drain_until);
    text.choice("when_drained", when_drained);
    text.indent = "        ";
    write_check(text, "[pool.backend.check]", check.as_deref());
    text.indent = "    ";
}

fn write_vip(text: &mut Text, vip: &Vip) {
    let Vip { name, address, services, pool, on_unknown_port, echo, announce, prefix, min_healthy } = vip;
    text.heading("[[vip]]");
    text.key("name", string(name));
    text.key("address", string(&address.to_string()));
    text.key("services", list(services.iter().map(|service| string(&service.to_string()))));
    text.key("pool", string(pool));
    text.choice("on_unknown_port", on_unknown_port);
    text.unless("echo", echo, &default_echo());
    text.choice("announce", announce);
    text.given("prefix", prefix.map(|prefix| string(&prefix.to_string())));
    text.given("min_healthy", min_healthy.map(|it| string(&it.to_string())));
}

/// A text that grows line by line.
#[derive(Default)]
struct Text {
    text: String,
    /// What every line begins with.
    indent: &'static str,
}

impl Text {
    fn heading(&mut self, heading: &str) {
        self.text += &format!("\n{}{heading}\n", self.indent);
    }

    fn key(&mut self, key: &str, value: impl Display) {
        self.text += &format!("{}{key} = {value}\n", self.indent);
    }

    fn given(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.key(key, value);
        }
    }

    fn unless<T: PartialEq + Display>(&mut self, key: &str, value: &T, default: &T) {
        self.given(key, (value != default).then_some(value));
    }

    fn choice<T: ValueEnum + PartialEq + Default>(&mut self, key: &str, value: &T) {
        self.given(key, (*value != T::default()).then(|| string(&label(value))));
    }
}

/// In quotes, with what must be escaped escaped.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn secret(seed: Seed) -> String {
    string(&seed.digits())
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
