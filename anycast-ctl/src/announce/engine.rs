//! All VIPs together: what is wanted of the routing daemon, and what came of it. No IO: time is an argument.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    driver::{Failures, Level, Route, Seen, Wanted},
    happening::Happening,
    machine::{Calm, Machine, Phase, Rules},
    meter::{Meter, Sample},
    orders::{Orders, PoolOrder, VipOrder},
    wish::{PoolWellness, Wellness, Whole, wish},
};
use crate::{
    api::types::AnnounceTransition,
    health::standing::Standings,
    model::{AllDown, Announce, AnnouncePolicy},
    utc::Utc,
};

#[cfg(test)]
mod tests;
mod trouble;

/// Transitions that are remembered of a VIP.
const HISTORY: usize = 32;

/// How long routers may take to follow a route that comes back.
const RETURN: Duration = Duration::from_secs(5);

/// How often traffic is looked at while somebody waits for it to end.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(500);

/// The engine.
#[derive(Debug)]
pub struct Engine {
    orders: Orders,
    standings: Arc<Standings>,
    vips: BTreeMap<String, Vip>,
    /// Routes of VIPs that are gone, until the routing daemon has none of them.
    leaving: Wanted,
    /// What the routing daemon said last, and when.
    seen: Option<(Duration, Seen)>,
    /// Whether the routing daemon is driven, and since when; before it was ever tried there is nothing to complain of.
    link: Link,
    happenings: Vec<Happening>,
}

/// The connection to the routing daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nobody tried yet.
    Untried,
    /// It is driven, since then.
    Up(Duration),
    /// It cannot be driven, since then.
    Down {
        /// Since when.
        since: Duration,
        /// Why.
        error: String,
        /// How often it was tried in vain.
        attempts: u64,
    },
}

/// One VIP.
#[derive(Debug)]
pub struct Vip {
    /// Its machine.
    pub machine: Machine,
    /// Its traffic, while somebody waits for it to end.
    pub meter: Meter,
    /// How well it is.
    pub wellness: Wellness,
    /// Its route as it is wanted.
    pub route: Route,
    /// Whether what it lingers for is over.
    pub is_ready: bool,
    /// Whether it is not this daemon's to announce, and the routing daemon has nothing of it: it need not be told of it.
    is_over: bool,
    /// What the driver could not do.
    pub failure: Option<String>,
    /// What is wrong with it, as was told last.
    pub trouble: Option<String>,
    /// How often it went from one phase to another.
    pub transitions: u64,
    /// What happened to it, the newest first.
    pub history: VecDeque<AnnounceTransition>,
}

impl Engine {
    /// One without VIPs.
    pub fn new() -> Self {
        Self {
            orders: Orders::default(),
            standings: Arc::default(),
            vips: BTreeMap::new(),
            leaving: Wanted::new(),
            seen: None,
            link: Link::Untried,
            happenings: Vec::new(),
        }
    }

    /// Takes what the controller says.
    pub fn set_orders(&mut self, orders: Orders, now: Duration) {
        self.orders = orders;
        let announced = |name: &String| self.orders.announce.is_some() && self.orders.vips.contains_key(name);
        let gone: Vec<String> = self.vips.keys().filter(|name| !announced(name)).cloned().collect();
        for name in gone {
            if let Some(vip) = self.vips.remove(&name) {
                self.leaving.insert(name, Route { level: Level::Withdrawn, ..vip.route });
            }
        }
        if self.orders.announce.is_none() {
            return;
        }
        for (name, order) in &self.orders.vips {
            self.leaving.remove(name);
            let vip = self.vips.entry(name.clone()).or_insert_with(|| Vip {
                machine: Machine::new(now),
                meter: Meter::default(),
                wellness: Wellness::default(),
                route: Route { prefix: order.prefix, level: Level::Withdrawn },
                is_ready: false,
                is_over: false,
                failure: None,
                trouble: None,
                transitions: 0,
                history: VecDeque::new(),
            });
            vip.route.prefix = order.prefix;
            vip.is_over &= order.policy == AnnouncePolicy::Never && order.by_hand.is_none();
        }
    }

    /// Takes what checks say.
    pub fn set_standings(&mut self, standings: Arc<Standings>) {
        self.standings = standings;
    }

    /// Takes what was counted for VIPs.
    pub fn note_traffic(&mut self, samples: &BTreeMap<String, Sample>, now: Duration) {
        for (name, sample) in samples {
            if let Some(vip) = self.vips.get_mut(name) {
                vip.meter.note(now, *sample);
            }
        }
    }

    /// Takes note that the routing daemon was reached for the first time since it is this one, or again.
    pub fn note_connected(&mut self, seen: Seen, is_first: bool, now: Duration) {
        if is_first {
            for (name, route) in &seen.routes {
                if let Some(vip) = self.vips.get_mut(name) {
                    vip.machine.adopt(route.level, now);
                    vip.route.level = vip.machine.phase().level();
                }
            }
        }
        self.happenings.push(Happening::Daemon { said: Ok(seen.daemon.clone()) });
        self.link = Link::Up(now);
        self.seen = Some((now, seen));
    }

    /// Takes what the routing daemon has.
    pub fn note_seen(&mut self, seen: Seen, now: Duration) {
        self.seen = Some((now, seen));
    }

    /// Takes note that the routing daemon was brought to what was wanted, as far as it let.
    pub fn note_brought(&mut self, wanted: &Wanted, failures: &Failures) {
        for (name, vip) in &mut self.vips {
            vip.failure = failures.get(name).cloned();
            let is_nobodys = self
                .orders
                .vips
                .get(name)
                .is_some_and(|order| order.policy == AnnouncePolicy::Never && order.by_hand.is_none());
            let is_withdrawn = wanted.get(name).is_some_and(|route| route.level == Level::Withdrawn);
            vip.is_over |= is_nobodys && is_withdrawn && vip.failure.is_none();
        }
        self.leaving.retain(|name, _| !wanted.contains_key(name) || failures.contains_key(name));
    }

    /// Takes note that the routing daemon cannot be driven.
    pub fn note_lost(&mut self, error: String, now: Duration) {
        let (since, attempts, is_told) = match &self.link {
            Link::Down { since, attempts, error: before } => (*since, attempts + 1, *before == error),
            Link::Up(_) | Link::Untried => (now, 1, false),
        };
        if !is_told {
            self.happenings.push(Happening::Daemon { said: Err(error.clone()) });
        }
        self.link = Link::Down { since, error, attempts };
    }

    /// Another routing daemon is driven from here on.
    pub fn forget_daemon(&mut self) {
        (self.link, self.seen) = (Link::Untried, None);
        self.leaving.clear();
    }

    /// Decides anew.
    pub fn tick(&mut self, now: Duration, utc: Utc) {
        let Some(announce) = self.orders.announce.clone() else { return };
        let rules = Rules::from(&*announce);
        let nobody = PoolOrder::default();
        let pools: BTreeMap<&str, (&PoolOrder, PoolWellness)> = self
            .orders
            .pools
            .iter()
            .map(|(name, pool)| (&**name, (pool, PoolWellness::of(name, pool, &self.standings))))
            .collect();
        let pool_of =
            |order: &VipOrder| pools.get(&*order.pool).copied().unwrap_or((&nobody, PoolWellness::default()));
        for (name, vip) in &mut self.vips {
            if let Some(order) = self.orders.vips.get(name) {
                let (pool, wellness) = pool_of(order);
                vip.wellness = Wellness::of(order, pool, wellness);
            }
        }
        let keeps_the_last = keeps_the_last(&announce, &self.orders, &self.vips);
        let whole = Whole { now, utc, keeps_the_last };
        for (name, vip) in &mut self.vips {
            let Some(order) = self.orders.vips.get(name) else { continue };
            let (pool, _) = pool_of(order);
            let wish = wish(&self.orders, order, pool, &vip.wellness, &whole);
            let calm = Calm { is_settled: pool.moving == 0, ..vip.meter.calm(now) };
            let moved = vip.machine.step(now, &wish, calm, &rules);
            vip.is_ready = vip.machine.is_ready(now, calm, &rules);
            vip.route.level = vip.machine.phase().level();
            if !vip.waits_for_traffic() {
                vip.meter.reset();
            }
            let Some(before) = moved else { continue };
            let (after, why) = (vip.machine.phase(), Arc::clone(vip.machine.why()));
            let is_bad = after == Phase::Withdrawn && !vip.wellness.is_enough()
                || order.unsteered.is_some()
                || self.orders.unsteered.is_some();
            vip.transitions += 1;
            vip.history.truncate(HISTORY - 1);
            vip.history.push_front(AnnounceTransition { at: utc, before, after, why: why.to_string() });
            self.happenings.push(Happening::Moved { vip: name.clone(), before, after, why, is_bad });
        }
        self.tell_troubles(now);
    }

    /// What is wanted of the routing daemon.
    pub fn wanted(&self) -> Wanted {
        let vips = self.vips.iter().filter(|(_, vip)| !vip.is_over);
        let vips = vips.map(|(name, vip)| (name.clone(), vip.route.clone()));
        vips.chain(self.leaving.clone()).collect()
    }

    /// When a machine does something by itself.
    pub fn next_at(&self) -> Option<Duration> {
        self.vips.values().filter_map(|vip| vip.machine.next()).map(|next| next.at).min()
    }

    /// VIPs whose traffic somebody waits for to end.
    pub fn awaits_traffic_of(&self) -> BTreeSet<String> {
        let waiting = self.vips.iter().filter(|(_, vip)| vip.waits_for_traffic());
        waiting.map(|(name, _)| name.clone()).collect()
    }

    /// Whether nothing is announced that was, as far as this daemon decides.
    pub fn is_gone(&self) -> bool {
        self.leaving.is_empty() && self.vips.values().all(|vip| vip.route.level == Level::Withdrawn)
    }

    /// Whether every VIP that comes back after a drain has been announced for long enough for routers to follow; one that is
    /// unwell does not.
    pub fn is_back(&self, now: Duration) -> bool {
        let is_back = |vip: &Vip| match vip.machine.phase() {
            Phase::Announced => now >= vip.machine.since() + RETURN,
            Phase::Withdrawn => !vip.machine.is_turning(),
            Phase::Lingering | Phase::ShuttingDown => false,
        };
        self.orders.maintenance.is_none() && self.vips.values().all(is_back)
    }

    /// What happened since this was last asked.
    pub fn happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    /// What the controller said.
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The VIPs that may be announced.
    pub const fn vips(&self) -> &BTreeMap<String, Vip> {
        &self.vips
    }

    /// The connection to the routing daemon.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Why the routing daemon cannot be driven, if it cannot.
    pub fn error(&self) -> Option<String> {
        match &self.link {
            Link::Down { error, .. } => Some(error.clone()),
            Link::Up(_) | Link::Untried => None,
        }
    }

    /// What the routing daemon said last.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref().map(|(_, seen)| seen)
    }
}

/// Whether what is announced stays so for want of anybody who is well: the site wants that, and nobody is.
fn keeps_the_last(announce: &Announce, orders: &Orders, vips: &BTreeMap<String, Vip>) -> bool {
    let is_decided = |name: &str| {
        orders.vips.get(name).is_some_and(|order| {
            order.policy == AnnouncePolicy::Auto && order.by_hand.is_none() && order.unsteered.is_none()
        })
    };
    let mut decided = vips.iter().filter(|(name, _)| is_decided(name));
    announce.all_down == AllDown::Keep && decided.all(|(_, vip)| !vip.wellness.is_enough())
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Vip {
    fn waits_for_traffic(&self) -> bool {
        matches!(self.machine.phase(), Phase::Lingering | Phase::ShuttingDown)
    }
}
