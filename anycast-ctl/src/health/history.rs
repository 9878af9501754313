//! The last results of a backend's checks, for whoever asks what happened.

use std::{collections::VecDeque, fmt, time::Duration};

use crate::api::types::ChecksStatus;

/// Results that are kept of a backend.
pub const KEPT: usize = 60;
/// Characters of a detail that are kept.
pub const DETAIL_CHARS: usize = 200;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// As expected.
    Passed,
    /// Otherwise, or not in time.
    Failed,
    /// The backend asked to be drained.
    Drain,
    /// This host could not ask.
    Inconclusive,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Drain => "drain",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it ended.
    pub kind: Kind,
    /// When, since the checker started.
    pub at: Duration,
    /// How long it took.
    pub latency: Duration,
    /// The answer, or what was wrong: `status 200`, `connect: connection refused`.
    pub detail: Box<str>,
}

/// The last results of one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// All there ever were.
    counts: ChecksStatus,
}

impl History {
    /// Takes a result, and forgets the oldest one beyond [`KEPT`].
    pub fn note(&mut self, kind: Kind, at: Duration, latency: Duration, detail: &str) {
        let detail = detail.chars().filter(|char| !char.is_control()).take(DETAIL_CHARS).collect();
        let counts = &mut self.counts;
        *match kind {
            Kind::Passed => &mut counts.passed,
            Kind::Failed => &mut counts.failed,
            Kind::Drain => &mut counts.drain,
            Kind::Inconclusive => &mut counts.inconclusive,
        } += 1;
        self.entries.push_back(Entry { kind, at, latency, detail });
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
    }

    /// How many results there ever were.
    pub const fn counts(&self) -> ChecksStatus {
        self.counts
    }

    /// The results, the last one first.
    pub fn latest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// One sign for each of the last so many results, the last one at the right: bars `▁▂▃▅▇`, the higher the slower, up to
    /// 2 %, 10 %, 25 %, 50 % of the timeout and above; `x` for failures, `d` where a drain was asked for, `?` where nobody
    /// could be asked.
    pub fn strip(&self, signs: usize, timeout: Duration) -> String {
        let first = self.entries.len().saturating_sub(signs);
        self.entries.iter().skip(first).map(|entry| entry.sign(timeout)).collect()
    }
}

impl Entry {
    fn sign(&self, timeout: Duration) -> char {
        let level = [50, 10, 4, 2].iter().filter(|&&part| self.latency > timeout / part).count();
        match self.kind {
            Kind::Passed => ['▁', '▂', '▃', '▅', '▇'].get(level).copied().unwrap_or('▇'),
            Kind::Failed => 'x',
            Kind::Drain => 'd',
            Kind::Inconclusive => '?',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn results_are_a_strip_and_words() {
        let mut history = History::default();
        for (at, latency) in [20, 21, 100, 101, 250, 251, 500, 501, 1000].into_iter().enumerate() {
            history.note(Kind::Passed, ms(at as u64), ms(latency), "connected");
        }
        for (at, kind) in [(10, Kind::Failed), (11, Kind::Drain), (12, Kind::Inconclusive)] {
            history.note(kind, ms(at), ms(1), "connect:\u{1b} refused");
        }
        assert_eq!(history.strip(20, ms(1000)), "▁▂▂▃▃▅▅▇▇xd?");
        assert_eq!(history.strip(4, ms(1000)), "▇xd?");
        let last = history.latest().next().unwrap();
        assert_eq!((last.kind, &*last.detail), (Kind::Inconclusive, "connect: refused"));
    }

    #[test]
    fn old_ones_are_forgotten_and_long_words_cut() {
        let mut history = History::default();
        for at in 0..200 {
            history.note(Kind::Failed, ms(at), ms(1), &"x".repeat(10_000));
        }
        assert_eq!((history.latest().count(), history.counts().failed), (KEPT, 200));
        assert_eq!(history.latest().last().unwrap().at, ms(140));
        assert!(history.latest().all(|entry| entry.detail.len() == DETAIL_CHARS));
    }
}
