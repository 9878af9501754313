//! SIGINT, SIGTERM and SIGHUP as a request to clean up and leave.

use std::{
    fmt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::sys::signal::{SigSet, Signal};

static REQUESTED: Mutex<Option<Signal>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// The request to leave, as an error: it unwinds to `main`, and everything on the way is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted(pub Signal);

impl Interrupted {
    /// What a shell reports for a process ended by the signal.
    pub fn exit_code(self) -> u8 {
        u8::try_from(exit_code(self.0)).unwrap_or(1)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended by {}; everything was cleaned up", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// From here on the signals only leave a request; a second one ends the process at once.
/// Call it before any other thread exists: threads inherit the mask.
pub fn catch() -> Result<()> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block().context("block signals")?;
    let watch = move || {
        while let Ok(signal) = set.wait() {
            if check().is_err() {
                // Namespaces, links and children go with the process; the next lab sweeps the directory.
                std::process::exit(exit_code(signal));
            }
            request(signal);
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(watch).context("start the signal thread")?;
    Ok(())
}

/// Leaves a request as if the signal had come.
pub fn request(signal: Signal) {
    *lock() = Some(signal);
    CHANGED.notify_all();
}

/// An error once a request to leave came.
pub fn check() -> Result<(), Interrupted> {
    lock().map_or(Ok(()), |signal| Err(Interrupted(signal)))
}

/// Waits, or returns early with an error when a request to leave comes.
pub fn sleep(time: Duration) -> Result<(), Interrupted> {
    let end = Instant::now() + time;
    let mut requested = lock();
    loop {
        if let Some(signal) = *requested {
            return Err(Interrupted(signal));
        }
        let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
            return Ok(());
        };
        requested = CHANGED.wait_timeout(requested, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Waits for a request to leave.
pub fn wait() -> Interrupted {
    loop {
        if let Err(interrupted) = sleep(Duration::from_secs(3600)) {
            return interrupted;
        }
    }
}

fn exit_code(signal: Signal) -> i32 {
    128 + signal as i32
}

fn lock() -> MutexGuard<'static, Option<Signal>> {
    REQUESTED.lock().unwrap_or_else(PoisonError::into_inner)
}
