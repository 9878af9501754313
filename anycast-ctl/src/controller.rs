//! The daemon: owns the desired state, follows next hops, keeps the maps true, answers the API.

mod announcements;
mod assemble;
mod capacity;
mod checks;
mod collect;
mod commit;
mod drains;
mod drift;
mod drops;
mod end;
mod explain;
mod flows;
mod interfaces;
mod maps;
mod plan;
mod progress;
mod requests;
mod service;
mod start;
mod status;
mod tally;
mod tending;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::yield_now,
    time::{MissedTickBehavior, interval, sleep_until},
};

use crate::{
    api::{
        doors::Doors,
        link::{self, ControllerEnd},
        request::Request,
        server::Server,
        types::{DaemonStep, Progress, RightsStatus, WebStatus},
    },
    bpffs::Lock,
    condition::{Marks, Names},
    dataplane::Dataplane,
    events::Teller,
    interface,
    metrics::Meters,
    model::{Seed, Site},
    neighbour::{Resolutions, ResolverHandle},
    numbers::{Carried, Numbers},
    privilege::Rights,
    reconcile::Maps,
    service::Service,
    store::{Record, Store},
    transition::Census,
    web::Web,
};

use self::{
    announcements::Announcements, capacity::Capacities, checks::Checks, drains::DrainsTold, drops::DropWatch,
    interfaces::Ports, progress::Told, tending::Tending,
};

pub use self::{start::RunOptions, tending::Figures};

/// How often steps that failed are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How often the controller shows that it lives.
const BEAT: Duration = Duration::from_secs(1);

/// Runs the daemon, with doors that are open and the rights that it kept, until SIGTERM or SIGINT, or until it is told to take
/// the dataplane down. Otherwise that stays, and goes on steering, unless it is temporary.
///
/// # Errors
///
/// Whatever keeps the site from being steered as a whole: packets meet what they met before then.
pub async fn run(options: RunOptions, doors: Doors, rights: Rights) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watching for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watching for SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("watching for SIGHUP")?;

    let (mut link, ControllerEnd { mut requests, health, announce, progress, events }) =
        link::link(options.keep_events);
    link.catchment_every = options.catchment_every;
    let present = interface::follow().await?;
    let mut controller =
        Controller::assemble(&options, present, (progress, events), (health, announce)).await?;
    rights.tell();
    #[cfg(feature = "packet-log")]
    controller.dataplane.follow_packet_log()?;
    controller.wait_for_first_answers().await;
    let all = controller.ports.list().await;
    let (site, detached) = (&controller.site, controller.detached);
    start::attach(&mut controller.dataplane, site, options.xdp_mode, detached, &all)?;
    controller.tell_interfaces();
    controller.begin_to_announce();

    let api = Server::spawn(doors, link).context("starting the api")?;
    let web = options.http.clone().map(|address| Web::spawn(address, api.api(), controller.meters.clone()));
    let web = web.transpose().context("starting the http server")?;
    controller.web = web.as_ref().map(Web::status);
    controller.rights = Some(Arc::new(RightsStatus::from(&rights)));
    tracing::debug!(socket = %options.socket.display(), "listening");
    controller.tell_step(if controller.took_over { DaemonStep::TookOver } else { DaemonStep::Started });
    controller.say_to_service();
    controller.service.ready();
    let outcome = loop {
        tokio::select! {
            outcome = controller.follow(&mut requests) => break outcome,
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = hangup.recv() => controller.reload(options.config.as_deref()).await,
        }
    };
    controller.service.stopping();
    controller.tell_step(DaemonStep::Stopping);
    let ended = controller.end().await;
    api.stop().await.context("serving the api")?;
    if let Some(web) = web {
        web.ended().await;
    }
    outcome.and(ended)
}

/// The desired state, what the maps hold, and what leads from one to the other. Everything happens in one task.
pub struct Controller {
    site: Arc<Site>,
    seed: Seed,
    numbers: Arc<Numbers>,
    /// What was counted for names whose counters others have by now.
    carried: Arc<Carried>,
    /// Backends that the operator marked down.
    marks: Marks,
    /// Pools whose new flows are to go to their backups.
    diverted: Arc<Names>,
    store: Arc<dyn Store>,
    /// The newest revision.
    head: Option<Record>,
    /// Whether the store may have a newer one that is not known of: nobody could say what came of a change.
    may_be_outrun: bool,
    progress: watch::Sender<Progress>,
    /// What only metrics measure.
    meters: Meters,
    /// Where metrics are served, if they are.
    web: Option<watch::Receiver<WebStatus>>,
    /// What this process may do.
    rights: Option<Arc<RightsStatus>>,
    events: Teller,
    /// What watchers were told of the backends.
    told: Told,
    /// What they were told of drains; `None`: it was not looked for any yet.
    drains_told: Option<DrainsTold>,
    /// Interfaces that watchers were told have the program.
    told_interfaces: BTreeSet<String>,
    checks: Checks,
    /// Whether something changed since it was last said who is to be checked.
    checks_are_stale: bool,
    announcements: Announcements,
    resolver: ResolverHandle,
    resolutions: watch::Receiver<Resolutions>,
    dataplane: Dataplane,
    /// What the maps hold.
    installed: Maps,
    /// Whom the slots of each pool name.
    census: BTreeMap<u16, Census>,
    /// Since when a pool has slots in transition; those that have none are not listed.
    moving_since: BTreeMap<u16, Instant>,
    tending: Tending,
    drift: drift::Watch,
    drops: DropWatch,
    capacities: Capacities,
    /// What moves slots at the moment, in an operator's words.
    cause: String,
    /// What says what would become of a packet.
    asked: Arc<explain::Asked>,
    ports: Ports,
    /// Whether the last reconciliation left something undone.
    behind: bool,
    /// Whether counters are to be collected as soon as nobody reads them.
    collects_later: bool,
    /// Which maps these are; `None` when they end with the daemon.
    identity: Option<u64>,
    /// The seed that was drawn for a site that names none.
    drawn_seed: Option<Seed>,
    /// Whether the maps were there before this daemon.
    took_over: bool,
    /// Whether the operator took the program off the interfaces.
    detached: bool,
    /// Whether the operator wanted all of it to end, and it did.
    down: bool,
    /// Keeps other daemons away.
    _lock: Option<Lock>,
    started: Instant,
    /// Who started this daemon.
    service: Service,
    /// Why the site file was not applied when that was last asked for.
    refused_file: Option<String>,
}

impl Controller {
    /// Reacts to requests and to next hops until something ends for good.
    async fn follow(&mut self, requests: &mut mpsc::Receiver<Request>) -> anyhow::Result<()> {
        let mut retry = interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sign_of_life = self.service.beats();
        loop {
            if self.down {
                return Ok(());
            }
            if std::mem::take(&mut self.checks_are_stale) {
                self.order_checks().await;
            }
            if self.announcements.are_stale {
                self.order_announcements();
            }
            let (sample_at, gives_up_at) = (self.announcements.sample_at(), self.announcements.gives_up_at());
            let deadline = self.next_deadline();
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => {
                        self.answer(request).await;
                    }
                    None => return Ok(()),
                },
                changed = self.resolutions.changed() => {
                    changed.context("following next hops: the resolver has ended")?;
                    self.reconcile_for("next hops");
                }
                changed = self.checks.changed() => {
                    let happening = changed.context("following checks")?;
                    let why = happening.as_ref().map_or_else(|| "what checks say".to_owned(), ToString::to_string);
                    if self.listen(happening) {
                        self.reconcile_for(why);
                    }
                    self.write_checks();
                }
                changed = self.announcements.announcing.changed() => {
                    if let Some(happening) = changed.context("following announcements")? {
                        self.tell_announcement(&happening);
                    }
                    self.hook_if_gone().await;
                    self.return_if_back();
                }
                _ = beat.tick() => {
                    self.announcements.announcing.beat();
                    self.count_drops();
                    self.tell_capacities();
                    self.say_to_service();
                }
                _ = sign_of_life.tick(), if self.service.is_watched() => self.service.beat(),
                counted = self.drops.counted() => self.tell_drops(counted),
                () = sleep_until(sample_at.unwrap_or(self.started).into()), if sample_at.is_some() => {
                    self.sample_traffic();
                }
                () = sleep_until(gives_up_at.unwrap_or(self.started).into()), if gives_up_at.is_some() => {
                    self.hook_if_gone().await;
                }
                changed = self.ports.changed() => {
                    changed.context("following interfaces: the watch has ended")?;
                    self.tend_interfaces().await;
                }
                _ = retry.tick(), if self.is_to_try_again() => {
                    self.try_again().await;
                }
                () = sleep_until(self.tending.sweep_at().into()) => {
                    if self.sweep() {
                        self.tell_drains();
                        self.remove_drained().await;
                    }
                    // A sweep has its next piece ready at once: let the tasks beside this one run.
                    yield_now().await;
                }
                () = sleep_until(self.drift.at().into()) => self.look_for_drift(),
                () = sleep_until(deadline.unwrap_or(self.started).into()), if deadline.is_some() => {
                    self.reconcile_for("the deadline of a drain");
                    self.remove_drained().await;
                }
            }
        }
    }

    fn watch_addresses(&self) {
        let backends = self.site.pools.iter().flat_map(|pool| &pool.backends);
        self.resolver.set_addresses(backends.map(|backend| backend.address).collect::<BTreeSet<_>>());
    }

    fn is_to_try_again(&self) -> bool {
        self.behind
            || self.collects_later
            || self.may_be_outrun
            || self.ports.is_unsettled()
            || self.checks.is_behind()
    }

    async fn try_again(&mut self) {
        if self.checks.is_behind() {
            self.checks_are_stale = true;
            self.write_checks();
        }
        if let Err(error) = self.catch_up().await {
            tracing::warn!(
                "looking whether the last change was stored: {error}; trying again every {} s",
                RETRY.as_secs()
            );
        }
        if !self.behind && !self.collects_later && !self.ports.is_unsettled() {
            return;
        }
        if self.ports.is_unsettled() { self.tend_interfaces().await } else { self.reconcile_or_retry() }
    }

    /// The same, for a reason that is told with the tables that change.
    fn reconcile_for(&mut self, why: impl Into<String>) {
        self.cause = why.into();
        self.reconcile_or_retry();
    }

    fn reconcile_or_retry(&mut self) {
        self.announcements.are_stale = true;
        let outcome = self.reconcile();
        let told = self.progress_status().behind.map(|behind| behind.error);
        self.note_outcome(&outcome);
        // The first is told as an event.
        if let (Err(error), Some(told)) = (outcome.map_err(|error| format!("{error:#}")), told)
            && error != told
        {
            tracing::error!("{error}; trying again every {} s", RETRY.as_secs());
        }
    }

    /// Brings the maps to the desired state; what was done before an error stays done and noted.
    fn reconcile(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let outcome = self.bring_maps();
        self.meters.note_reconciled(begun.elapsed(), outcome.is_ok());
        outcome
    }
}
