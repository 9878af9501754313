//! Figures, for people and as JSON.

use std::{
    fmt,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::Context as _;
use serde::Serialize;

use crate::Round;

const DAY: u64 = 24 * 3600;

/// One run of the benchmark.
pub struct Report {
    pub backends: usize,
    pub slots: u32,
    pub rows: Vec<Row>,
}

/// One way to ask.
pub struct Row {
    pub asked: String,
    /// Whether the kernel knew the new backend's link-layer address.
    pub known: bool,
    pub times: Vec<Times>,
}

/// What had happened by when, in milliseconds since the backend was asked for.
#[derive(Clone, Copy, Serialize)]
pub struct Times {
    /// The daemon took it in.
    added_ms: f64,
    /// Its next hop was known.
    resolved_ms: f64,
    /// Packets found the new table.
    published_ms: f64,
    /// A packet was there.
    arrived_ms: f64,
    /// The answer was there, or the command was over.
    answered_ms: f64,
}

#[derive(Serialize)]
pub struct Figures {
    asked: String,
    neighbour_known: bool,
    best_tenth: Times,
    median: Times,
    worst: Times,
}

impl Times {
    /// From the log of a daemon that logs what it does with the time of day.
    pub fn of(round: &Round, log: &str) -> anyhow::Result<Self> {
        let asked = round.asked_at.duration_since(UNIX_EPOCH)?;
        let since = |line: &str| {
            let day = Duration::from_secs(asked.as_secs() / DAY * DAY);
            Some((day + time_of_day(line)?).checked_sub(asked)?.as_secs_f64() * 1e3)
        };
        let first = |words: [&str; 2]| {
            let said = log.lines().filter(|line| words.iter().all(|word| line.contains(word)));
            said.filter_map(since).next().with_context(|| format!("no line with {words:?}"))
        };
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Ok(Self {
            added_ms: first([" added ", "backend2"])?,
            resolved_ms: first(["address=203.0.113.12", "=Resolved("])?,
            published_ms: first(["published a table", ""])?,
            arrived_ms: ms(round.arrived),
            answered_ms: ms(round.answered),
        })
    }

    /// Each figure at that place in its order, 0 to 1.
    fn at(times: &[Self], share: f64) -> Self {
        let place = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<f64> = times.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures[((figures.len() - 1) as f64 * share).round() as usize]
        };
        Self {
            added_ms: place(|times| times.added_ms),
            resolved_ms: place(|times| times.resolved_ms),
            published_ms: place(|times| times.published_ms),
            arrived_ms: place(|times| times.arrived_ms),
            answered_ms: place(|times| times.answered_ms),
        }
    }
}

/// The time a line of the log begins with, `2026-11-21T06:28:20.123456Z`.
fn time_of_day(line: &str) -> Option<Duration> {
    let time = line.get(11..26)?;
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<u64>().ok();
    let seconds = number(0..2)? * 3600 + number(3..5)? * 60 + number(6..8)?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(number(9..15)?))
}

impl Report {
    pub fn figures(&self) -> Vec<Figures> {
        let figures = |row: &Row| Figures {
            asked: row.asked.clone(),
            neighbour_known: row.known,
            best_tenth: Times::at(&row.times, 0.1),
            median: Times::at(&row.times, 0.5),
            worst: Times::at(&row.times, 1.0),
        };
        self.rows.iter().map(figures).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (backends, slots) = (self.backends, self.slots);
        writeln!(f, "ms from `backend add` on, in a pool of {backends} backends and {slots} slots")?;
        writeln!(
            f,
            "{:<5} {:<9} {:<8} {:>8} {:>9} {:>10} {:>13} {:>9}",
            "asked", "neighbour", "", "added", "resolved", "published", "first packet", "answered"
        )?;
        for row in self.figures() {
            let places = [("best 10%", row.best_tenth), ("median", row.median), ("worst", row.worst)];
            for (name, times) in places {
                writeln!(
                    f,
                    "{:<5} {:<9} {:<8} {:>8.2} {:>9.2} {:>10.2} {:>13.2} {:>9.2}",
                    row.asked,
                    if row.neighbour_known { "known" } else { "asked for" },
                    name,
                    times.added_ms,
                    times.resolved_ms,
                    times.published_ms,
                    times.arrived_ms,
                    times.answered_ms
                )?;
            }
        }
        Ok(())
    }
}
