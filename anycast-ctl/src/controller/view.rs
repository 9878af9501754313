//! What a status is made from: the controller's state at one moment, and the counters, which are read elsewhere.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use super::{Controller, Figures};
use crate::{
    api::types::{AnnounceBrief, DriftStatus, InterfaceStatus, Progress, RightsStatus, WebStatus},
    condition::{Condition, Marks, Names, Opinions},
    dataplane::Counters,
    health::standing::Standings,
    interface,
    metrics::Meters,
    model::{Backend, Pool, Site},
    neighbour::Resolutions,
    numbers::{Capacity, Carried, Numbers},
    transition::Census,
    way::{NoWay, Way},
};

/// The controller's state at one moment. While there is one no counter is cleared, so that what is read from the maps and
/// what was carried belong together.
pub(super) struct View {
    pub site: Arc<Site>,
    pub numbers: Arc<Numbers>,
    pub carried: Arc<Carried>,
    pub marks: Marks,
    pub standings: Arc<Standings>,
    pub serving: Arc<Marks>,
    pub diverted: Arc<Names>,
    pub resolutions: Resolutions,
    pub census: BTreeMap<u16, Census>,
    pub moving_since: BTreeMap<u16, Instant>,
    pub figures: Figures,
    pub capacity: Capacity,
    pub meters: Meters,
    pub started: Instant,
    pub multi_buffer: bool,
    pub detached: bool,
    pub interfaces: Vec<InterfaceStatus>,
    pub progress: Progress,
    pub announcements: Option<AnnounceBrief>,
    pub drift: DriftStatus,
    pub web: Option<WebStatus>,
    pub rights: Option<Arc<RightsStatus>>,
    pub counters: Arc<Counters>,
}

impl Controller {
    /// The state as it is.
    pub(super) fn view(&self) -> View {
        let attachments = self.dataplane.attachments().iter();
        View {
            site: Arc::clone(&self.site),
            numbers: Arc::clone(&self.numbers),
            carried: Arc::clone(&self.carried),
            marks: self.marks.clone(),
            standings: Arc::clone(&self.checks.standings),
            serving: Arc::clone(&self.checks.serving),
            diverted: Arc::clone(&self.diverted),
            resolutions: self.resolutions.borrow().clone(),
            census: self.census.clone(),
            moving_since: self.moving_since.clone(),
            figures: self.figures(),
            capacity: self.dataplane.capacity(),
            meters: self.meters.clone(),
            started: self.started,
            multi_buffer: self.dataplane.takes_multi_buffer(),
            detached: self.detached,
            interfaces: attachments
                .map(|attachment| InterfaceStatus {
                    name: attachment.interface.clone(),
                    index: attachment.ifindex,
                    mode: attachment.mode,
                    present: interface::exists(attachment.ifindex),
                    detail: self.ports.problem(&attachment.interface).map(str::to_owned),
                })
                .collect(),
            progress: self.progress_status(),
            announcements: self.site.announce.as_ref().map(|_| self.announcements.announcing.said().brief),
            drift: self.drift_status(),
            web: self.web.as_ref().map(|web| web.borrow().clone()),
            rights: self.rights.clone(),
            counters: self.dataplane.counters(),
        }
    }

    /// Has something made from the state as it is, on another thread: counters may be a million. If there are some to be
    /// cleared that waits for whoever reads them, so nobody begins to: it is made here and now.
    pub(super) fn look(&self, work: impl FnOnce(View) + Send + 'static) {
        let view = self.view();
        if self.collects_later {
            work(view);
        } else {
            tokio::task::spawn_blocking(move || work(view));
        }
    }
}

impl View {
    /// What a backend may do.
    pub fn condition(&self, pool: &Pool, backend: &Backend) -> Condition {
        Condition::of(&self.opinions(), pool, backend)
    }

    /// Everybody's opinion of the backends.
    pub fn opinions(&self) -> Opinions<'_> {
        let Self { marks, standings, serving, diverted, .. } = self;
        Opinions { marks, standings, serving, diverted }
    }

    /// The way to a backend of a pool.
    pub fn way(&self, pool: &Pool, backend: &Backend) -> Result<Way<'_>, NoWay<'_>> {
        let resolution = self.resolutions.get(&backend.address);
        Way::find(pool.delivery_of(backend), backend.address, resolution, &self.site.tunnel)
    }

    /// Whom the slots of a pool name.
    pub fn census(&self, pool: &str) -> Option<&Census> {
        self.census.get(&self.numbers.pool(pool)?)
    }
}

/// Backends of a pool, the removed ones last.
pub(super) fn backends<'a>(numbers: &'a Numbers, pool: &'a Pool) -> impl Iterator<Item = &'a Backend> {
    let removed = numbers.removed(&pool.name).into_iter().map(|occupant| &occupant.backend);
    pool.backends.iter().chain(removed)
}
