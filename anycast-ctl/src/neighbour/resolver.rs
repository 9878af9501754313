//! The task that keeps the next hops of a changing set of addresses.
//!
//! ```text
//!  set_addresses ─┐                     ┌─ due or changed: look up again ─┐
//!  notifications ─┼─► mark what may ─►──┤  route → interface → neighbour  ├─► snapshot, if anything differs
//!  timers ────────┘   have changed      └─ ask the neighbour when needed ─┘
//! ```
//!
//! Notifications only say *where to look*; what is published is always what the tables held when asked. Every
//! address is also looked up every [`REFRESH`], so that what no notification tells is noticed too.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{info, warn};

use super::{
    NextHop, Resolution, Why,
    event::{Event, Events},
    lookup::{Lookup, LookupError},
    watched::{REFRESH, RETRY, Watched},
};
use crate::{
    interface::Interface,
    netlink::{PATIENCE, is_overrun},
};

/// Notifications come in bursts: how long the first waits for the rest.
const SETTLE: Duration = Duration::from_millis(2);

/// Addresses looked up in one go only because it is time: those that are new come next, not after a thousand of these.
const DUE_AT_ONCE: usize = 64;

/// What is known about every address of the set that has been looked up.
pub type Resolutions = Arc<BTreeMap<IpAddr, Resolution>>;

/// Why a resolver could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// No socket for notifications.
    #[error("subscribe to the kernel's route and neighbour changes: {0}")]
    Subscribe(#[source] io::Error),
    /// No socket for lookups.
    #[error("open a netlink socket to look up routes and neighbours: {0}")]
    Open(#[source] io::Error),
}

/// Tells the resolver which addresses matter. The resolver stops when this is dropped.
#[derive(Debug)]
pub struct ResolverHandle {
    addresses: watch::Sender<BTreeSet<IpAddr>>,
}

impl ResolverHandle {
    /// Replaces the set of addresses to keep next hops for.
    pub fn set_addresses(&self, addresses: BTreeSet<IpAddr>) {
        self.addresses.send_if_modified(|current| {
            let differs = *current != addresses;
            *current = addresses;
            differs
        });
    }
}

/// Keeps next hops fresh. See the module's description.
pub struct Resolver {
    addresses: watch::Receiver<BTreeSet<IpAddr>>,
    published: watch::Sender<Resolutions>,
    /// `None` after the socket failed, until it is opened again.
    events: Option<Events>,
    lookup: Lookup,
    /// `None` when they have to be listed again.
    interfaces: Option<BTreeMap<u32, Interface>>,
    watched: BTreeMap<IpAddr, Watched>,
    /// To be looked up at `round_at`.
    dirty: BTreeSet<IpAddr>,
    /// What is known of addresses of the first set before they are looked up.
    inherited: BTreeMap<IpAddr, Resolution>,
    round_at: Option<Instant>,
    /// No round before this: as long as the last one took, so that no storm of notifications takes the whole CPU.
    rest_until: Instant,
}

impl Resolver {
    /// Starts a resolver in the calling thread's network namespace, with no addresses. What is inherited holds until the kernel
    /// answers.
    ///
    /// The receiver always holds the latest snapshot. An address of the set that is missing from it, or inherited there, has
    /// not been looked up yet.
    ///
    /// # Errors
    /// When a netlink socket cannot be opened. Sockets that fail later are opened again.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(
        inherited: BTreeMap<IpAddr, Resolution>,
    ) -> Result<(ResolverHandle, watch::Receiver<Resolutions>), ResolverError> {
        // Subscribed before anything is looked up: no change can fall between.
        let events = Events::subscribe().map_err(ResolverError::Subscribe)?;
        let lookup = Lookup::open().map_err(ResolverError::Open)?;
        let (addresses, wanted) = watch::channel(BTreeSet::new());
        let (published, resolutions) = watch::channel(Arc::new(inherited.clone()));
        let resolver = Self {
            addresses: wanted,
            published,
            events: Some(events),
            lookup,
            interfaces: None,
            watched: BTreeMap::new(),
            dirty: BTreeSet::new(),
            inherited,
            round_at: None,
            rest_until: Instant::now(),
        };
        tokio::spawn(resolver.run());
        Ok((ResolverHandle { addresses }, resolutions))
    }

    async fn run(mut self) {
        loop {
            let due = self.watched.values().map(|watched| watched.due).min();
            let wake = [due, self.round_at].into_iter().flatten().min();
            tokio::select! {
                changed = self.addresses.changed() => match changed {
                    Ok(()) => self.adopt(),
                    Err(_) => return,
                },
                events = next_events(&mut self.events) => match events {
                    Ok(events) => events.into_iter().for_each(|event| self.notice(event)),
                    Err(error) => self.lost_events(&error),
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.round().await,
            }
        }
    }

    /// Takes over the wanted set of addresses.
    fn adopt(&mut self) {
        let wanted = self.addresses.borrow_and_update().clone();
        let before = self.watched.len();
        self.watched.retain(|address, _| wanted.contains(address));
        let removed = self.watched.len() != before;
        let now = Instant::now();
        let mut inherited = std::mem::take(&mut self.inherited);
        for address in wanted {
            self.watched.entry(address).or_insert_with(|| {
                self.dirty.insert(address);
                Watched::new(now, inherited.remove(&address))
            });
        }
        if removed {
            self.publish();
        }
    }

    /// Marks the addresses a notification may concern.
    fn notice(&mut self, event: Event) {
        match event {
            Event::Neighbour(ifindex, neighbour) => {
                self.mark(|_, watched| watched.via == Some((ifindex, neighbour)));
            }
            Event::Route(prefix) => self.mark(|address, _| prefix.contains(*address)),
            Event::Link(interface) => {
                let Some(interfaces) = &mut self.interfaces else { return };
                let index = interface.index;
                // Most such notices change nothing that matters here.
                if interfaces.insert(index, interface.clone()).as_ref() != Some(&interface) {
                    self.mark(|_, _| true);
                }
            }
            Event::LinkGone(index) => {
                if let Some(interfaces) = &mut self.interfaces {
                    interfaces.remove(&index);
                }
                self.mark(|_, _| true);
            }
            Event::Addresses => self.mark(|_, _| true),
            Event::Anything => {
                self.interfaces = None;
                self.mark(|_, _| true);
            }
        }
    }

    fn mark(&mut self, concerned: impl Fn(&IpAddr, &Watched) -> bool) {
        let marked = self.watched.iter().filter(|(address, watched)| concerned(address, watched));
        self.dirty.extend(marked.map(|(address, _)| *address));
        if !self.dirty.is_empty() && self.round_at.is_none() {
            self.round_at = Some((Instant::now() + SETTLE).max(self.rest_until));
        }
    }

    /// Notifications were lost: everything may have changed.
    fn lost_events(&mut self, error: &io::Error) {
        if is_overrun(error) {
            info!("the kernel dropped route and neighbour notifications: looking everything up again");
        } else {
            warn!(%error, "the socket for route and neighbour notifications failed: opening another");
            self.events = None;
        }
        self.notice(Event::Anything);
    }

    /// Looks up what is marked, and some of what is due; publishes what differs.
    async fn round(&mut self) {
        let now = Instant::now();
        self.round_at = None;
        let mut addresses = std::mem::take(&mut self.dirty);
        let due = self.watched.iter().filter(|(_, watched)| watched.due <= now);
        addresses.extend(due.map(|(address, _)| *address).take(DUE_AT_ONCE));

        let mut differs = false;
        let mut errors = Vec::new();
        for address in addresses {
            let Some(mut watched) = self.watched.remove(&address) else { continue };
            let looked_up = timeout(PATIENCE, self.look_up(address, &mut watched, now)).await;
            match looked_up.unwrap_or(Err(LookupError::Unanswered)) {
                Ok(resolution) => differs |= watched.learn(address, resolution),
                Err(error) => errors.push((address, error)),
            }
            watched.reschedule(now);
            self.watched.insert(address, watched);
        }
        differs |= self.failed(&errors, now);
        self.rest_until = Instant::now() + now.elapsed();
        if differs {
            self.publish();
        }
    }

    /// Route, interface, neighbour; asks the neighbour when that is due or would help.
    async fn look_up(
        &mut self,
        address: IpAddr,
        watched: &mut Watched,
        now: Instant,
    ) -> Result<Resolution, LookupError> {
        let interfaces = match self.interfaces.take() {
            Some(interfaces) => interfaces,
            None => self.lookup.interfaces().await?.into_iter().map(|it| (it.index, it)).collect(),
        };
        let interfaces = self.interfaces.insert(interfaces);

        let route = match self.lookup.route(address).await? {
            Ok(route) => route,
            Err(why) => {
                // With the interface goes the route: name the cause, not its effect.
                let down = watched.via.and_then(|(ifindex, _)| interfaces.get(&ifindex)).filter(|it| !it.up);
                return Ok(Resolution::Unresolved(match (why, down) {
                    (Why::NoRoute { .. }, Some(interface)) => {
                        Why::LinkDown { interface: interface.name.clone() }
                    }
                    (why, _) => why,
                }));
            }
        };
        let first = watched.via.is_none();
        let moved = watched.lead(route.ifindex, route.neighbour);
        let Some(interface) = interfaces.get(&route.ifindex) else {
            // It appeared after they were listed; its own notification is on the way.
            return Ok(Resolution::Unresolved(Why::NoRoute { address }));
        };
        let Some(source_mac) = interface.mac else {
            return Ok(Resolution::Unresolved(Why::NotEthernet { interface: interface.name.clone() }));
        };
        if !interface.up {
            return Ok(Resolution::Unresolved(Why::LinkDown { interface: interface.name.clone() }));
        }

        let neighbour = self.lookup.neighbour(route.ifindex, route.neighbour).await?;
        let permanent = neighbour.is_some_and(|neighbour| neighbour.permanent);
        let mac = neighbour.and_then(|neighbour| neighbour.mac);
        let helps = moved || watched.due <= now || (mac.is_none() && !watched.waits());
        if helps && !permanent {
            // Backends behind one gateway ask it once.
            let unconfirmed = neighbour.is_some_and(|neighbour| neighbour.confirmed >= REFRESH / 2);
            if mac.is_some() && unconfirmed {
                self.lookup.probe_neighbour(route.ifindex, route.neighbour).await?;
            } else {
                self.lookup.use_neighbour(route.ifindex, route.neighbour).await?;
            }
        }
        let next_hop = |mac| NextHop {
            ifindex: route.ifindex,
            interface: interface.name.clone(),
            neighbour: route.neighbour,
            mac,
            source_mac,
            mtu: route.mtu.map_or(interface.mtu, |mtu| mtu.min(interface.mtu)),
            source: route.source,
        };
        if let Some(mac) = mac {
            return Ok(Resolution::Resolved(next_hop(mac)));
        }
        Ok(match watched.unanswered(&route, neighbour, interface, (moved, first)) {
            Ok(mac) if matches!(watched.resolution, Some(Resolution::Inherited(_))) => {
                Resolution::Inherited(Some(next_hop(mac)))
            }
            Ok(mac) => Resolution::Resolved(next_hop(mac)),
            Err(why) => Resolution::Unresolved(why),
        })
    }

    /// The kernel could not be asked about these. What was known stays; they are asked about again soon.
    fn failed(&mut self, errors: &[(IpAddr, LookupError)], now: Instant) -> bool {
        let Some((_, first)) = errors.first() else { return false };
        warn!(
            "{} next hops could not be looked up, trying again in {} s: {first}",
            errors.len(),
            RETRY.as_secs()
        );
        if errors.iter().any(|(_, error)| matches!(error, LookupError::Closed(_) | LookupError::Unanswered)) {
            match Lookup::open() {
                Ok(lookup) => self.lookup = lookup,
                Err(error) => warn!(%error, "no netlink socket to look up routes and neighbours"),
            }
        }
        let mut differs = false;
        for (address, error) in errors {
            let Some(watched) = self.watched.get_mut(address) else { continue };
            watched.due = now + RETRY;
            if watched.resolution.as_ref().is_none_or(|resolution| !resolution.is_way()) {
                differs |= watched
                    .learn(*address, Resolution::Unresolved(Why::Lookup { message: error.to_string() }));
            }
        }
        differs
    }

    fn publish(&self) {
        let known = |(address, watched): (&IpAddr, &Watched)| Some((*address, watched.resolution.clone()?));
        self.published.send_replace(Arc::new(self.watched.iter().filter_map(known).collect()));
    }
}

/// The next notifications; opens the socket again when it failed.
async fn next_events(events: &mut Option<Events>) -> io::Result<Vec<Event>> {
    match events {
        Some(events) => events.next().await,
        None => {
            sleep(RETRY).await;
            *events = Some(Events::subscribe()?);
            Ok(vec![Event::Anything])
        }
    }
}
