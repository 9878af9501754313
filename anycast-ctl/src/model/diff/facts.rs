//! A site taken apart into what can differ. Structures are taken apart in full: a field that is added has to be told here.

use std::{fmt::Display, time::Duration};

use super::Subject;
use crate::{
    model::{
        AnnouncePolicy, Backend, Check, Feedback, IcmpSettings, MapSizes, Pool, RampCurve, Seed, Site,
        TunnelSettings, Unchecked, Vip, VlanTags, WhenDrained, health, label,
    },
    period,
};

mod announce;

/// One field of a thing.
pub struct Fact {
    /// As site files call it.
    pub key: &'static str,
    /// Its value; `None`: it has none.
    pub value: Option<String>,
    /// Whether the value is not to be shown.
    pub secret: bool,
}

/// One thing of a site. Things that are equal have the same facts: most are, so that facts are only told of the others.
#[derive(PartialEq)]
pub enum Thing<'a> {
    Site(&'a Site),
    Pool(&'a Pool),
    Backend(&'a Backend),
    Vip(&'a Vip),
}

impl Thing<'_> {
    /// What it is made of.
    pub fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Site(site) => site_facts(site),
            Self::Pool(pool) => pool_facts(pool),
            Self::Backend(backend) => backend_facts(backend),
            Self::Vip(vip) => vip_facts(vip),
        }
    }
}

/// Every thing of a site.
pub fn things(site: &Site) -> Vec<(Subject, Thing<'_>)> {
    let mut things = vec![(Subject::Site, Thing::Site(site))];
    for pool in &site.pools {
        things.push((Subject::Pool { pool: pool.name.clone() }, Thing::Pool(pool)));
        for backend in &pool.backends {
            let subject = Subject::Backend { pool: pool.name.clone(), backend: backend.name.clone() };
            things.push((subject, Thing::Backend(backend)));
        }
    }
    let vips = site.vips.iter().map(|vip| (Subject::Vip { vip: vip.name.clone() }, Thing::Vip(vip)));
    things.extend(vips);
    things
}

fn site_facts(site: &Site) -> Vec<Fact> {
    let Site { node, interfaces, seed, maps, tunnel, icmp, announce, pools: _, vips: _ } = site;
    let TunnelSettings { sources, ttl, gue_port, vlan } = tunnel;
    let IcmpSettings { too_big_per_second } = icmp;
    let mut facts = vec![
        optional("node", node.as_ref()),
        optional("interfaces", list(interfaces)),
        secret("seed", *seed),
    ];
    facts.extend(maps_facts(maps));
    facts.extend([
        optional("tunnel.source", list(sources)),
        fact("tunnel.ttl", ttl),
        fact("tunnel.gue_port", gue_port),
        match vlan {
            VlanTags::Strip => fact("tunnel.vlan", "strip"),
            VlanTags::Keep => fact("tunnel.vlan", "keep"),
            VlanTags::Set(id) => fact("tunnel.vlan", id),
        },
        fact("icmp.too_big_per_second", too_big_per_second),
    ]);
    facts.extend(announce::facts(announce.as_deref()));
    facts
}

fn maps_facts(maps: &MapSizes) -> Vec<Fact> {
    let MapSizes { pins, embryonic, slots, vips, traffic_counters } = maps;
    vec![
        optional("maps.pins", pins.as_ref()),
        optional("maps.embryonic", embryonic.as_ref()),
        optional("maps.slots", slots.as_ref()),
        optional("maps.vips", vips.as_ref()),
        optional("maps.traffic_counters", traffic_counters.as_ref()),
    ]
}

fn pool_facts(pool: &Pool) -> Vec<Fact> {
    let Pool {
        name: _,
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
        backends: _,
    } = pool;
    let mut facts = vec![
        fact("delivery", delivery),
        fact("hash", hash),
        fact("slots", slots),
        secret("seed", *seed),
        fact("udp", label(udp)),
        fact("on_down", label(on_down)),
        fact("on_empty", label(on_empty)),
        fact("idle_timeout", period::text(*idle_timeout)),
        unless("unchecked", unchecked, &Unchecked::default()),
        unless("panic_threshold", panic_threshold, &health::DEFAULT_PANIC_THRESHOLD),
        optional("min_healthy", min_healthy.as_ref()),
        unless("slow_start", &period::text(*slow_start), &period::text(Duration::ZERO)),
        unless("slow_start_curve", slow_start_curve, &RampCurve::default()),
    ];
    facts.extend(check_facts(check.as_deref()));
    facts.extend(feedback_facts(feedback.as_deref()));
    facts
}

fn check_facts(check: Option<&Check>) -> impl Iterator<Item = Fact> {
    health::KEYS.iter().map(move |key| optional(key.path, check.and_then(key.value)))
}

fn feedback_facts(feedback: Option<&Feedback>) -> [Fact; 6] {
    let of = |value: fn(&Feedback) -> Option<String>| feedback.and_then(value);
    [
        optional("feedback.type", of(|it| Some(it.kind.to_string()))),
        optional("feedback.port", of(|it| Some(it.port.to_string()))),
        optional("feedback.path", of(|it| it.path.clone())),
        optional("feedback.interval", of(|it| Some(period::text(it.interval)))),
        optional("feedback.timeout", of(|it| Some(period::text(it.timeout)))),
        optional("feedback.floor", of(|it| Some(it.floor.to_string()))),
    ]
}

fn backend_facts(backend: &Backend) -> Vec<Fact> {
    let Backend { name: _, address, weight, delivery, backup, state, drain_until, when_drained, check } =
        backend;
    let mut facts = vec![
        fact("address", address),
        fact("weight", weight),
        optional("delivery", delivery.as_ref()),
        unless("backup", backup, &false),
        fact("state", state),
        optional("drain_until", drain_until.as_ref()),
        unless("when_drained", &label(when_drained), &label(&WhenDrained::default())),
    ];
    facts.extend(check_facts(check.as_deref()));
    facts
}

fn vip_facts(vip: &Vip) -> Vec<Fact> {
    let Vip { name: _, address, services, pool, on_unknown_port, echo, announce, prefix, min_healthy } = vip;
    vec![
        fact("address", address),
        optional("services", list(services)),
        fact("pool", pool),
        fact("on_unknown_port", label(on_unknown_port)),
        fact("echo", echo),
        unless("announce", announce, &AnnouncePolicy::default()),
        optional("prefix", prefix.as_ref()),
        optional("min_healthy", min_healthy.as_ref()),
    ]
}

fn fact(key: &'static str, value: impl Display) -> Fact {
    optional(key, Some(value))
}

/// What is only worth telling when it is not what everybody has.
fn unless<T: Display + PartialEq>(key: &'static str, value: &T, default: &T) -> Fact {
    optional(key, (value != default).then_some(value))
}

fn optional<T: Display>(key: &'static str, value: Option<T>) -> Fact {
    Fact { key, value: value.map(|value| value.to_string()), secret: false }
}

fn secret(key: &'static str, seed: Option<Seed>) -> Fact {
    Fact { key, value: seed.map(Seed::digits), secret: true }
}

fn list<T: Display>(values: &[T]) -> Option<String> {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}
