//! The announcement of one VIP as a state machine. No IO: time is an argument, counted from any fixed moment.
//!
//! ```text
//!                  well for the hold-up time, or forced
//!   withdrawn ─────────────────────────────────────────▶ announced
//!     ▲  ▲  ▲        unwell for the hold-down time           │  ▲
//!     │  │  └────────────────────────────────────────────────┤  │ no longer to leave
//!     │  │                                             leave │  │ (from all three)
//!     │  │                 own backends quiet, or  ┌─────────┴──┴───┐
//!     │  │                 the deadline ┌──────────┤ ▼              │
//!     │  │ calm, or waited    ┌─────────▼─────┐    │ lingering      │
//!     │  └────────────────────┤ shutting down │◀───┤ (announced)    │
//!     │                       └───────────────┘    └────────────────┘
//!     └── cut off: from anywhere, at once
//! ```
//!
//! *Lingering* is announced as before, while flows that are left come to their ends, and slots out of their transitions, so that
//! any other host sends every flow where this one does; *shutting down* is announced as a route
//! that is about to go (RFC 8326). Each withdrawal for want of health doubles the hold-up time, until the VIP has been
//! announced for as long as the longest one.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::driver::Level;
use crate::model::Announce;

#[cfg(test)]
mod tests;

/// What doubles when no hold-up time is set.
const LEAST_PENALTY: Duration = Duration::from_secs(5);

/// Where a VIP's announcement is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It is not announced.
    #[default]
    Withdrawn,
    /// It is announced.
    Announced,
    /// It is announced, and will not be when the flows that its own backends have are over.
    Lingering,
    /// It is announced as a route that is about to go.
    ShuttingDown,
}

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// See [`Announce::hold_up`].
    pub hold_up: Duration,
    /// See [`Announce::hold_up_max`].
    pub hold_up_max: Duration,
    /// See [`Announce::hold_down`].
    pub hold_down: Duration,
    /// See [`Announce::min_announced`].
    pub min_announced: Duration,
    /// See [`Announce::quiet`].
    pub quiet: Duration,
    /// See [`crate::model::Shutdown::wait`]; zero where routers cannot be told.
    pub wait: Duration,
}

/// What is wanted of a VIP at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It can be served.
    Up,
    /// The operator wants it announced, whatever else is the case.
    Force,
    /// It stays as it is.
    Stay(Arc<str>),
    /// It is unwell.
    Down(Arc<str>),
    /// It leaves in order.
    Leave {
        /// Why.
        why: Arc<str>,
        /// Whether flows that are left are waited for first.
        lingers: bool,
        /// Whether it lingers on though they are over, as others are to leave with it.
        holds: bool,
        /// Until when at most; `None`: without end.
        until: Option<Duration>,
    },
    /// It goes at once, whatever the hold-down time.
    Cut(Arc<str>),
}

/// What traffic the VIP has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calm {
    /// For how long its own backends have got nothing.
    pub own_quiet: Duration,
    /// Whether every flow is where any host of the fleet would send it.
    pub is_settled: bool,
    /// Whether routers have stopped to send it packets, or nearly.
    pub is_calm: bool,
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    phase: Phase,
    since: Duration,
    why: Arc<str>,
    /// Since when it is well, while it is withdrawn, or unwell, while it is not.
    turning: Option<Duration>,
    /// Since when it has been announced in some form.
    up_since: Duration,
    /// Withdrawals for want of health that are not forgiven.
    strikes: u32,
    /// When it will do something by itself.
    next: Option<Next>,
}

/// What comes next by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When.
    pub at: Duration,
    /// What.
    pub phase: Phase,
}

impl From<&Announce> for Rules {
    fn from(announce: &Announce) -> Self {
        Self {
            hold_up: announce.hold_up,
            hold_up_max: announce.hold_up_max,
            hold_down: announce.hold_down,
            min_announced: announce.min_announced,
            quiet: announce.quiet,
            wait: if announce.tells_of_shutdown() { announce.shutdown.wait } else { Duration::ZERO },
        }
    }
}

impl Phase {
    /// How far the route is announced.
    pub const fn level(self) -> Level {
        match self {
            Self::Withdrawn => Level::Withdrawn,
            Self::Announced | Self::Lingering => Level::Announced,
            Self::ShuttingDown => Level::ShuttingDown,
        }
    }

    /// As commands show it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Announced => "announced",
            Self::Lingering => "lingering",
            Self::ShuttingDown => "shutting down",
        }
    }
}

impl Machine {
    /// That of a VIP which is not announced.
    pub fn new(now: Duration) -> Self {
        Self {
            phase: Phase::Withdrawn,
            since: now,
            why: "nothing was decided yet".into(),
            turning: None,
            up_since: now,
            strikes: 0,
            next: None,
        }
    }

    /// Takes over a route that is announced already: a daemon before this one did it.
    pub fn adopt(&mut self, level: Level, now: Duration) {
        if self.phase == Phase::Withdrawn && level != Level::Withdrawn {
            self.enter(Phase::Announced, now, "it was announced when this daemon came".into());
        }
    }

    /// Where it is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Since when.
    pub const fn since(&self) -> Duration {
        self.since
    }

    /// Why, in words.
    pub const fn why(&self) -> &Arc<str> {
        &self.why
    }

    /// What it will do by itself if nothing else happens.
    pub const fn next(&self) -> Option<Next> {
        self.next
    }

    /// Whether it is unwell and only not withdrawn yet, or well and only not announced yet.
    pub const fn is_turning(&self) -> bool {
        self.turning.is_some()
    }

    /// How long it must be well before it is announced the next time.
    pub fn hold_up(&self, rules: &Rules) -> Duration {
        let doubled = self.strikes.saturating_sub(1);
        if doubled == 0 {
            return rules.hold_up;
        }
        let base = rules.hold_up.max(LEAST_PENALTY.min(rules.hold_up_max));
        let factor = 1_u32.checked_shl(doubled.min(31)).unwrap_or(u32::MAX);
        base.saturating_mul(factor).min(rules.hold_up_max).max(rules.hold_up)
    }

    /// Follows what is wanted; answers where it was, if it is elsewhere.
    pub fn step(&mut self, now: Duration, wish: &Wish, calm: Calm, rules: &Rules) -> Option<Phase> {
        let before = self.phase;
        // One after the other: a VIP that does not wait for anything goes from one end to the other.
        for _ in 0..3 {
            let phase = self.phase;
            self.next = None;
            match phase {
                Phase::Withdrawn => self.withdrawn(now, wish, rules),
                Phase::Announced => self.announced(now, wish, rules),
                Phase::Lingering => self.lingering(now, wish, calm, rules),
                Phase::ShuttingDown => self.shutting_down(now, wish, calm, rules),
            }
            if self.phase == phase {
                break;
            }
        }
        (self.phase != before).then_some(before)
    }

    fn withdrawn(&mut self, now: Duration, wish: &Wish, rules: &Rules) {
        match wish {
            Wish::Force => self.enter(Phase::Announced, now, "by hand".into()),
            Wish::Up => {
                let at = *self.turning.get_or_insert(now) + self.hold_up(rules);
                if at <= now {
                    self.enter(Phase::Announced, now, "it can be served".into());
                } else {
                    self.next = Some(Next { at, phase: Phase::Announced });
                }
            }
            Wish::Stay(why) | Wish::Down(why) | Wish::Leave { why, .. } | Wish::Cut(why) => {
                self.turning = None;
                self.why = Arc::clone(why);
            }
        }
    }

    fn announced(&mut self, now: Duration, wish: &Wish, rules: &Rules) {
        if now.saturating_sub(self.up_since) >= rules.hold_up_max {
            self.strikes = 0;
        }
        match wish {
            Wish::Up | Wish::Force => self.turning = None,
            Wish::Stay(why) => {
                self.turning = None;
                self.why = Arc::clone(why);
            }
            Wish::Down(why) => {
                let unwell = *self.turning.get_or_insert(now);
                let at = (unwell + rules.hold_down).max(self.up_since + rules.min_announced);
                if at <= now {
                    self.strikes = self.strikes.saturating_add(1);
                    self.enter(Phase::Withdrawn, now, Arc::clone(why));
                } else {
                    self.next = Some(Next { at, phase: Phase::Withdrawn });
                }
            }
            Wish::Leave { why, lingers: true, .. } => self.enter(Phase::Lingering, now, Arc::clone(why)),
            Wish::Leave { why, lingers: false, .. } => self.shut_down(now, why, rules),
            Wish::Cut(why) => self.enter(Phase::Withdrawn, now, Arc::clone(why)),
        }
    }

    fn lingering(&mut self, now: Duration, wish: &Wish, calm: Calm, rules: &Rules) {
        match wish {
            Wish::Up | Wish::Force | Wish::Stay(_) => {
                self.enter(Phase::Announced, now, "it stays after all".into());
            }
            // Who leaves with nobody left to wait for need not wait.
            Wish::Down(why) | Wish::Leave { why, lingers: false, .. } => self.shut_down(now, why, rules),
            Wish::Leave { why, holds, until, .. } => {
                let is_over = self.is_ready(now, calm, rules) && !holds;
                if is_over || until.is_some_and(|until| until <= now) {
                    self.shut_down(now, why, rules);
                } else {
                    self.why = Arc::clone(why);
                    let quiet_at = now + rules.quiet.saturating_sub(self.quiet(now, calm));
                    // What else it waits for has no time.
                    let quiet_at = (calm.is_settled && !holds).then_some(quiet_at);
                    let at = quiet_at.into_iter().chain(*until).min();
                    self.next = at.map(|at| Next { at, phase: Phase::ShuttingDown });
                }
            }
            Wish::Cut(why) => self.enter(Phase::Withdrawn, now, Arc::clone(why)),
        }
    }

    /// Whether what it lingers for is over.
    pub fn is_ready(&self, now: Duration, calm: Calm, rules: &Rules) -> bool {
        self.phase == Phase::Lingering && calm.is_settled && self.quiet(now, calm) >= rules.quiet
    }

    /// What was quiet before it lingered does not count.
    fn quiet(&self, now: Duration, calm: Calm) -> Duration {
        calm.own_quiet.min(now.saturating_sub(self.since))
    }

    fn shutting_down(&mut self, now: Duration, wish: &Wish, calm: Calm, rules: &Rules) {
        match wish {
            Wish::Up | Wish::Force | Wish::Stay(_) => {
                self.enter(Phase::Announced, now, "it stays after all".into());
            }
            Wish::Down(why) | Wish::Leave { why, .. } => {
                let at = self.since + rules.wait;
                if calm.is_calm || at <= now {
                    self.enter(Phase::Withdrawn, now, Arc::clone(why));
                } else {
                    self.next = Some(Next { at, phase: Phase::Withdrawn });
                }
            }
            Wish::Cut(why) => self.enter(Phase::Withdrawn, now, Arc::clone(why)),
        }
    }

    fn shut_down(&mut self, now: Duration, why: &Arc<str>, rules: &Rules) {
        let phase = if rules.wait.is_zero() { Phase::Withdrawn } else { Phase::ShuttingDown };
        self.enter(phase, now, Arc::clone(why));
    }

    fn enter(&mut self, phase: Phase, now: Duration, why: Arc<str>) {
        if self.phase == Phase::Withdrawn {
            self.up_since = now;
        }
        (self.phase, self.since, self.why, self.turning, self.next) = (phase, now, why, None, None);
    }
}
