//! From the model to the text of a site file, in one way only: the order is fixed, and what has its default is left out.

use std::fmt::Display;

use clap::ValueEnum;
use toml::Value;

use crate::{
    model::{
        Backend, DEFAULT_IDLE_TIMEOUT, DEFAULT_SLOTS, IcmpSettings, MapSizes, Pool, Seed, Site,
        TunnelSettings, Vip, VlanTags, default_echo, default_weight, label,
    },
    period,
};

/// The site file of a site, its seeds included. A valid site is read back from it by [`super::parse`] as it is.
pub fn to_toml(site: &Site) -> String {
    let Site { node, interfaces, seed, maps, tunnel, icmp, pools, vips } = site;
    let mut text = Text::default();
    text.given("node", node.as_deref().map(string));
    text.key("interfaces", list(interfaces.iter().map(|name| string(name))));
    text.given("seed", seed.map(secret));
    write_maps(&mut text, maps);
    write_tunnel(&mut text, tunnel);
    write_icmp(&mut text, icmp);
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
    let Pool { name, delivery, hash, slots, seed, udp, on_down, idle_timeout, backends } = pool;
    text.heading("[[pool]]");
    text.key("name", string(name));
    text.choice("delivery", delivery);
    text.choice("hash", hash);
    text.unless("slots", slots, &DEFAULT_SLOTS);
    text.given("seed", seed.map(secret));
    text.choice("udp", udp);
    text.choice("on_down", on_down);
    let period = (*idle_timeout != DEFAULT_IDLE_TIMEOUT).then(|| string(&period::text(*idle_timeout)));
    text.given("idle_timeout", period);
    text.indent = "    ";
    backends.iter().for_each(|backend| write_backend(text, backend));
    text.indent = "";
}

fn write_backend(text: &mut Text, backend: &Backend) {
    let Backend { name, address, weight, delivery, state, drain_until } = backend;
    text.heading("[[pool.backend]]");
    text.key("name", string(name));
    text.key("address", string(&address.to_string()));
    text.unless("weight", weight, &default_weight());
    text.given("delivery", delivery.map(|delivery| string(&label(&delivery))));
    text.choice("state", state);
    text.given("drain_until", *drain_until);
}

fn write_vip(text: &mut Text, vip: &Vip) {
    let Vip { name, address, services, pool, on_unknown_port, echo } = vip;
    text.heading("[[vip]]");
    text.key("name", string(name));
    text.key("address", string(&address.to_string()));
    text.key("services", list(services.iter().map(|service| string(&service.to_string()))));
    text.key("pool", string(pool));
    text.choice("on_unknown_port", on_unknown_port);
    text.unless("echo", echo, &default_echo());
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
