//! What came of a run, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use super::{
    books::Books,
    causes::Deed,
    daemon::Daemon,
    datagrams::Tally,
    judge::Outcome,
    plot::{self, Line, Panel},
    usage::{Machine, Sample},
};
use crate::demo::number;

/// Faults that are shown of each kind; all are in the JSON.
const SHOWN: usize = 20;

/// Traffic besides sessions and requests.
#[derive(Clone, Debug, Serialize)]
pub struct Load {
    pub longest_silence: Duration,
    /// SYNs of nobody.
    pub flood: u64,
    #[serde(skip)]
    pub datagrams: Tally,
    #[serde(skip)]
    pub local_datagrams: Tally,
}

/// Everything a report is made of.
#[derive(Clone, Debug, Serialize)]
pub struct Parts {
    pub seed: u64,
    pub lasted: Duration,
    pub interrupted: bool,
    pub load: Load,
    /// Of sessions, requests, and flows of datagrams.
    pub outcomes: [Outcome; 3],
    pub books: Books,
    pub daemons: Vec<Daemon>,
    pub machine: Vec<Machine>,
    pub changes_of_routes: usize,
    pub deeds: Vec<Deed>,
    /// What was to be done and could not be.
    pub undone: Vec<String>,
    pub parts: String,
    pub left: Vec<String>,
}

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whatever must not be.
    pub faults: Vec<String>,
    #[serde(flatten)]
    it: Parts,
}

const KINDS: [&str; 3] = ["sessions", "requests", "datagrams of flows that are remembered"];

impl Report {
    pub(super) fn new(it: Parts) -> Self {
        let mut faults = it.undone.clone();
        for (kind, outcome) in KINDS.iter().zip(&it.outcomes) {
            faults.extend(outcome.faults.iter().map(|fault| format!("{kind}: {fault}")));
        }
        let [sessions, requests, _] = &it.outcomes;
        if sessions.total == 0 || requests.total == 0 {
            faults.push("there was no session, or no request".to_owned());
        }
        faults.extend(it.books.faults());
        faults.extend(it.daemons.iter().flat_map(Daemon::faults));
        faults.extend(it.left.iter().map(|left| format!("left behind: {left}")));
        Self { faults, it }
    }

    /// Whether all was well.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// Things that were done.
    pub fn deeds(&self) -> usize {
        self.it.deeds.len()
    }

    /// What it says on a terminal.
    pub fn text(&self) -> String {
        self.markdown()
    }

    /// The whole report.
    pub fn markdown(&self) -> String {
        let Parts { seed, lasted, interrupted, load, outcomes, .. } = &self.it;
        let mut text = format!(
            "{} s{}, seed {seed}. {} things were done, transit's routes changed {} times.\n\n",
            lasted.as_secs(),
            if *interrupted { ", ended early by a signal" } else { "" },
            self.it.deeds.len(),
            self.it.changes_of_routes
        );
        let _ = writeln!(
            text,
            "**Verdict: {}**\n",
            if self.is_good() { "good".to_owned() } else { format!("{} faults", self.faults.len()) }
        );
        for fault in self.faults.iter().take(SHOWN) {
            let _ = writeln!(text, "- {fault}");
        }
        if self.faults.len() > SHOWN {
            let _ = writeln!(text, "- … and {} more", self.faults.len() - SHOWN);
        }
        text.push_str("\n## Sessions\n\n| | all | broken | without a cause |\n|---|--:|--:|--:|\n");
        for (kind, outcome) in KINDS.iter().zip(outcomes) {
            let _ = writeln!(
                text,
                "| {kind} | {} | {} | {} |",
                number(outcome.total as u64),
                number(outcome.all_broken() as u64),
                outcome.faults.len()
            );
        }
        text.push_str("\n| why it broke | sessions | requests | datagrams |\n|---|--:|--:|--:|\n");
        let mut causes: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.broken.keys().copied()).collect();
        causes.sort_unstable();
        causes.dedup();
        for cause in causes {
            let counts: Vec<String> = outcomes
                .iter()
                .map(|outcome| number(outcome.broken.get(&cause).copied().unwrap_or(0) as u64))
                .collect();
            let _ = writeln!(text, "| {} | {} |", cause.words(), counts.join(" | "));
        }
        let (udp, own) = (&load.datagrams, &load.local_datagrams);
        let _ = writeln!(
            text,
            "\nThe longest that a session heard nothing was {} ms. Of {} datagrams {} were answered, \
             of {} that went in fragments {}; \
             of {} to the edge's own VIPs {}. {} SYNs of a flood were sent.",
            load.longest_silence.as_millis(),
            number(udp.sent),
            number(udp.answered),
            number(udp.long_sent),
            number(udp.long_answered),
            number(own.sent),
            number(own.answered),
            number(load.flood)
        );
        self.write_books(&mut text);
        self.write_usage(&mut text);
        self.write_deeds(&mut text);
        text
    }

    fn write_books(&self, text: &mut String) {
        text.push_str(
            "\n## Packets\n\n| edge | offered | taken | delivered | passed | dropped | answered | \
             its stack got | books |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|---|\n",
        );
        for row in &self.it.books.edges {
            let cells =
                [row.offered, row.taken, row.delivered, row.passed, row.dropped, row.answered, row.stack];
            let cells: Vec<String> = cells.iter().map(|cell| number(*cell)).collect();
            let agree = if row.agrees() { "agree" } else { "DIFFER" };
            let _ = writeln!(text, "| {} | {} | {agree} |", row.edge, cells.join(" | "));
        }
        text.push_str("\n| server | VIP | delivered | arrived |\n|---|---|--:|--:|\n");
        for row in &self.it.books.servers {
            let vip = row.family.vip_name();
            let _ = writeln!(
                text,
                "| {} | {vip} | {} | {} |",
                row.server,
                number(row.delivered),
                number(row.arrived)
            );
        }
        let mut reasons = std::collections::BTreeMap::<&str, u64>::new();
        for (reason, packets) in self.it.books.edges.iter().flat_map(|row| &row.reasons) {
            *reasons.entry(reason).or_default() += packets;
        }
        let reasons: Vec<String> =
            reasons.into_iter().map(|(reason, packets)| format!("{} `{reason}`", number(packets))).collect();
        let _ = writeln!(text, "\nNot delivered, all edges: {}.", reasons.join(", "));
    }

    fn write_usage(&self, text: &mut String) {
        text.push_str(
            "\n## Daemons\n\n| edge | processes | MiB at first | at last | at most | KiB a minute | \
             descriptors before, after | maps, \
             MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for daemon in &self.it.daemons {
            let [first, last, most] = daemon.resident_kib.map(|kib| kib as f64 / 1024.0);
            let growth = daemon.growth.map_or("".to_owned(), |growth| format!("{growth:.1}"));
            let (before, after) = (&daemon.before, &daemon.after);
            let _ = writeln!(
                text,
                "| {} | {} | {first:.1} | {last:.1} | {most:.1} | {growth} | {}, {} | {}, {:.1} |",
                daemon.edge,
                daemon.processes,
                before.descriptors,
                after.descriptors,
                after.maps,
                after.map_bytes as f64 / (1 << 20) as f64
            );
        }
        if let [first, .., last] = self.it.machine.as_slice() {
            let mib = |kib: u64| kib as f64 / 1024.0;
            let _ = writeln!(
                text,
                "\nThe whole machine, on which other things may run: slabs that cannot be \
                 given back {:.0} MiB at first, {:.0} at last; \
                 per-CPU memory {:.0} and {:.0}.",
                mib(first.slab_kib),
                mib(last.slab_kib),
                mib(first.percpu_kib),
                mib(last.percpu_kib)
            );
        }
        let left = if self.it.left.is_empty() { "nothing".to_owned() } else { self.it.left.join(", ") };
        let _ = writeln!(text, "\nOf {}, {left} was left at the end.", self.it.parts);
    }

    fn write_deeds(&self, text: &mut String) {
        text.push_str("\n## What was done\n\n| at | for | what | to |\n|--:|--:|---|---|\n");
        for deed in &self.it.deeds {
            let time = deed.ended.map_or("".to_owned(), |ended| {
                format!("{:.1}", ended.saturating_sub(deed.began).as_secs_f64())
            });
            let _ = writeln!(
                text,
                "| {:.1} s | {time} | {} | {} |",
                deed.began.as_secs_f64(),
                deed.what,
                deed.target
            );
        }
    }

    /// The run over time.
    pub fn plot(&self) -> String {
        let machine = |value: fn(&Machine) -> f64| {
            vec![self.it.machine.iter().map(|it| (it.at.as_secs_f64(), value(it))).collect::<Vec<_>>()]
        };
        let one = |name: &str, value| Line { name: name.to_owned(), strokes: machine(value) };
        let daemons = |value: fn(&Sample) -> f64| {
            let of = |daemon: &Daemon| Line {
                name: daemon.edge.clone(),
                strokes: strokes(&daemon.samples, value),
            };
            self.it.daemons.iter().map(of).collect::<Vec<_>>()
        };
        let panel = |title: &str, lines| Panel { title: title.to_owned(), lines };
        let panels = [
            panel(
                "sessions open, and broken so far",
                vec![one("open", |it| it.sessions as f64), one("broken", |it| it.broken as f64)],
            ),
            panel("packets a second at all edges", vec![one("packets", |it| it.packets_per_second)]),
            panel("resident memory of daemons, MiB", daemons(|it| it.resident_kib as f64 / 1024.0)),
            panel("open descriptors of daemons", daemons(|it| it.descriptors as f64)),
            panel(
                "kernel memory of the whole machine, MiB",
                vec![
                    one("slabs", |it| it.slab_kib as f64 / 1024.0),
                    one("per-CPU", |it| it.percpu_kib as f64 / 1024.0),
                ],
            ),
        ];
        let marks: Vec<f64> = self.it.deeds.iter().map(|deed| deed.began.as_secs_f64()).collect();
        plot::svg(&panels, self.it.lasted.as_secs_f64(), &marks)
    }
}

/// A stroke for each process.
fn strokes(samples: &[Sample], value: fn(&Sample) -> f64) -> Vec<Vec<(f64, f64)>> {
    let processes = samples.chunk_by(|one, other| one.pid == other.pid);
    processes
        .map(|process| process.iter().map(|sample| (sample.at.as_secs_f64(), value(sample))).collect())
        .collect()
}

#[cfg(test)]
mod tests;
