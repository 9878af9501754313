//! The daemon: owns the desired state, follows next hops, keeps the maps true, answers the API.

mod status;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use anycast_common::slot::Slot;
use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    api::{
        server::{self, EditError, Request},
        socket::Socket,
        types::{BackendStatus, Traffic, XdpMode},
    },
    dataplane::{Dataplane, LoadOptions},
    interface::{self, Interface},
    maglev::{self, Member},
    model::{Backend, Seed, Site},
    neighbour::{Resolutions, Resolver, ResolverHandle},
    reconcile::{self, Maps, Operation},
    seats::{Occupant, Seats},
    spelling::{quoted, unknown},
};

/// How often steps that failed are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How long the start waits for neighbours to answer, so that the first packets find full tables.
const FIRST_ANSWERS: Duration = Duration::from_secs(2);

/// Requests that may wait for the controller.
const QUEUE: usize = 64;

/// Where and how the daemon runs.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The API's Unix socket.
    pub socket: PathBuf,
    /// How to attach; `None`: natively where that works.
    pub xdp_mode: Option<XdpMode>,
}

/// Runs the daemon until SIGTERM or SIGINT. The program is detached before this returns.
///
/// # Errors
///
/// Whatever keeps the site from being steered as a whole: nothing stays attached then.
pub async fn run(site: Site, options: RunOptions) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("watching for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("watching for SIGINT")?;

    // The socket first: a second daemon must fail before it touches an interface.
    let socket = Socket::bind(&options.socket)?;
    let interfaces = find_interfaces(&site).await?;
    let mut controller = Controller::start(site)?;
    #[cfg(feature = "packet-log")]
    controller.dataplane.follow_packet_log()?;
    controller.wait_for_next_hops().await;
    for interface in &interfaces {
        controller.dataplane.attach(&interface.name, interface.index, options.xdp_mode)?;
    }

    interface::log_departures(&interfaces)?;

    let (sender, requests) = mpsc::channel(QUEUE);
    let (stop, stopped) = oneshot::channel::<()>();
    let api = tokio::spawn(server::serve(socket, sender, async { drop(stopped.await) }));
    tracing::info!(socket = %options.socket.display(), "ready");
    let outcome = tokio::select! {
        outcome = controller.follow(requests) => outcome,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    tracing::info!("stopping");
    drop(stop);
    controller.dataplane.detach_all().context("detaching the XDP program")?;
    api.await.context("stopping the api")?.context("serving the api")?;
    outcome
}

/// Every interface of the site, before anything is loaded.
async fn find_interfaces(site: &Site) -> anyhow::Result<Vec<Interface>> {
    let mut interfaces = Vec::new();
    for name in &site.interfaces {
        let interface = Interface::find(name).await?;
        interface.check_attachable()?;
        interfaces.push(interface);
    }
    Ok(interfaces)
}

struct Controller {
    site: Site,
    seed: Seed,
    seats: Seats,
    resolver: ResolverHandle,
    resolutions: watch::Receiver<Resolutions>,
    dataplane: Dataplane,
    /// What the maps hold.
    installed: Maps,
    /// Slots each backend index owns.
    slots_owned: BTreeMap<u16, u32>,
    /// Traffic of backends that lost their seats, by VIP name.
    forgotten_traffic: BTreeMap<String, Traffic>,
    /// Whether the last reconciliation left something undone.
    behind: bool,
    started: Instant,
}

impl Controller {
    fn start(site: Site) -> anyhow::Result<Self> {
        let seed = match site.seed {
            Some(seed) => seed,
            None => {
                tracing::warn!(
                    "no `seed` in the configuration: drew one, so no other host steers as this one does"
                );
                Seed::new(random_seed().context("drawing a seed from /dev/urandom")?)
            }
        };
        let options = LoadOptions::for_site(&site, seed);
        let dataplane = Dataplane::load(&options)?;
        let (resolver, resolutions) = Resolver::spawn()?;
        let mut controller = Self {
            seed,
            seats: Seats::new(options.traffic_counters),
            resolver,
            resolutions,
            dataplane,
            installed: Maps::default(),
            slots_owned: BTreeMap::new(),
            forgotten_traffic: BTreeMap::new(),
            behind: false,
            started: Instant::now(),
            site: Site { pools: Vec::new(), vips: Vec::new(), ..site.clone() },
        };
        controller.adopt(site)?;
        Ok(controller)
    }

    /// Fills the tables as far as next hops become known; a backend that stays silent does not hold up the others for long.
    async fn wait_for_next_hops(&mut self) {
        let pending = |controller: &Self| {
            let resolutions = controller.resolutions.borrow();
            controller.site.pools.iter().flat_map(|pool| &pool.backends).any(|backend| {
                resolutions.get(&backend.address).is_none_or(|resolution| !resolution.is_settled())
            })
        };
        let settled = async { while pending(self) && self.resolutions.changed().await.is_ok() {} };
        if tokio::time::timeout(FIRST_ANSWERS, settled).await.is_err() {
            tracing::warn!("some backends have not answered yet: starting without them");
        }
        self.reconcile_or_retry();
    }

    /// Reacts to requests and to next hops until something ends for good.
    async fn follow(&mut self, mut requests: mpsc::Receiver<Request>) -> anyhow::Result<()> {
        let mut retry = interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return Ok(()),
                },
                changed = self.resolutions.changed() => {
                    changed.context("following next hops: the resolver has ended")?;
                    self.reconcile_or_retry();
                }
                _ = retry.tick(), if self.behind => self.reconcile_or_retry(),
            }
        }
    }

    /// Answers; whoever asked may be gone, which is no error.
    fn answer(&mut self, request: Request) {
        match request {
            Request::Status(reply) => drop(reply.send(self.status().map_err(internal))),
            Request::AddBackend { pool, backend, reply } => {
                drop(reply.send(self.add_backend(&pool, backend)))
            }
            Request::RemoveBackend { pool, name, reply } => {
                drop(reply.send(self.remove_backend(&pool, &name)))
            }
        }
    }

    fn add_backend(&mut self, pool: &str, backend: Backend) -> Result<BackendStatus, EditError> {
        let mut site = self.site.clone();
        let edited = site.pool_mut(pool).ok_or_else(|| self.no_pool(pool))?;
        if edited.backends.iter().any(|other| other.name == backend.name) {
            return Err(EditError::Conflict(format!("pool {pool} already has a backend {}", backend.name)));
        }
        if let Some(other) = edited.backends.iter().find(|other| other.address == backend.address) {
            return Err(EditError::Conflict(format!(
                "pool {pool} already has {} as backend {}",
                backend.address, other.name
            )));
        }
        edited.backends.push(backend.clone());
        self.edit(site)?;
        tracing::info!(pool, backend = backend.name, address = %backend.address, weight = backend.weight, "added");
        self.backend_status(pool, &backend).map_err(internal)
    }

    fn remove_backend(&mut self, pool: &str, name: &str) -> Result<BackendStatus, EditError> {
        let mut site = self.site.clone();
        let edited = site.pool_mut(pool).ok_or_else(|| self.no_pool(pool))?;
        let position = edited.backends.iter().position(|backend| backend.name == name).ok_or_else(|| {
            let names = edited.backends.iter().map(|backend| backend.name.as_str());
            EditError::NotFound(unknown(&format!("backend of pool {}", quoted(pool)), name, names))
        })?;
        let backend = edited.backends.remove(position);
        self.edit(site)?;
        tracing::info!(pool, backend = name, "removed");
        self.backend_status(pool, &backend).map_err(internal)
    }

    /// Applies an edited site as a whole, or leaves everything as it was.
    fn edit(&mut self, site: Site) -> Result<(), EditError> {
        let problems: Vec<String> = site.problems().into_iter().map(|problem| problem.message).collect();
        if !problems.is_empty() {
            return Err(EditError::Invalid(problems.join("; ")));
        }
        let before = (self.site.clone(), self.seats.clone());
        self.adopt(site).map_err(|error| {
            let message = format!("{error:#}; nothing was changed");
            (self.site, self.seats) = before;
            self.watch_addresses();
            self.reconcile_or_retry();
            EditError::Internal(message)
        })
    }

    /// Makes a site the desired state.
    fn adopt(&mut self, site: Site) -> anyhow::Result<()> {
        let forgotten = self.seats.update(&site)?;
        self.site = site;
        self.watch_addresses();
        self.reconcile()?;
        self.forget(&forgotten)
    }

    fn watch_addresses(&self) {
        let backends = self.site.pools.iter().flat_map(|pool| &pool.backends);
        self.resolver.set_addresses(backends.map(|backend| backend.address).collect::<BTreeSet<_>>());
    }

    /// Keeps the traffic of backends that lost their seats, and clears their counters for whoever sits there next.
    fn forget(&mut self, forgotten: &[Occupant]) -> anyhow::Result<()> {
        for occupant in forgotten {
            let vips = self.site.vips.iter().filter(|vip| vip.pool == occupant.pool);
            for (counter, vip) in (occupant.seat.first_counter..).zip(vips) {
                *self.forgotten_traffic.entry(vip.name.clone()).or_default() +=
                    self.dataplane.traffic(counter)?.into();
                self.dataplane.clear_traffic(counter)?;
            }
        }
        Ok(())
    }

    fn reconcile_or_retry(&mut self) {
        if let Err(error) = self.reconcile() {
            tracing::error!("{error:#}; trying again in {} s", RETRY.as_secs());
        }
    }

    /// Brings the maps to the desired state; what was done before an error stays done and noted.
    fn reconcile(&mut self) -> anyhow::Result<()> {
        let resolutions = self.resolutions.borrow_and_update().clone();
        let wanted = reconcile::wanted(&self.site, &self.seats, &resolutions);
        self.behind = true;
        for operation in reconcile::operations(&self.installed, &wanted) {
            self.apply(&operation)?;
            self.installed.note(operation);
        }
        self.behind = false;
        Ok(())
    }

    fn apply(&mut self, operation: &Operation) -> anyhow::Result<()> {
        match operation {
            Operation::AddDevice(device) => self.dataplane.add_device(*device)?,
            Operation::SetBackend(index, backend) => self.dataplane.set_backend(*index, *backend),
            Operation::PublishTable(pool, table) => self.publish_table(*pool, table)?,
            Operation::PublishDirectory(directory) => self.dataplane.publish_directory(directory)?,
            Operation::ClearBackend(index) => self.dataplane.clear_backend(*index),
            Operation::RemoveDevice(device) => self.dataplane.remove_device(*device)?,
        }
        Ok(())
    }

    fn publish_table(&mut self, pool: u16, table: &reconcile::Table) -> anyhow::Result<()> {
        let members: Vec<Member> =
            table.members.iter().map(|member| Member::new(member.address, member.weight)).collect();
        let slots = if members.is_empty() {
            Vec::new()
        } else {
            maglev::table(&members, table.slots, self.seed.get())?
        };
        let owners: Vec<u16> =
            slots.iter().filter_map(|&member| Some(table.members.get(usize::from(member))?.index)).collect();
        let slots: Vec<Slot> = owners.iter().map(|&index| Slot::stable(index)).collect();
        self.dataplane.publish_table(pool, &slots)?;
        if let Some(old) = self.installed.tables.get(&pool) {
            for member in &old.members {
                self.slots_owned.remove(&member.index);
            }
        }
        for index in owners {
            *self.slots_owned.entry(index).or_default() += 1;
        }
        Ok(())
    }

    fn no_pool(&self, name: &str) -> EditError {
        EditError::NotFound(unknown("pool", name, self.site.pools.iter().map(|pool| pool.name.as_str())))
    }
}

fn internal(error: anyhow::Error) -> EditError {
    EditError::Internal(format!("{error:#}"))
}

fn random_seed() -> std::io::Result<u64> {
    use std::io::Read as _;
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
