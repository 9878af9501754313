//! One backend's judge: from the results of its checks to a verdict. No IO.
//!
//! ```text
//!               rise passes                     rise passes, and if it went down before,
//!   unknown ─────────────────▶ up ◀──────────────────────────────┐ none of them failed for a while
//!      │                       │                                 │
//!      │                       └──────────────────────────────▶ down
//!      │                                fall failures            ▲
//!      └─────────────────────────────────────────────────────────┘
//!                              fall failures
//! ```
//!
//! The first time a backend went down, `rise` passes bring it back. The n-th time within memory, every check of a period of
//! `hold_down * 2^(n - 2)` must have passed, at most of `hold_down_max`, and any failure begins that period anew. So what
//! flaps stays down, after few moves of its slots, and for as long as it flaps. Every `forget` that a backend is up takes
//! one of its falls out of memory.
//!
//! No clock brings a backend back, only a check that passed: a judge needs no timer.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::period;

#[cfg(test)]
mod tests;

/// What the checks say of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not enough has been seen of it.
    #[default]
    Unknown,
    /// It serves.
    Up,
    /// It does not.
    Down,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// How many results make a verdict, and how flapping is calmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Passes in a row that bring a backend up. 0 counts as 1.
    pub rise: u32,
    /// Failures in a row that take it down. 0 counts as 1.
    pub fall: u32,
    /// For how long everything must pass when it went down for the second time.
    pub hold_down: Duration,
    /// For how long at most, however often it went down.
    pub hold_down_max: Duration,
    /// Being up that long takes one fall out of memory.
    pub forget: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rise: 2,
            fall: 3,
            hold_down: Duration::from_secs(10),
            hold_down_max: Duration::from_secs(300),
            forget: Duration::from_secs(600),
        }
    }
}

impl Rules {
    /// For how long everything must pass after that many falls.
    fn needs(&self, falls: u32) -> Duration {
        let Some(doublings) = falls.checked_sub(2) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.hold_down.saturating_mul(factor).min(self.hold_down_max)
    }
}

/// Equal results in a row. Times are since the checker started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// Whether they passed.
    pub passed: bool,
    /// How many.
    pub results: u32,
    /// When the first of these checks started.
    pub first_started: Duration,
    /// When the first of them had its result.
    pub first_ended: Duration,
    /// When the last of them started.
    pub last_started: Duration,
    /// When the last of them had its result.
    pub last_ended: Duration,
}

/// A verdict that another one replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The old one.
    pub before: Verdict,
    /// The new one.
    pub after: Verdict,
}

/// What a backend that flaps has to do before it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Penalty {
    /// Times it went down, as far as they are remembered.
    pub falls: u32,
    /// For how long everything must pass.
    pub needs: Duration,
    /// When that period is over if nothing fails: the first check that starts then, and passes, brings it up.
    pub ends: Duration,
}

/// What a restarted daemon goes on with. Without times of a clock: it holds for the moment it was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The verdict.
    pub verdict: Verdict,
    /// For how long it had been that, in whole milliseconds when it is written.
    #[serde(with = "period::as_fine_text")]
    pub held: Duration,
    /// Times the backend went down, as far as they are remembered.
    pub falls: u32,
}

/// Judges one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judge {
    verdict: Verdict,
    /// When it became that.
    since: Duration,
    /// For how long it had been that when the daemon before this one ended.
    earlier: Duration,
    streak: Option<Streak>,
    last_pass_started: Option<Duration>,
    /// Times it went down, as remembered at `since`.
    falls: u32,
}

impl Judge {
    /// Of a backend that nobody has checked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of a backend that a daemon before this one checked. The results it had are not known any more, so a penalty begins
    /// anew.
    pub fn resume(saved: &Saved, now: Duration) -> Self {
        let Saved { verdict, held, falls } = *saved;
        Self { verdict, since: now, earlier: held, falls, ..Self::default() }
    }

    /// What must survive the daemon.
    pub fn saved(&self, now: Duration, rules: &Rules) -> Saved {
        // While it is up the count falls with the time held, which is saved too.
        let falls = if self.verdict == Verdict::Up { self.falls } else { self.falls(now, rules) };
        Saved { verdict: self.verdict, held: self.held(now), falls }
    }

    /// Takes the result of a check that started at `started` and ended at `now`.
    pub fn note(&mut self, passed: bool, started: Duration, now: Duration, rules: &Rules) -> Option<Change> {
        let streak = match self.streak {
            Some(streak) if streak.passed == passed => Streak {
                results: streak.results.saturating_add(1),
                first_started: streak.first_started.min(started),
                last_started: streak.last_started.max(started),
                last_ended: now,
                ..streak
            },
            Some(_) | None => Streak {
                passed,
                results: 1,
                first_started: started,
                first_ended: now,
                last_started: started,
                last_ended: now,
            },
        };
        self.streak = Some(streak);
        if passed {
            self.last_pass_started = self.last_pass_started.max(Some(started));
        }
        let after = self.due(&streak, rules)?;
        let change = Change { before: self.verdict, after };
        // Only what served can fall: a backend that never came up does not flap.
        if change == (Change { before: Verdict::Up, after: Verdict::Down }) {
            self.falls = self.falls(now, rules).saturating_add(1);
        }
        (self.verdict, self.since, self.earlier) = (after, now, Duration::ZERO);
        Some(change)
    }

    /// The verdict the streak leads to, if that is another one.
    fn due(&self, streak: &Streak, rules: &Rules) -> Option<Verdict> {
        let after = if !streak.passed {
            (streak.results >= rules.fall).then_some(Verdict::Down)?
        } else {
            let held_down = self.verdict == Verdict::Down
                && streak.last_started < streak.first_started.saturating_add(rules.needs(self.falls));
            (streak.results >= rules.rise && !held_down).then_some(Verdict::Up)?
        };
        (after != self.verdict).then_some(after)
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Since when it is that; not before this checker started.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// For how long it has been that, the time before a restart of the daemon included.
    pub fn held(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since).saturating_add(self.earlier)
    }

    /// The results since one was different.
    pub fn streak(&self) -> Option<&Streak> {
        self.streak.as_ref()
    }

    /// Passes in a row, up to the last result.
    pub fn passed(&self) -> u32 {
        self.streak.filter(|streak| streak.passed).map_or(0, |streak| streak.results)
    }

    /// The failures since something passed.
    pub fn failing(&self) -> Option<&Streak> {
        self.streak.as_ref().filter(|streak| !streak.passed)
    }

    /// Failures in a row, up to the last result.
    pub fn failed(&self) -> u32 {
        self.failing().map_or(0, |streak| streak.results)
    }

    /// When the last check that passed had started.
    pub fn last_pass_started(&self) -> Option<Duration> {
        self.last_pass_started
    }

    /// Whether to look more often: nothing is known yet, or the last results contradict the verdict.
    pub fn is_unsure(&self) -> bool {
        match self.verdict {
            Verdict::Unknown => true,
            Verdict::Up => self.failed() > 0,
            Verdict::Down => self.passed() > 0,
        }
    }

    /// Whether it is failing and one more failure takes it down, or did.
    pub fn is_falling(&self, rules: &Rules) -> bool {
        self.failed() > 0 && self.failed().saturating_add(1) >= rules.fall
    }

    /// Times it went down, as far as they are remembered.
    pub fn falls(&self, now: Duration, rules: &Rules) -> u32 {
        if self.verdict != Verdict::Up {
            return self.falls;
        }
        let forgotten = self.held(now).as_nanos().checked_div(rules.forget.as_nanos()).unwrap_or(u128::MAX);
        self.falls.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }

    /// What it has to do before it comes back, if more than to pass a few checks.
    pub fn penalty(&self, now: Duration, rules: &Rules) -> Option<Penalty> {
        let needs = rules.needs(self.falls);
        if self.verdict != Verdict::Down || needs == Duration::ZERO {
            return None;
        }
        let begun = self.streak.filter(|streak| streak.passed).map_or(now, |streak| streak.first_started);
        Some(Penalty { falls: self.falls, needs, ends: begun.saturating_add(needs) })
    }
}
