//! The last results of a backend's checks, for whoever asks what happened.

use std::{collections::VecDeque, fmt, time::Duration};

/// Results that are kept of a backend.
pub const KEPT: usize = 60;
/// Characters of a reason that are kept.
pub const REASON_CHARS: usize = 200;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// As expected.
    Passed,
    /// In time, but not as expected.
    Failed,
    /// Not in time.
    TimedOut,
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
    /// Why it did not pass: `connect: connection refused`, `status 503, expected 200`. Empty if it passed.
    pub reason: Box<str>,
}

/// "passed in 1.2 ms", "connect: connection refused (after 0.1 ms)".
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.latency.as_secs_f64() * 1e3;
        match (self.kind, &*self.reason) {
            (Kind::Passed, _) => write!(f, "passed in {ms:.1} ms"),
            (Kind::Failed, "") => write!(f, "failed (after {ms:.1} ms)"),
            (Kind::TimedOut, "") => write!(f, "timed out (after {ms:.1} ms)"),
            (Kind::Failed | Kind::TimedOut, reason) => write!(f, "{reason} (after {ms:.1} ms)"),
        }
    }
}

/// What strips are drawn with. Latency goes by its part of the timeout: up to 2 %, 10 %, 25 %, 50 %, and above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// Bars `▁▂▃▅▇`, the higher the slower; `x` for failures and `·` where nothing came in time.
    Unicode,
    /// `_.-=#` in their place, and `x` and `?`.
    Ascii,
}

/// The last results of one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The oldest first.
    entries: VecDeque<Entry>,
}

impl History {
    /// Takes a result, and forgets the oldest one beyond [`KEPT`].
    pub fn note(&mut self, kind: Kind, at: Duration, latency: Duration, reason: &str) {
        let reason = reason.chars().filter(|char| !char.is_control()).take(REASON_CHARS).collect();
        self.entries.push_back(Entry { kind, at, latency, reason });
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
    }

    /// The results, the last one first.
    pub fn latest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// One character for each result, the last one at the right.
    pub fn strip(&self, strip: Strip, timeout: Duration) -> String {
        self.entries.iter().map(|entry| strip.mark(entry, timeout)).collect()
    }
}

impl Strip {
    fn mark(self, entry: &Entry, timeout: Duration) -> char {
        let level = [50, 10, 4, 2].iter().filter(|&&part| entry.latency > timeout / part).count();
        let (bars, failed, silent) = match self {
            Self::Unicode => (['▁', '▂', '▃', '▅', '▇'], 'x', '·'),
            Self::Ascii => (['_', '.', '-', '=', '#'], 'x', '?'),
        };
        match entry.kind {
            Kind::Passed => bars.get(level).copied().unwrap_or(failed),
            Kind::Failed => failed,
            Kind::TimedOut => silent,
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
            history.note(Kind::Passed, ms(at as u64), ms(latency), "");
        }
        history.note(Kind::Failed, ms(10), Duration::from_micros(140), "connect: connection refused");
        history.note(Kind::TimedOut, ms(11), ms(1000), "");
        history.note(Kind::Failed, ms(12), ms(3), "");
        assert_eq!(history.strip(Strip::Unicode, ms(1000)), "▁▂▂▃▃▅▅▇▇x·x");
        assert_eq!(history.strip(Strip::Ascii, ms(1000)), "_..--==##x?x");
        assert_eq!(
            history.latest().take(4).map(ToString::to_string).collect::<Vec<_>>(),
            [
                "failed (after 3.0 ms)",
                "timed out (after 1000.0 ms)",
                "connect: connection refused (after 0.1 ms)",
                "passed in 1000.0 ms"
            ]
        );
        assert_eq!(History::default().strip(Strip::Unicode, ms(1)), "");
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let mut history = History::default();
        for at in 0..1000 {
            history.note(Kind::Failed, ms(at), ms(1), &"\x1b[2J".repeat(1000));
        }
        let latest: Vec<_> = history.latest().collect();
        assert_eq!((latest.len(), latest[0].at, latest[KEPT - 1].at), (KEPT, ms(999), ms(999 - 59)));
        assert_eq!(
            (latest[0].reason.chars().count(), latest[0].reason.contains('\x1b')),
            (REASON_CHARS, false)
        );
    }
}
