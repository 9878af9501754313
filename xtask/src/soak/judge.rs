//! Holds what became of the traffic against what may break it. Whatever breaks without a cause is a fault.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    causes::{AFTER, Cause, Evidence, Excuse, TOLD_WITHIN},
    datagrams::Move,
    site,
};
use crate::{
    demo::client::Connection,
    lab::{
        Family,
        session::{Ending, Record},
    },
};

/// Flows are remembered for so long, as the site has it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Linux sends a SYN again after a second.
const REPEATED_AFTER: Duration = Duration::from_millis(900);
/// A status may say that slots have moved so much before they have.
const SETTLING: Duration = Duration::from_millis(500);

/// What came of one kind of traffic.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// All there was.
    pub total: usize,
    /// What broke, by why it may.
    pub broken: BTreeMap<Cause, usize>,
    /// What broke without a cause, or went where it must not.
    pub faults: Vec<String>,
}

impl Outcome {
    /// Everything that broke, with a cause or without.
    pub fn all_broken(&self) -> usize {
        self.broken.values().sum::<usize>() + self.faults.len()
    }

    fn add(&mut self, cause: Option<Cause>, fault: impl FnOnce() -> String) {
        match cause {
            Some(cause) => *self.broken.entry(cause).or_default() += 1,
            None => self.faults.push(fault()),
        }
    }
}

/// Evidence, and the excuses that follow from it.
pub struct Judge<'a> {
    evidence: &'a Evidence,
    excuses: Vec<Excuse>,
}

impl<'a> Judge<'a> {
    pub fn new(evidence: &'a Evidence) -> Self {
        Self { evidence, excuses: evidence.excuses() }
    }

    /// Sessions, whose times count from the start of the run. Those that the end of the run ended are finished.
    pub fn sessions(&self, records: &[Record]) -> Outcome {
        let mut outcome = Outcome { total: records.len(), ..Outcome::default() };
        for record in records {
            if let Some(backend) = &record.backend
                && let Some(fault) =
                    self.astray(record.family, backend, record.opened, record.greeted.unwrap_or(record.ended))
            {
                outcome.faults.push(format!("session from port {}: {fault}", record.port));
            }
            if record.ending != Ending::Finished {
                outcome.add(self.session(record), || self.told(record));
            }
        }
        outcome
    }

    fn session(&self, record: &Record) -> Option<Cause> {
        if matches!(record.ending, Ending::Corrupt(_)) {
            return None;
        }
        let Record { family, opened, ended, .. } = *record;
        let backend = record.backend.as_deref();
        // One that never had a backend may have broken at any time since its SYN.
        let from = if backend.is_some() { ended } else { opened };
        // Nobody sends or waits without a core: a break may be late on a busy machine, but is not early.
        self.excuse(family, backend, from, ended).or_else(|| {
            let spoke = record.spoke.unwrap_or(ended);
            let shaken = spoke.saturating_sub(opened);
            if record.ending == Ending::Reset && shaken > IDLE_TIMEOUT {
                return Some(Cause::Silent);
            }
            let is_repeated = record.greeted.is_none() && shaken >= REPEATED_AFTER;
            (is_repeated && self.evidence.has_changed(family, opened, ended)).then_some(Cause::OpenedTwice)
        })
    }

    fn told(&self, record: &Record) -> String {
        format!(
            "{:?} session of {} from port {}: {:?}, opened {:.3?}, spoke {:.3?}, \
             greeted {:.3?}, last heard {:.3?}, ended {:.3?}, \
             noticed {:.3?}; {}",
            record.family,
            record.backend.as_deref().unwrap_or("no backend"),
            record.port,
            record.ending,
            record.opened,
            record.spoke,
            record.greeted,
            record.heard,
            record.ended,
            record.noticed,
            self.at(record.ended)
        )
    }

    /// Requests, whose times count from the start of the run.
    pub fn requests(&self, connections: &[Connection]) -> Outcome {
        let mut outcome = Outcome { total: connections.len(), ..Outcome::default() };
        for Connection { family, opened, ended, outcome: answer } in connections {
            match answer {
                Ok(backend) => outcome.faults.extend(self.astray(*family, backend, *opened, *ended)),
                Err(error) => {
                    let is_repeated = || ended.saturating_sub(*opened) >= REPEATED_AFTER;
                    let changed = || self.evidence.has_changed(*family, *opened, *ended);
                    let cause = self.excuse(*family, None, *opened, *ended);
                    let cause = cause.or_else(|| (is_repeated() && changed()).then_some(Cause::OpenedTwice));
                    outcome.add(cause, || {
                        format!(
                            "{family:?} request from {opened:.3?} to {ended:.3?}: {error}; {}",
                            self.at(*ended)
                        )
                    });
                }
            }
        }
        outcome
    }

    /// Flows of datagrams that changed their server, in pools that remember them.
    pub fn datagrams(&self, answered: u64, moves: &[Move]) -> Outcome {
        let mut outcome = Outcome { total: answered as usize, ..Outcome::default() };
        for it in moves.iter().filter(|it| site::pins_datagrams(it.family)) {
            let rerouted = || {
                let times = it.left.saturating_sub(AFTER)..=it.came;
                self.evidence
                    .routes
                    .iter()
                    .any(|change| change.family == it.family && times.contains(&change.at))
            };
            let cause = self.excuse(it.family, Some(&it.from), it.left, it.came).or_else(|| {
                // What an edge remembers is its own.
                let silent = it.came.saturating_sub(it.left) > IDLE_TIMEOUT;
                if rerouted() { Some(Cause::SeveralHosts) } else { silent.then_some(Cause::Silent) }
            });
            outcome.add(cause, || {
                let (left, came) = (it.left, it.came);
                format!(
                    "{:?} datagrams from port {} were {}'s until {left:.3?}, and {}'s from {came:.3?}; {}",
                    it.family,
                    it.port,
                    it.from,
                    it.to,
                    self.at(came)
                )
            });
        }
        outcome
    }

    fn excuse(
        &self,
        family: Family,
        backend: Option<&str>,
        from: Duration,
        until: Duration,
    ) -> Option<Cause> {
        let excuses = self.excuses.iter().filter(|excuse| excuse.covers(family, backend, from, until));
        excuses.map(|excuse| excuse.cause).min()
    }

    /// Whether a flow was born on a backend that had no slot then, on any edge that routes led to.
    fn astray(&self, family: Family, backend: &str, opened: Duration, ended: Duration) -> Option<String> {
        let from = opened.saturating_sub(SETTLING);
        let routes = self.evidence.routes.iter().filter(|change| change.family == family);
        // Since the last change before it was opened, and with every change until it had its backend.
        let (earlier, later): (Vec<_>, Vec<_>) =
            routes.filter(|change| change.at <= ended + TOLD_WITHIN).partition(|change| change.at < from);
        let mut edges = earlier.last().into_iter().chain(&later).flat_map(|change| &change.edges).peekable();
        edges.peek()?;
        // Of an edge that was never asked nothing is certain.
        let had_none = |edge| {
            let timeline = self.evidence.timelines.get(edge);
            timeline.is_some_and(|timeline| timeline.had_no_slot(family, backend, from, ended))
        };
        edges.all(had_none).then(|| {
            format!(
                "{family:?}, opened {opened:.3?}, was answered by {backend} at {ended:.3?}, \
                     which had no slot; {}",
                self.at(opened)
            )
        })
    }

    /// What was done at a time, and which tables were published just then.
    fn at(&self, time: Duration) -> String {
        let near = self.evidence.deeds.iter().filter(|deed| {
            deed.began <= time + AFTER && deed.ended.is_none_or(|ended| ended + AFTER * 2 >= time)
        });
        let mut near: Vec<String> =
            near.map(|deed| format!("{} {} since {:.3?}", deed.what, deed.target, deed.began)).collect();
        if near.is_empty() {
            near.push("nothing was done then".to_owned());
        }
        let (from, until) = (time.saturating_sub(AFTER), time + AFTER / 2);
        let tables = self.evidence.tables.iter().filter(|table| (from..=until).contains(&table.at));
        near.extend(tables.map(|table| format!("{} at {:.3?}: {}", table.edge, table.at, table.words)));
        near.join("; ")
    }
}

#[cfg(test)]
mod tests;
