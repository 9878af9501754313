//! A controller at its start: what was stored and pinned, and then the first answers of next hops and checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};

use super::{
    Controller,
    announcements::Announcements,
    capacity::Capacities,
    checks::{self, Checks},
    drift,
    drops::DropWatch,
    interfaces::Ports,
    progress::Told,
    start::{self, Begun, RunOptions},
    tending::Tending,
};
use crate::{
    announce::{self, driver::Surroundings},
    api::types::{Event, Progress, RevisionStatus},
    events::Teller,
    health::report::Ask,
    interface::Interfaces,
    metrics::Meters,
    neighbour::Resolver,
    reconcile::inherit,
    service::Service,
    transition::Census,
};

/// How long the start waits for neighbours to answer, so that the first packets find full tables.
const FIRST_ANSWERS: Duration = Duration::from_secs(2);

impl Controller {
    /// What was stored and what is pinned, as the state of a daemon that has not changed anything yet.
    pub(super) async fn assemble(
        options: &RunOptions,
        present: watch::Receiver<Interfaces>,
        (progress, events): (watch::Sender<Progress>, Teller),
        (health_asks, announce_asks): (mpsc::Receiver<Ask>, mpsc::Receiver<announce::report::Ask>),
    ) -> anyhow::Result<Self> {
        let Begun {
            site,
            seed,
            store,
            head,
            runtime,
            verdicts,
            dataplane,
            installed,
            took_over,
            committed,
            lock,
        } = start::begin(options).await?;
        let verdicts = checks::read_saved(verdicts.as_deref());
        let checks = Checks::new(&options.instance, verdicts, seed.get(), health_asks)
            .context("starting the checker")?;
        let announcements = Announcements::new(
            Surroundings::of(&options.instance, &options.socket),
            checks.follow(),
            announce_asks,
            (runtime.maintenance, runtime.by_hand),
        )
        .context("starting the announcer")?;
        let inherited = inherit::ways(&site, &runtime.numbers, &installed, &present.borrow());
        let (resolver, resolutions) = Resolver::spawn(inherited)?;
        let mut controller = Self {
            seed,
            numbers: Arc::new(runtime.numbers),
            carried: Arc::new(runtime.carried),
            marks: runtime.marked_down,
            diverted: Arc::default(),
            identity: runtime.identity,
            drawn_seed: runtime.seed,
            detached: runtime.detached,
            store,
            head,
            may_be_outrun: false,
            progress,
            events,
            meters: Meters::default(),
            web: None,
            rights: None,
            checks,
            checks_are_stale: true,
            announcements,
            told: Told::new(),
            drains_told: None,
            told_interfaces: BTreeSet::new(),
            resolver,
            resolutions,
            asked: Arc::default(),
            census: dataplane.pools().map(|pool| (pool, Census::of(&dataplane.table(pool)))).collect(),
            dataplane,
            installed,
            moving_since: BTreeMap::new(),
            tending: Tending::new(seed.get()),
            drift: drift::Watch::new(options.reconcile_every),
            drops: DropWatch::default(),
            capacities: Capacities::default(),
            cause: "the daemon's start".to_owned(),
            took_over,
            ports: Ports::new(present, options.xdp_mode),
            behind: false,
            collects_later: false,
            down: false,
            started: Instant::now(),
            service: Service::from_environment(),
            refused_file: None,
            site: Arc::new(site),
            _lock: lock,
        };
        if let Some(head) = controller.head.as_ref().filter(|_| committed) {
            controller.tell(Event::Revision(RevisionStatus::from(head)));
        }
        controller.note_transitions();
        // Flows may be remembered in maps that were taken over.
        controller.tending.expect_flows();
        controller.watch_addresses();
        controller.note_diverted();
        Ok(controller)
    }

    /// Fills the tables as far as next hops become known and checks pass; a backend that stays silent does not hold up the
    /// others for long.
    pub(super) async fn wait_for_first_answers(&mut self) {
        let pending = |controller: &Self| {
            let resolutions = controller.resolutions.borrow();
            controller.site.pools.iter().flat_map(|pool| &pool.backends).any(|backend| {
                resolutions.get(&backend.address).is_none_or(|resolution| !resolution.is_settled())
            })
        };
        let settled = async {
            loop {
                self.order_checks().await;
                if !pending(self) && self.checks.is_settled() {
                    return;
                }
                let changed = tokio::select! {
                    changed = self.resolutions.changed() => changed.is_ok(),
                    changed = self.checks.changed() => match changed {
                        Ok(happening) => {
                            self.listen(happening);
                            true
                        }
                        Err(_) => false,
                    },
                };
                if !changed {
                    return;
                }
            }
        };
        if tokio::time::timeout(FIRST_ANSWERS, settled).await.is_err() {
            tracing::warn!("some backends have not answered yet: those that the maps have stay as they are");
        }
        // Whom checks have put in until now is part of the start, and no change.
        self.checks.note_followed();
        self.reconcile_or_retry();
    }
}
