//! Figures, for people and as JSON.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use crate::scrape::Scrapes;

/// What was measured of one site.
#[derive(Serialize)]
pub struct Figures {
    pub site: String,
    /// From the start of the process until it steers.
    pub cold_start_ms: f64,
    /// From the request for another weight of one backend until its answer: the tables are in use then.
    pub change: Times,
    /// From the request for the status until all of it was read.
    pub status: Times,
    pub status_bytes: usize,
    pub scrapes: Scrapes,
    pub daemon_anonymous_bytes: u64,
    pub maps_bytes: u64,
}

/// Milliseconds.
#[derive(Serialize)]
pub struct Times {
    pub best_ms: f64,
    pub median_ms: f64,
    pub worst_ms: f64,
}

impl Times {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |place: usize| times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        Self { best_ms: at(0), median_ms: at(times.len() / 2), worst_ms: at(times.len().saturating_sub(1)) }
    }
}

pub fn table(figures: &[Figures]) -> String {
    const MIB: f64 = (1 << 20) as f64;
    let mut text = String::new();
    for it in figures {
        let times = |times: &Times| {
            format!(
                "best {:.1}, median {:.1}, worst {:.1} ms",
                times.best_ms, times.median_ms, times.worst_ms
            )
        };
        write!(
            text,
            "{}\n  cold start   {:.0} ms\n  change       {}\n  status       {}; {:.1} MiB of JSON\n  \
             scrape       {}; {:.1} MiB, {} series, {} pairs; of that reading counters {:.1} ms\n  \
             controller   answers {}; while scraped {}\n  \
             daemon       {:.1} MiB of its own\n  maps         {:.1} MiB\n",
            it.site,
            it.cold_start_ms,
            times(&it.change),
            times(&it.status),
            it.status_bytes as f64 / MIB,
            times(&it.scrapes.whole),
            it.scrapes.bytes as f64 / MIB,
            it.scrapes.series,
            it.scrapes.pairs,
            it.scrapes.counters_read_ms,
            times(&it.scrapes.answers_alone),
            times(&it.scrapes.answers_beside),
            it.daemon_anonymous_bytes as f64 / MIB,
            it.maps_bytes as f64 / MIB,
        )
        .expect("a string takes everything");
    }
    text
}
