//! Announcements, as far as the controller has to do with them: it says what decides about them beside health, counts traffic
//! while a drain waits for it to end, and lets nothing end before its route has.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::{Controller, requests::internal};
use crate::{
    announce::{
        announcer::{Announcing, Said},
        driver::Surroundings,
        engine::SAMPLE_EVERY,
        happening::Happening,
        meter::Sample,
        orders::{ByHand, Candidate, Hand, Leaving, Maintenance, Orders, VipOrder},
        report::Ask,
    },
    api::{
        request::{AnnounceChange, MaintenanceTerms, Reply, RequestError},
        types::{AnnounceEvent, Event, HookState, HookStatus},
    },
    condition::Condition,
    dataplane::Reach,
    health::checker::Said as HealthSaid,
    interface,
    model::{AdminState, Announce, Backend, MinHealthy, OnStop, Pool, Vip},
    utc::Utc,
    way::Way,
};

/// How long routing daemons may take beyond what a route that goes is waited for.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long routers may send on to a route that is gone, before steering ends.
const SETTLE: Duration = Duration::from_secs(2);

/// State of all that announcements need.
pub(super) struct Announcements {
    pub announcing: Announcing,
    /// While the whole site is to be left alone by clients.
    pub maintenance: Option<Maintenance>,
    /// Whether routes are on their way back after maintenance: new flows go to backups until routers have followed.
    is_returning: bool,
    /// What the operator wants of single VIPs.
    pub by_hand: BTreeMap<String, ByHand>,
    /// Whether something changed since it was last said what decides about them.
    pub are_stale: bool,
    leaving: Option<Leaving>,
    /// Whether the maps were brought to the site at least once.
    is_ready: bool,
    /// What the operator wants of the program as soon as the routes are gone.
    pending: Option<Pending>,
    sample_at: Instant,
}

/// The end of steering, which waits for the routes to be gone.
struct Pending {
    state: HookState,
    reply: Reply<HookStatus>,
    deadline: Instant,
}

impl Announcements {
    pub(super) fn new(
        surroundings: Surroundings,
        health: watch::Receiver<HealthSaid>,
        asks: mpsc::Receiver<Ask>,
        (maintenance, by_hand): (Option<Maintenance>, BTreeMap<String, ByHand>),
    ) -> io::Result<Self> {
        Ok(Self {
            announcing: Announcing::spawn(surroundings, health, asks)?,
            maintenance,
            is_returning: false,
            by_hand,
            are_stale: true,
            leaving: None,
            is_ready: false,
            pending: None,
            sample_at: Instant::now(),
        })
    }

    /// When traffic is to be counted next; `None`: nobody waits for it to end.
    pub(super) fn sample_at(&self) -> Option<Instant> {
        (!self.announcing.said().awaits_traffic_of.is_empty()).then_some(self.sample_at)
    }

    /// When what waits for the routes to be gone waits no longer.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }
}

impl Controller {
    /// Lets routes follow from here on: the maps are right.
    pub(super) fn begin_to_announce(&mut self) {
        self.announcements.is_ready = true;
        self.announcements.are_stale = true;
    }

    /// Says what decides about announcements, if that is another thing.
    pub(super) fn order_announcements(&mut self) {
        self.announcements.are_stale = false;
        let now = Utc::now();
        self.announcements
            .by_hand
            .retain(|vip, hand| self.site.vip(vip).is_some() && hand.until.is_none_or(|until| until > now));
        let pools: BTreeMap<&str, PoolFacts> =
            self.site.pools.iter().map(|pool| (pool.name.as_str(), self.pool_facts(pool))).collect();
        let steered: BTreeSet<_> = self.installed.directory.iter().map(|entry| entry.address).collect();
        let nobody = PoolFacts::default();
        let order = |vip: &Vip| {
            let facts = pools.get(vip.pool.as_str()).unwrap_or(&nobody);
            let order = VipOrder {
                address: vip.address,
                prefix: vip.announced_prefix(),
                pool: vip.pool.as_str().into(),
                policy: vip.announce,
                min_healthy: vip.min_healthy.or(facts.min_healthy),
                candidates: facts.candidates.clone(),
                active: facts.active,
                draining: facts.draining,
                moving: facts.moving,
                diverts: facts.diverts,
                unsteered: (!steered.contains(&vip.address))
                    .then(|| "the program does not know it yet: see `anycast-ctl status`".into()),
                by_hand: self.announcements.by_hand.get(&vip.name).cloned(),
            };
            (vip.name.clone(), order)
        };
        let orders = Orders {
            announce: self.site.announce.as_deref().map(|announce| Arc::new(Announce::clone(announce))),
            vips: self.site.vips.iter().map(order).collect(),
            maintenance: self.announcements.maintenance.clone(),
            unsteered: self.unsteered().map(Arc::from),
            leaving: self.announcements.leaving,
            is_ready: self.announcements.is_ready,
        };
        self.announcements.announcing.order(orders);
    }

    /// Why no packet is steered at all, if none is.
    fn unsteered(&self) -> Option<&'static str> {
        let is_attached =
            self.dataplane.attachments().iter().any(|attachment| interface::exists(attachment.ifindex));
        if self.detached {
            Some("the operator took the program off the interfaces: `anycast-ctl attach` puts it back")
        } else if is_attached {
            None
        } else {
            Some("the program is on no interface: see `anycast-ctl status`")
        }
    }

    fn pool_facts(&self, pool: &Pool) -> PoolFacts {
        let census = self.numbers.pool(&pool.name).and_then(|number| self.census.get(&number));
        let moving = census.map_or(0, |census| census.in_transition());
        let mut facts = PoolFacts { min_healthy: pool.min_healthy, moving, ..PoolFacts::default() };
        for backend in &pool.backends {
            if backend.backup {
                facts.diverts |= Condition::of(&self.opinions(), pool, backend).is_eligible();
                continue;
            }
            let asks_drain = self.opinions().standing(pool, backend).asks_drain;
            match backend.state {
                AdminState::Disabled => continue,
                AdminState::Draining => {
                    let is_over = backend.drain_until.is_some_and(|until| until <= Utc::now());
                    facts.draining += u32::from(!is_over);
                    continue;
                }
                AdminState::Active if asks_drain => {
                    facts.draining += 1;
                    continue;
                }
                AdminState::Active => facts.active += 1,
            }
            let is_marked = self.marks.contains(&(pool.name.clone(), backend.address));
            if self.is_reached(pool, backend) && !is_marked {
                let is_checked = pool.is_checked(backend);
                facts.candidates.push(Candidate { address: backend.address, is_checked });
            }
        }
        facts
    }

    /// Whether the maps have a way to a backend.
    fn is_reached(&self, pool: &Pool, backend: &Backend) -> bool {
        let seat = self.numbers.get(&pool.name, backend.address);
        let resolutions = self.resolutions.borrow();
        let resolution = resolutions.get(&backend.address);
        let way = Way::find(pool.delivery_of(backend), backend.address, resolution, &self.site.tunnel);
        seat.is_some() && way.is_ok()
    }

    /// Takes note of what an operator wants of announcements.
    ///
    /// # Errors
    /// There is no such VIP, nothing to announce with, or no room to write it down: nothing is changed then.
    pub(super) async fn change_announcements(
        &mut self,
        change: AnnounceChange,
        by: String,
    ) -> Result<(), RequestError> {
        let before = (self.announcements.maintenance.clone(), self.announcements.by_hand.clone());
        let text = match change {
            AnnounceChange::Hand { vip, hand } => self.set_hand(&vip, hand, &by)?,
            AnnounceChange::Maintenance(begins) => self.set_maintenance(begins, &by)?,
        };
        let is_other = before != (self.announcements.maintenance.clone(), self.announcements.by_hand.clone());
        if !is_other {
            return Ok(());
        }
        let stored = match self.document(&self.numbers) {
            Ok(document) => self.with_store(move |store| store.set_runtime(&document)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            (self.announcements.maintenance, self.announcements.by_hand) = before;
            return Err(error);
        }
        tracing::info!(by, "{text}");
        let what = "maintenance".to_owned();
        let (vip, before, after, level) = (None, None, None, None);
        self.tell(Event::Announce(AnnounceEvent { what, bad: false, text, vip, before, after, level }));
        self.divert();
        // Whoever hears that it is done asks the announcer how things are: it must know by then.
        self.order_announcements();
        Ok(())
    }

    /// Has new flows go to backups while the site is drained, and no longer.
    fn divert(&mut self) {
        self.note_diverted();
        self.reconcile_or_retry();
    }

    /// Has new flows come back when the routes have: flows that other sites opened meanwhile find the owners they had there.
    pub(super) fn return_if_back(&mut self) {
        if self.announcements.is_returning && self.announcements.announcing.said().is_back {
            self.announcements.is_returning = false;
            self.divert();
        }
    }

    /// Notes which pools are diverted to their backups: all that have any, while the site is drained or not back yet.
    pub(super) fn note_diverted(&mut self) {
        let Announcements { maintenance, is_returning, .. } = &self.announcements;
        let is_diverted = maintenance.is_some() || *is_returning;
        let pools = self.site.pools.iter().filter(|_| is_diverted);
        let with_backups = pools.filter(|pool| pool.backends.iter().any(|backend| backend.backup));
        self.diverted = Arc::new(with_backups.map(|pool| pool.name.clone()).collect());
    }

    fn set_hand(
        &mut self,
        vip: &str,
        hand: Option<(Hand, Option<Utc>)>,
        by: &str,
    ) -> Result<String, RequestError> {
        if self.site.vip(vip).is_none() {
            let names = self.site.vips.iter().map(|vip| vip.name.as_str());
            return Err(RequestError::NotFound(crate::spelling::unknown("VIP", vip, names)));
        }
        if self.site.announce.is_none() {
            return Err(RequestError::Conflict(format!(
                "VIP {vip} is nobody's to announce: add [announce] with the table of a routing daemon to the site"
            )));
        }
        let by_hand = &mut self.announcements.by_hand;
        Ok(match hand {
            Some((what, until)) => {
                by_hand.insert(vip.to_owned(), ByHand { what, until, by: by.to_owned() });
                let word = match what {
                    Hand::Now => "announced",
                    Hand::Withdraw | Hand::WithdrawAtOnce => "withdrawn",
                };
                let until = until.map_or_else(String::new, |until| format!(" until {until}"));
                format!("VIP {vip} is to be {word} by hand{until}")
            }
            None => {
                by_hand.remove(vip);
                format!("VIP {vip} is announced by its health again")
            }
        })
    }

    fn set_maintenance(&mut self, terms: Option<MaintenanceTerms>, by: &str) -> Result<String, RequestError> {
        let has_backups =
            self.site.pools.iter().flat_map(|pool| &pool.backends).any(|backend| backend.backup);
        if terms.is_some() && self.site.announce.is_none() && !has_backups {
            return Err(RequestError::Conflict(
                "there is nowhere to send clients: no pool has backups, and the site has no [announce] to withdraw by"
                    .to_owned(),
            ));
        }
        let maintenance = &mut self.announcements.maintenance;
        Ok(match terms {
            Some(MaintenanceTerms { until, holds }) => {
                let before = maintenance.as_ref();
                let since = before.map_or_else(Utc::now, |before| before.since);
                // Who lets go of a drain that was held need not repeat its deadline.
                let until = until.or(before.and_then(|before| before.until));
                *maintenance = Some(Maintenance { since, until, holds, by: by.to_owned() });
                self.announcements.is_returning = false;
                "the site is drained".to_owned()
            }
            None => {
                let was_drained = maintenance.take().is_some();
                self.announcements.is_returning |= was_drained && self.site.announce.is_some();
                "the site is in service again".to_owned()
            }
        })
    }

    /// Counts the traffic of VIPs whose drain waits for it to end.
    pub(super) fn sample_traffic(&mut self) {
        self.announcements.sample_at = Instant::now() + SAMPLE_EVERY;
        let vips = self.announcements.announcing.said().awaits_traffic_of;
        match self.samples(&vips) {
            Ok(samples) => self.announcements.announcing.count(samples),
            Err(error) => tracing::warn!("counting the traffic that a drain waits for: {error:#}"),
        }
    }

    fn samples(&self, vips: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, Sample>> {
        let vips: Vec<&Vip> = self.site.vips.iter().filter(|vip| vips.contains(&vip.name)).collect();
        let counters = vips.iter().flat_map(|vip| self.numbers.traffic_counters_of_vip(&vip.name, &vip.pool));
        let counted = self.dataplane.counters().read(&Reach::of(counters, None))?;
        let mut samples: BTreeMap<String, Sample> =
            vips.iter().map(|vip| (vip.name.clone(), Sample::default())).collect();
        let pools: BTreeSet<&str> = vips.iter().map(|vip| vip.pool.as_str()).collect();
        for pool in pools.into_iter().filter_map(|name| self.site.pool(name)) {
            let Some(pairs) = self.numbers.pairs(&pool.name) else { continue };
            for backend in &pool.backends {
                for (vip, traffic) in pairs.delivered(backend.address, &counted) {
                    let Some(sample) = samples.get_mut(vip) else { continue };
                    sample.packets += traffic.packets;
                    sample.own_packets += if backend.backup { 0 } else { traffic.packets };
                    sample.new_flows += traffic.new_flows;
                }
            }
        }
        Ok(samples)
    }

    /// Tells whoever watches what happened to announcements.
    pub(super) fn tell_announcement(&self, happening: &Happening) {
        if happening.is_bad() {
            tracing::warn!("{happening}")
        } else {
            tracing::info!("{happening}")
        }
        self.tell(Event::Announce(happening.event()));
    }

    /// Ends steering, once the routes are gone: until then packets come.
    pub(super) async fn hook_when_gone(&mut self, state: HookState, reply: Reply<HookStatus>) {
        if self.announcements.pending.is_some() {
            let error = "the routes are being withdrawn for that already: wait for it".to_owned();
            drop(reply.send(Err(RequestError::Conflict(error))));
            return;
        }
        let waits = state != HookState::Attached && !self.announcements.announcing.said().is_gone;
        match (&self.site.announce, waits) {
            (Some(announce), true) => {
                self.announcements.leaving = Some(Leaving::InOrder);
                let deadline = Instant::now() + announce.shutdown.wait + PATIENCE;
                self.announcements.pending = Some(Pending { state, reply, deadline });
                self.announcements.are_stale = true;
            }
            (Some(_) | None, _) => drop(reply.send(self.hook(state).await.map_err(internal))),
        }
    }

    /// Does what waited for the routes to be gone, when they are, or too much time has passed.
    pub(super) async fn hook_if_gone(&mut self) {
        let Said { is_gone, error, .. } = self.announcements.announcing.said();
        let is_over = |pending: &mut Pending| is_gone || pending.deadline <= Instant::now();
        let Some(Pending { state, reply, .. }) = self.announcements.pending.take_if(is_over) else { return };
        self.settle(is_gone, error).await;
        let done = self.hook(state).await.map_err(internal);
        // Who detaches attaches again, and is announced then.
        self.announcements.leaving = None;
        self.announcements.are_stale = true;
        drop(reply.send(done));
    }

    /// Leaves with the daemon what the site wants to be left of its announcements.
    pub(super) async fn end_announcements(&mut self) {
        let Some(announce) = self.site.announce.clone() else { return };
        let ends_here = self.dataplane.pins().is_none() || self.down;
        if !ends_here && announce.on_stop == OnStop::Keep {
            self.announcements.leaving = Some(Leaving::Keep);
            self.order_announcements();
            return;
        }
        if self.announcements.announcing.said().is_gone {
            return;
        }
        tracing::info!("withdrawing routes");
        self.announcements.leaving = Some(Leaving::InOrder);
        self.order_announcements();
        let deadline = Instant::now() + announce.shutdown.wait + PATIENCE;
        while !self.announcements.announcing.said().is_gone && Instant::now() < deadline {
            tokio::select! {
                changed = self.announcements.announcing.changed() => match changed {
                    Ok(Some(happening)) => self.tell_announcement(&happening),
                    Ok(None) => {}
                    Err(error) => {
                        tracing::error!("routes may still be announced: {error}");
                        return;
                    }
                },
                () = sleep(SAMPLE_EVERY) => self.sample_traffic(),
            }
            self.announcements.announcing.beat();
        }
        let Said { is_gone, error, .. } = self.announcements.announcing.said();
        self.settle(is_gone, error).await;
    }

    /// Waits until routers have followed, which shows by the packets that no longer come.
    async fn settle(&mut self, is_gone: bool, error: Option<String>) {
        if !is_gone {
            let why = error.unwrap_or_else(|| "the routing daemon did not follow in time".to_owned());
            tracing::error!("steering ends though routes may still be announced: {why}");
            return;
        }
        let every: BTreeSet<String> = self.site.vips.iter().map(|vip| vip.name.clone()).collect();
        let packets = |controller: &Self| -> u64 {
            controller.samples(&every).map_or(0, |samples| samples.values().map(|it| it.packets).sum())
        };
        let until = Instant::now() + SETTLE;
        let mut before = packets(self);
        while Instant::now() < until {
            sleep(Duration::from_millis(100)).await;
            let now = packets(self);
            if now == before {
                return;
            }
            before = now;
        }
        tracing::warn!("packets still come for routes that are withdrawn; steering ends all the same");
    }
}

/// What a pool says of the VIPs that it serves.
#[derive(Default)]
struct PoolFacts {
    min_healthy: Option<MinHealthy>,
    candidates: Vec<Candidate>,
    active: u32,
    draining: u32,
    moving: u32,
    diverts: bool,
}
