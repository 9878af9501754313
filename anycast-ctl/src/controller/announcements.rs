//! Announcements, as far as the controller has to do with them: it says what decides about them beside health, counts traffic
//! while a drain waits for it to end, and lets nothing end before its route has.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Instant,
};

use tokio::sync::{mpsc, watch};

use super::Controller;
use crate::{
    announce::{
        announcer::Announcing,
        driver::Surroundings,
        happening::Happening,
        orders::{ByHand, Leaving, Maintenance, Orders, VipOrder},
        report::Ask,
    },
    api::{
        request::Reply,
        types::{Event, HookState, HookStatus},
    },
    health::checker::Said as HealthSaid,
    interface,
    model::{Announce, Vip},
    utc::Utc,
};

mod change;
mod end;
mod pool;
mod traffic;

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
        let steered: BTreeSet<_> = self.installed.directory.iter().map(|entry| entry.address).collect();
        let order = |vip: &Vip| {
            let order = VipOrder {
                address: vip.address,
                prefix: vip.announced_prefix(),
                pool: vip.pool.as_str().into(),
                policy: vip.announce,
                min_healthy: vip.min_healthy,
                unsteered: (!steered.contains(&vip.address))
                    .then(|| "the program does not know it yet: see `anycast-ctl status`".into()),
                by_hand: self.announcements.by_hand.get(&vip.name).cloned(),
            };
            (vip.name.clone(), order)
        };
        // Nobody asks about pools where nothing is announced.
        let pools = self.site.pools.iter().filter(|_| self.site.announce.is_some());
        let orders = Orders {
            announce: self.site.announce.as_deref().map(|announce| Arc::new(Announce::clone(announce))),
            pools: pools.map(|pool| (pool.name.as_str().into(), self.pool_order(pool))).collect(),
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

    /// Tells whoever watches what happened to announcements.
    pub(super) fn tell_announcement(&self, happening: &Happening) {
        self.tell(Event::Announce(happening.event()));
    }
}
