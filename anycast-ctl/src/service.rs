//! What the service manager is told of a process that it runs as `Type=notify`: when it is ready, that it reloads, ends, and
//! lives. Without a service manager, all of it does nothing.
//!
//! Source: sd_notify(3), sd_watchdog_enabled(3).

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often who is not watched shows that it lives; nobody looks.
const UNWATCHED: Duration = Duration::from_secs(3600);

/// The service manager that started this process, if one did.
#[derive(Debug)]
pub struct Service {
    /// Within which time it wants a sign of life.
    watchdog: Option<Duration>,
    /// The last line about what the process does.
    said: String,
}

impl Service {
    /// Learns from the environment who listens, and whether for signs of life (`WATCHDOG_USEC`).
    pub fn from_environment() -> Self {
        Self {
            watchdog: sd_notify::watchdog_enabled().filter(|within| !within.is_zero()),
            said: String::new(),
        }
    }

    /// The process does what it is for.
    pub fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// It begins to read its configuration again; [`Self::ready`] tells the end of that.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!("tell systemd of a reload: read the clock: {error}"),
        }
    }

    /// It begins to end.
    pub fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Says in a line what it does, where that is another one than the last.
    pub fn say(&mut self, line: String) {
        if line != self.said {
            self.tell(&[NotifyState::Status(&line)]);
            self.said = line;
        }
    }

    /// Whether somebody waits for signs of life.
    pub fn is_watched(&self) -> bool {
        self.watchdog.is_some()
    }

    /// When to give them: twice within the time after which the process is taken for stuck.
    pub fn beats(&self) -> Interval {
        let mut beats = interval(self.watchdog.map_or(UNWATCHED, |within| within / 2));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats
    }

    /// Gives a sign of life. For the loop that does the work, and for nobody beside it: a process whose loop is stuck shall not
    /// look alive.
    pub fn beat(&self) {
        if self.is_watched() {
            self.tell(&[NotifyState::Watchdog]);
        }
    }

    /// A service manager that cannot be reached is no reason to do anything else than before.
    fn tell(&self, what: &[NotifyState<'_>]) {
        match sd_notify::notify(what) {
            Ok(()) => {}
            // Its socket has no room, or it is being replaced: the next sign of life comes by itself.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) => {
                tracing::debug!("tell systemd {what:?}: {error}");
            }
            Err(error) => warn(what, &error),
        }
    }
}

fn warn(what: &[NotifyState<'_>], error: &io::Error) {
    tracing::warn!("tell systemd {what:?}: {error}; is NotifyAccess= of the unit at least `main`?");
}
