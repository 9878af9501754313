//! What the controller does in its own time: sweeps, and drains whose deadline comes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Controller;
use crate::{
    dataplane::now_ticks,
    drain::Found,
    model::{AdminState, UdpPolicy},
    sweep::{Progress, Scope, Sweeper},
    transition::Census,
    utc::Utc,
};

/// Time between two sweeps while there is something to sweep.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// How long the wall clock is trusted about a deadline.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A sweep rests this many times as long as it took, if that is longer: it takes one part in that many of a CPU at most.
const REST: u32 = 20;

/// What is remembered, as the last sweep found it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The last sweep's counts, and what else tells when a drain is over.
    pub found: Found,
    /// Pins there is room for.
    pub pins_capacity: u32,
    /// Embryonic flows there is room for.
    pub embryonic_capacity: u32,
}

/// State of the work that nobody asks for.
pub(super) struct Tending {
    sweeper: Sweeper,
    scope: Scope,
    /// When the scope was taken: what is due then has been done.
    reconciled_at: Utc,
    sweep_at: Instant,
    /// How long the sweep under way has taken.
    spent: Duration,
    /// The tick before the sweep under way began.
    began: u32,
    found: Found,
    /// Whether flows may be remembered that no sweep has seen.
    expects_flows: bool,
    /// Why the last removal of a drained backend failed, if it did.
    pub(super) complaint: Option<String>,
}

impl Tending {
    pub(super) fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            sweeper: Sweeper::new(seed),
            scope: Scope::default(),
            reconciled_at: Utc::from_unix(0),
            sweep_at: now + SWEEP_EVERY,
            spent: Duration::ZERO,
            began: 0,
            found: Found::since(now_ticks()),
            expects_flows: false,
            complaint: None,
        }
    }

    pub(super) fn sweep_at(&self) -> Instant {
        self.sweep_at
    }

    pub(super) fn set_scope(&mut self, scope: Scope, now: Utc) {
        (self.scope, self.reconciled_at) = (scope, now);
    }

    pub(super) fn expect_flows(&mut self) {
        self.expects_flows = true;
    }

    /// Takes note of a table that was published in the place of another.
    pub(super) fn note_published(&mut self, before: Option<&Census>, after: &Census) {
        let nobody = Census::default();
        self.found.note_published(before.unwrap_or(&nobody), after, now_ticks());
    }

    /// What sweeps have found.
    pub(super) fn found(&self) -> &Found {
        &self.found
    }
}

impl Controller {
    /// What is remembered, and how much could be.
    pub fn figures(&self) -> Figures {
        Figures {
            found: self.tending.found.clone(),
            pins_capacity: self.dataplane.pins.capacity(),
            embryonic_capacity: self.dataplane.embryonic.capacity(),
        }
    }

    /// Whom the slots of a pool name.
    pub fn census(&self, pool: u16) -> Option<&Census> {
        self.census.get(&pool)
    }

    /// When a drain's deadline passes the next time, as the present clock has it.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let backends = self.site.pools.iter().flat_map(|pool| &pool.backends);
        let drains = backends.filter(|backend| backend.state == AdminState::Draining);
        let until = drains.filter_map(|drain| drain.drain_until);
        let next = until.filter(|&until| until > self.tending.reconciled_at).min()?;
        let at = UNIX_EPOCH + Duration::from_secs(next.unix());
        let wait = at.duration_since(SystemTime::now()).unwrap_or_default();
        // The wall clock may be set meanwhile.
        Some(Instant::now() + wait.min(LOOK_AGAIN))
    }

    /// Does a piece of the sweep that is due, if there is anything to sweep. Whether no more is to do for a while.
    pub(super) fn sweep(&mut self) -> bool {
        let start = Instant::now();
        let awaited = !self.tending.sweeper.is_running() && self.awaits_sweep();
        let tending = &mut self.tending;
        if !tending.sweeper.is_running() {
            let in_transition = self.census.values().any(|census| census.in_transition() > 0);
            let pinned = self.site.pools.iter().any(|pool| pool.udp == UdpPolicy::Pinned);
            if !in_transition && !pinned && !awaited && !tending.expects_flows {
                tending.sweep_at = start + SWEEP_EVERY;
                return true;
            }
            (tending.spent, tending.expects_flows) = (Duration::ZERO, in_transition);
            tending.began = now_ticks();
        }
        let progress = tending.sweeper.step(&mut self.dataplane, &tending.scope);
        tending.spent += start.elapsed();
        match progress {
            Ok(Progress::Unfinished) => {
                tending.sweep_at = start;
                return false;
            }
            Ok(Progress::Done(outcome)) => {
                tracing::debug!(?outcome, spent = ?tending.spent, "swept");
                tending.expects_flows |= outcome.pins + outcome.embryonic > 0;
                tending.sweep_at = start + SWEEP_EVERY.max(REST * tending.spent);
                let settled = outcome.settled > 0;
                tending.found.note_swept(outcome, tending.began);
                if settled {
                    // Only slots in transition are settled.
                    let moving = self.census.iter_mut().filter(|(_, census)| census.in_transition() > 0);
                    for (pool, census) in moving {
                        *census = Census::of(&self.dataplane.table(*pool));
                    }
                    self.note_transitions();
                }
                if self.census.values().all(|census| census.in_transition() == 0) {
                    self.dataplane.clear_filter();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "sweeping remembered flows; trying again in {} s", SWEEP_EVERY.as_secs());
                tending.expects_flows = true;
                tending.sweep_at = start + SWEEP_EVERY;
            }
        }
        true
    }
}
