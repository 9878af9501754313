//! The thread that takes packets out of the ring buffer.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use anycast_common::tap::{MAX_TAPS, Side, Switch};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    time::{ClockId, clock_gettime},
};
use tokio::sync::mpsc;

use super::Record;
use crate::dataplane::{self, Records, Taps, now_ticks};

/// How long it sleeps when there is nothing to take.
const REST_MS: u16 = 100;

/// How often taps are told that somebody still takes what they show.
const RENEWAL: Duration = Duration::from_secs(1);

/// Ticks for which they believe it: 4 s and more.
const LEASE_TICKS: u32 = 5;

/// Where the packets of one tap go.
pub(super) struct Route {
    pub generation: u32,
    pub records: mpsc::Sender<Record>,
    pub overrun: Arc<AtomicU64>,
    /// Bytes that the tap wants of a packet as it came.
    pub snap: u16,
    /// Whether it still shows packets.
    pub is_on: bool,
}

/// What the thread shares with the observer.
#[derive(Default)]
pub(super) struct Shared {
    routes: Mutex<[Option<Route>; MAX_TAPS]>,
    ends: AtomicBool,
    /// How often it has found the ring buffer empty.
    emptied: AtomicU64,
}

impl Shared {
    pub fn routes(&self) -> MutexGuard<'_, [Option<Route>; MAX_TAPS]> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches on the taps that have a route, for a while.
    pub fn renew(&self, taps: &Taps) {
        let routes = self.routes();
        let on = (0_u32..).zip(routes.iter()).filter_map(|(number, route)| Some((number, route.as_ref()?)));
        let (mut bits, mut snap) = (0, 0);
        for (number, route) in on.filter(|(_, route)| route.is_on) {
            bits |= 1 << number;
            snap = snap.max(route.snap);
        }
        taps.switch(Switch::new(bits, snap, now_ticks().wrapping_add(LEASE_TICKS)));
    }

    pub fn emptied(&self) -> u64 {
        self.emptied.load(Ordering::Acquire)
    }
}

/// The running thread. It ends when this is dropped.
pub(super) struct Reader {
    pub shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts it.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn spawn(taps: Arc<Taps>, records: Records) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("observer".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || read(&shared, &taps, records)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn read(shared: &Shared, taps: &Taps, mut records: Records) {
    let mut renewed: Option<Instant> = None;
    while !shared.ends.load(Ordering::Relaxed) {
        if renewed.is_none_or(|at| at.elapsed() >= RENEWAL) {
            shared.renew(taps);
            renewed = Some(Instant::now());
        }
        if drain(shared, &mut records) {
            shared.emptied.fetch_add(1, Ordering::AcqRel);
        }
        let mut waited = [PollFd::new(records.fd(), PollFlags::POLLIN)];
        // Interrupted or not: it looks again.
        let _ = poll(&mut waited, PollTimeout::from(REST_MS));
    }
}

/// Takes what is there, up to a bound: other things have their turn as well under a flood. Whether nothing is left.
fn drain(shared: &Shared, records: &mut Records) -> bool {
    const AT_A_TIME: usize = 4096;
    let epoch = Epoch::read();
    let routes = shared.routes();
    for _ in 0..AT_A_TIME {
        if !records.next(|record| hand_over(&routes, epoch, record)) {
            return true;
        }
    }
    false
}

fn hand_over(routes: &[Option<Route>; MAX_TAPS], epoch: Epoch, record: dataplane::Record<'_>) {
    let header = &record.header;
    let route = routes.get(usize::from(header.tap)).and_then(Option::as_ref);
    // One whose tap somebody else has by now is nobody's.
    let Some(route) = route.filter(|route| route.generation == header.generation) else { return };
    let owned = Record {
        walk: header.walk,
        time: epoch.time(header.monotonic_ns),
        monotonic_ns: header.monotonic_ns,
        sequence: header.sequence,
        side: if header.side == Side::Before as u8 { Side::Before } else { Side::After },
        frame_bytes: header.length,
        bytes: record.bytes.into(),
    };
    if route.records.try_send(owned).is_err() {
        route.overrun.fetch_add(1, Ordering::Relaxed);
    }
}

/// The time of day when the kernel's monotonic clock was 0: it is set now and then.
#[derive(Clone, Copy)]
struct Epoch(SystemTime);

impl Epoch {
    fn read() -> Self {
        // A clock that every kernel has.
        let monotonic = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        Self(SystemTime::now() - monotonic)
    }

    fn time(self, monotonic_ns: u64) -> SystemTime {
        self.0 + Duration::from_nanos(monotonic_ns)
    }
}
