//! Ends of steering, none of which comes before its routes are gone.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    super::{Controller, requests::internal},
    Pending,
};
use crate::{
    announce::{announcer::Said, engine::SAMPLE_EVERY, orders::Leaving},
    api::{
        request::{Reply, RequestError},
        types::{HookState, HookStatus},
    },
    model::OnStop,
};

/// How long routing daemons may take beyond what a route that goes is waited for.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long routers may send on to a route that is gone, before steering ends.
const SETTLE: Duration = Duration::from_secs(2);

impl Controller {
    /// Ends steering, once the routes are gone: until then packets come.
    pub(in crate::controller) async fn hook_when_gone(&mut self, state: HookState, reply: Reply<HookStatus>) {
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
    pub(in crate::controller) async fn hook_if_gone(&mut self) {
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
    pub(in crate::controller) async fn end_announcements(&mut self) {
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
