//! The announcer: has the engine decide and the drive do it, on a thread of its own, so that a withdrawal waits for nothing that
//! the controller is at.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime,
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    drive::{Drive, Told},
    driver::{self, Surroundings, Wanted},
    engine::Engine,
    happening::Happening,
    lease::{self, Lease},
    meter::Sample,
    orders::{Leaving, Orders},
    report::{self, Ask},
};
use crate::{api::types::AnnounceBrief, health::checker::Said as HealthSaid, model::Announce, utc::Utc};

/// How often the engine looks around without a reason.
const TICK: Duration = Duration::from_secs(1);

/// Things that happened and were not told yet.
const HAPPENINGS: usize = 1_024;

/// What the announcer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// VIPs whose traffic is to be counted for it.
    pub awaits_traffic_of: BTreeSet<String>,
    /// Whether the routing daemon has nothing announced that is this daemon's.
    pub is_gone: bool,
    /// Whether a site that was drained is back.
    pub is_back: bool,
    /// Why it cannot be driven.
    pub error: Option<String>,
    /// How announcements are, in a sentence.
    pub brief: AnnounceBrief,
}

/// A sign of life of the controller, in milliseconds of the lease's clock.
pub type Pulse = Arc<AtomicU64>;

/// The running announcer. It ends with this.
#[derive(Debug)]
pub struct Announcing {
    orders: watch::Sender<Orders>,
    said: watch::Receiver<Said>,
    traffic: mpsc::Sender<BTreeMap<String, Sample>>,
    happenings: mpsc::Receiver<Happening>,
    pulse: Pulse,
}

impl Announcing {
    /// Starts the thread, in the caller's network namespace.
    ///
    /// # Errors
    /// The thread or its runtime cannot be made.
    pub fn spawn(
        surroundings: Surroundings,
        health: watch::Receiver<HealthSaid>,
        asks: mpsc::Receiver<Ask>,
    ) -> io::Result<Self> {
        let (orders, ordered) = watch::channel(Orders::default());
        let (say, said) = watch::channel(Said { is_gone: true, ..Said::default() });
        let (traffic, counted) = mpsc::channel(4);
        let (tell, happenings) = mpsc::channel(HAPPENINGS);
        let pulse = Pulse::new(AtomicU64::new(milliseconds(lease::now())));
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let running = Running {
            engine: Engine::new(),
            begun: Instant::now(),
            surroundings,
            drive: None,
            was_connected: false,
            brought: (None, Wanted::new()),
            renewed: None,
            written: None,
            pulse: Arc::clone(&pulse),
            say,
            tell,
        };
        let run = move || runtime.block_on(running.follow(ordered, health, counted, asks));
        thread::Builder::new().name("announce".to_owned()).spawn(run)?;
        Ok(Self { orders, said, traffic, happenings, pulse })
    }

    /// Says what is the case with the VIPs from here on.
    pub fn order(&self, orders: Orders) {
        send_other(&self.orders, orders);
    }

    /// What it says.
    pub fn said(&self) -> Said {
        self.said.borrow().clone()
    }

    /// Tells it what was counted. It can do without, if it has too much to do.
    pub fn count(&self, samples: BTreeMap<String, Sample>) {
        let _ = self.traffic.try_send(samples);
    }

    /// Shows that the controller lives.
    pub fn beat(&self) {
        self.pulse.store(milliseconds(lease::now()), Ordering::Relaxed);
    }

    /// Waits until it says something else, or something happens.
    ///
    /// # Errors
    /// The announcer has ended.
    pub async fn changed(&mut self) -> Result<Option<Happening>, Ended> {
        tokio::select! {
            // What happened is told before what it leads to.
            biased;
            happening = self.happenings.recv() => happening.map(Some).ok_or(Ended),
            changed = self.said.changed() => changed.map(|()| None).map_err(|_| Ended),
        }
    }
}

/// The announcer has ended, which it only does by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the announcer has ended: see the log")]
pub struct Ended;

struct Running {
    engine: Engine,
    begun: Instant,
    surroundings: Surroundings,
    /// The routing daemon that is driven, and by which settings.
    drive: Option<(Arc<Announce>, Drive)>,
    was_connected: bool,
    /// Number and content of what the routing daemon was brought to.
    brought: (Option<u64>, Wanted),
    /// When the lease was renewed, and what it says.
    renewed: Option<Duration>,
    written: Option<Wanted>,
    pulse: Pulse,
    say: watch::Sender<Said>,
    tell: mpsc::Sender<Happening>,
}

impl Running {
    async fn follow(
        mut self,
        mut ordered: watch::Receiver<Orders>,
        mut health: watch::Receiver<HealthSaid>,
        mut counted: mpsc::Receiver<BTreeMap<String, Sample>>,
        mut asks: mpsc::Receiver<Ask>,
    ) {
        loop {
            self.work();
            let next = self.engine.next_at().map(|at| self.begun + at);
            let tick = Instant::now() + TICK;
            let wake_at = next.map_or(tick, |at| at.min(tick));
            let drive = self.drive.as_mut().map(|(_, drive)| drive);
            tokio::select! {
                // A verdict is what somebody waits for.
                biased;
                Ok(()) = health.changed() => {
                    let standings = Arc::clone(&health.borrow_and_update().standings);
                    self.engine.set_standings(standings);
                }
                changed = ordered.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let orders = ordered.borrow_and_update().clone();
                    self.take(orders);
                }
                Some(told) = told(drive) => self.hear(told),
                Some(samples) = counted.recv() => self.engine.note_traffic(&samples, self.now()),
                Some(ask) = asks.recv() => {
                    let watched = lease::is_watched(&self.surroundings);
                    report::answer(ask, &self.engine, watched, self.now());
                }
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Decides, has it done, and says what came of it.
    fn work(&mut self) {
        self.engine.tick(self.now(), Utc::now());
        let wanted = self.engine.wanted();
        if self.was_connected
            && let Some((_, drive)) = &self.drive
        {
            drive.want(wanted.clone());
        }
        self.keep_lease(&wanted);
        for happening in self.engine.happenings() {
            // Somebody who does not listen misses what happens; how things are he can still ask.
            let _ = self.tell.try_send(happening);
        }
        let said = Said {
            awaits_traffic_of: self.engine.awaits_traffic_of(),
            is_gone: self.drive.is_none() || self.engine.is_gone() && self.brought.1 == wanted,
            is_back: self.engine.is_back(self.now()),
            error: self.engine.error(),
            brief: report::brief(&self.engine),
        };
        send_other(&self.say, said);
    }

    fn take(&mut self, orders: Orders) {
        let before = self.engine.wanted();
        let now = self.now();
        let is = self.drive.as_ref().map(|(settings, _)| settings).zip(orders.announce.as_ref());
        let is_same = is.is_some_and(|(is, wanted)| same_daemon(is, wanted));
        let is_alike = is.is_some_and(|(is, wanted)| same_means(is, wanted));
        let wanted = orders.announce.clone();
        if let (true, true, Some((settings, _)), Some(wanted)) = (is_same, is_alike, &mut self.drive, &wanted)
        {
            *settings = Arc::clone(wanted);
            self.engine.set_orders(orders, now);
            return;
        }
        let before_it = self.drive.take();
        if let Some((_, drive)) = before_it.filter(|_| !is_same) {
            tokio::spawn(drive.retire(driver::withdrawn(before)));
            self.engine.forget_daemon();
        }
        self.was_connected &= is_same;
        self.brought = (None, Wanted::new());
        self.engine.set_orders(orders, now);
        self.drive = wanted.map(|announce| {
            let wanted = Arc::new(self.engine.wanted());
            let drive = Drive::spawn(Arc::clone(&announce), self.surroundings.clone(), wanted);
            (announce, drive)
        });
    }

    fn hear(&mut self, told: Told) {
        let now = self.now();
        match told {
            Told::Connected { seen, go } => {
                self.engine.note_connected(seen, !self.was_connected, now);
                self.was_connected = true;
                self.brought.0 = None;
                self.engine.tick(now, Utc::now());
                if let Some((_, drive)) = &self.drive {
                    drive.want(self.engine.wanted());
                }
                let _ = go.send(());
            }
            Told::Brought { wanted: (number, wanted), failures, took } => {
                if self.brought.0 != Some(number) {
                    tracing::debug!(?took, failures = failures.len(), "the routing daemon followed");
                }
                self.engine.note_brought(&wanted, &failures);
                self.brought = (Some(number), Wanted::clone(&wanted));
            }
            Told::Seen(seen) => self.engine.note_seen(seen, now),
            Told::Lost(error) => {
                self.brought.0 = None;
                self.engine.note_lost(error.to_string(), now);
            }
        }
    }

    /// Renews the lease while the controller lives; it says what may be announced, before that is.
    fn keep_lease(&mut self, wanted: &Wanted) {
        let path = lease::path(&self.surroundings);
        let Some(announce) = self.engine.orders().announce.clone().filter(|_| self.drive.is_some()) else {
            if self.written.take().is_some()
                && let Err(error) = Lease::remove(&path)
            {
                tracing::warn!("{error}");
            }
            return;
        };
        let clock = lease::now();
        let pulse = Duration::from_millis(self.pulse.load(Ordering::Relaxed));
        let is_alive = announce.lease.is_zero() || clock.saturating_sub(pulse) < announce.lease;
        let is_due =
            self.renewed.is_none_or(|at| clock.saturating_sub(at) >= lease::renew_every(announce.lease));
        let is_other = self.written.as_ref() != Some(wanted);
        let ends = self.engine.orders().leaving == Some(Leaving::InOrder);
        if !is_alive || !is_due && !is_other {
            return;
        }
        if ends && self.engine.is_gone() {
            self.written = Some(wanted.clone());
            if let Err(error) = Lease::remove(&path) {
                tracing::warn!("{error}");
            }
            return;
        }
        let lease = Lease {
            instance: self.surroundings.instance.clone(),
            pid: std::process::id(),
            renewed_ms: milliseconds(clock),
            settings: Announce::clone(&announce),
            wanted: wanted.clone(),
        };
        if let Err(error) = lease.write(&path) {
            tracing::error!(
                "the lease cannot be renewed, so that the watchdog may withdraw the routes: {error}"
            );
        }
        (self.renewed, self.written) = (Some(clock), Some(wanted.clone()));
    }
}

/// Says something, if it is another thing than what was said last.
fn send_other<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|before| {
        let is_other = *before != value;
        if is_other {
            *before = value;
        }
        is_other
    });
}

/// What the drive tells next; waits for ever where there is none.
async fn told(drive: Option<&mut Drive>) -> Option<Told> {
    match drive {
        Some(drive) => drive.told().await,
        None => std::future::pending().await,
    }
}

/// Whether two settings drive the same routing daemon in the same way: its routes stay.
fn same_daemon(one: &Announce, other: &Announce) -> bool {
    let of = |it: &Announce| {
        let Announce { bird, exabgp, frr, gobgp, kernel, .. } = it.clone();
        (bird, exabgp, frr, gobgp, kernel)
    };
    of(one) == of(other)
}

/// Whether routes get the same when they are about to go: otherwise the daemon is connected to anew.
fn same_means(one: &Announce, other: &Announce) -> bool {
    let of = |it: &Announce| (it.asn, it.shutdown.community, it.shutdown.med, it.shutdown.prepend);
    of(one) == of(other)
}

fn milliseconds(period: Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX)
}
