//! How things are with announcements, for whoever asks.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{
    engine::{Engine, Link, Vip},
    machine::Phase,
    meter::Rates,
    orders::VipOrder,
    wish::Wellness,
};
use crate::{
    api::types::{
        AnnounceBrief, AnnounceStatus, NextStatus, RatesStatus, RoutingDaemonStatus, VipAnnouncement,
    },
    model::{Announce, AnnouncePolicy},
    utc::Utc,
};

/// A question about announcements.
#[derive(Debug)]
pub enum Ask {
    /// How things are with all.
    All(oneshot::Sender<AnnounceStatus>),
    /// How things are with one VIP, with its history; `None`: there is no such VIP.
    One {
        /// Its name.
        vip: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<VipAnnouncement>>,
    },
}

/// Answers; whoever asked may be gone, which is no error. `watched`: whether somebody watches the lease.
pub fn answer(ask: Ask, engine: &Engine, watched: bool, now: Duration) {
    match ask {
        Ask::All(reply) => drop(reply.send(all(engine, watched, now))),
        Ask::One { vip, reply } => {
            let order = engine.orders().vips.get(&vip);
            drop(reply.send(order.map(|order| one(engine, &vip, order, true, now))));
        }
    }
}

fn all(engine: &Engine, watched: bool, now: Duration) -> AnnounceStatus {
    let orders = engine.orders();
    let AnnounceBrief { summary, alarm } = brief(engine);
    AnnounceStatus {
        summary,
        alarm,
        daemon: orders.announce.as_deref().map(|announce| daemon(engine, announce, watched, now)),
        maintenance: orders.maintenance.clone(),
        vips: orders.vips.iter().map(|(name, order)| one(engine, name, order, false, now)).collect(),
    }
}

/// How things are, in a sentence.
pub fn brief(engine: &Engine) -> AnnounceBrief {
    let orders = engine.orders();
    if orders.announce.is_none() {
        let summary = "nothing is announced by this daemon: the site has no [announce]".to_owned();
        return AnnounceBrief { summary, alarm: false };
    }
    let vips = || orders.vips.iter().filter_map(|(name, order)| Some((order, engine.vips().get(name)?)));
    let up = vips().filter(|(_, vip)| vip.machine.phase() != Phase::Withdrawn).count();
    let troubled = vips().filter(|(order, vip)| is_troubled(order, vip)).count();
    let mut summary = format!("{up} of {} VIPs are announced", orders.vips.len());
    let error = engine.error();
    if let Some(error) = &error {
        summary += &format!("; the routing daemon cannot be driven: {error}");
    } else if troubled > 0 {
        summary += &format!("; {troubled} need a look");
    }
    if orders.maintenance.is_some() {
        summary += "; the site is drained";
    }
    AnnounceBrief { summary, alarm: troubled > 0 || error.is_some() }
}

/// Whether somebody should look: something is wrong with its route, or it is not announced for want of health.
fn is_troubled(order: &VipOrder, vip: &Vip) -> bool {
    let is_wanted = order.policy != AnnouncePolicy::Never && order.by_hand.is_none();
    let is_unwell = !vip.wellness.is_enough() && !vip.wellness.is_unsure;
    vip.trouble.is_some() || vip.machine.phase() == Phase::Withdrawn && is_wanted && is_unwell
}

fn daemon(engine: &Engine, announce: &Announce, watched: bool, now: Duration) -> RoutingDaemonStatus {
    let seconds = |since: Duration| now.saturating_sub(since).as_secs();
    let (connected, since_seconds, error, attempts) = match engine.link() {
        Link::Untried => (false, 0, None, 0),
        Link::Up(since) => (true, seconds(*since), None, 0),
        Link::Down { since, error, attempts } => (false, seconds(*since), Some(error.clone()), *attempts),
    };
    RoutingDaemonStatus {
        driver: announce.drivers().next().map_or("none", |driver| driver.label()).to_owned(),
        version: engine.seen().map(|seen| seen.daemon.clone()),
        connected,
        since_seconds,
        error,
        attempts,
        peers: engine.seen().map(|seen| seen.peers.clone()).unwrap_or_default(),
        lease_seconds: announce.lease.as_secs(),
        watched,
    }
}

fn one(engine: &Engine, name: &str, order: &VipOrder, with_history: bool, now: Duration) -> VipAnnouncement {
    let vip = engine.vips().get(name);
    let wellness = vip.map_or_else(Wellness::default, |vip| vip.wellness);
    let next = vip.and_then(|vip| vip.machine.next()).map(|next| NextStatus {
        phase: next.phase,
        in_ms: u64::try_from(next.at.saturating_sub(now).as_millis()).unwrap_or(u64::MAX),
    });
    let history = |vip: &Vip| vip.history.iter().filter(|_| with_history).cloned().collect();
    VipAnnouncement {
        name: name.to_owned(),
        address: order.address,
        prefix: order.prefix.to_string(),
        phase: vip.map_or(Phase::Withdrawn, |vip| vip.machine.phase()),
        since_seconds: vip.map_or(0, |vip| now.saturating_sub(vip.machine.since()).as_secs()),
        why: vip.map_or_else(
            || "the site has no [announce]: this VIP is nobody's to announce".to_owned(),
            |vip| vip.machine.why().to_string(),
        ),
        next,
        ready: vip.is_some_and(|vip| vip.is_ready),
        policy: order.policy,
        by_hand: order.by_hand.clone().filter(|hand| hand.until.is_none_or(|until| until > Utc::now())),
        healthy: wellness.well,
        active: wellness.of,
        needed: wellness.needed,
        trouble: vip.and_then(|vip| vip.trouble.clone()),
        seen: engine.seen().and_then(|seen| seen.routes.get(name)).cloned(),
        traffic: vip.and_then(|vip| vip.meter.rates()).map(rates),
        transitions: vip.map_or(0, |vip| vip.transitions),
        history: vip.map(history).unwrap_or_default(),
    }
}

const fn rates(rates: Rates) -> RatesStatus {
    RatesStatus {
        packets_per_second: rates.packets,
        own_packets_per_second: rates.own_packets,
        new_flows_per_second: rates.new_flows,
    }
}
