//! What the edge's kernel counters say beside what each server's own host saw.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{client::Connection, number};
use crate::{
    lab::{
        Family, Lab,
        controller::{Status, Traffic},
        server::{self, Arrived},
    },
    signals,
};

/// Counters are read when they have not moved for this long: longer than a FIN's first retransmission.
const QUIET_FOR: Duration = Duration::from_millis(600);
const QUIET_WITHIN: Duration = Duration::from_secs(20);

/// One server and one VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The server.
    pub backend: String,
    /// Which VIP.
    pub family: Family,
    /// The edge's counters: what the program delivered.
    pub edge: Traffic,
    /// The server's host: what came in.
    pub arrived: Arrived,
    /// Connections the client got an answer on.
    pub answered: u64,
}

impl Row {
    /// Whether both hosts counted the same.
    pub fn agrees(&self) -> bool {
        self.edge.packets == self.arrived.packets && self.edge.new_flows == self.arrived.syns
    }
}

/// One server's web server, both VIPs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The server.
    pub backend: String,
    /// Connections nginx accepted, without those that asked for this number.
    pub connections: u64,
}

/// Everything that was counted.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Every server and VIP.
    pub rows: Vec<Row>,
    /// Every server.
    pub accepted: Vec<Accepted>,
    /// The controller's last answer.
    pub status: Status,
}

/// What nginx had accepted before the traffic, by server.
pub type Baseline = BTreeMap<String, u64>;

/// Asks every web server before the traffic starts.
pub fn baseline(lab: &Lab) -> Result<Baseline> {
    lab.plan()
        .servers()
        .map(|host| Ok((host.name.clone(), server::accepted(lab.namespace(&host.name)?)?)))
        .collect()
}

/// Waits until nothing is counted any more and reads everything.
pub fn read(lab: &Lab, baseline: &Baseline, connections: &[Connection]) -> Result<Ledger> {
    let (status, arrived) = quiet_counters(lab)?;
    let answered = |backend: &str, family| {
        let mine = |c: &&Connection| c.family == family && c.outcome.as_deref() == Ok(backend);
        connections.iter().filter(mine).count() as u64
    };
    let rows = arrived
        .into_iter()
        .map(|(backend, family, arrived)| Row {
            edge: status.traffic(family, &backend),
            answered: answered(&backend, family),
            backend,
            family,
            arrived,
        })
        .collect();
    let mut accepted = Vec::new();
    for host in lab.plan().servers() {
        let before = baseline.get(&host.name).copied().unwrap_or(0);
        // The connection that asks is accepted too.
        let connections = server::accepted(lab.namespace(&host.name)?)?.saturating_sub(before + 1);
        accepted.push(Accepted { backend: host.name.clone(), connections });
    }
    Ok(Ledger { rows, accepted, status })
}

type AllArrived = Vec<(String, Family, Arrived)>;

fn quiet_counters(lab: &Lab) -> Result<(Status, AllArrived)> {
    let start = Instant::now();
    let mut last: Option<(Vec<Traffic>, AllArrived)> = None;
    loop {
        let status = lab.status()?;
        let mut arrived = Vec::new();
        for host in lab.plan().servers() {
            for family in Family::ALL {
                arrived.push((
                    host.name.clone(),
                    family,
                    server::arrived(lab.namespace(&host.name)?, family)?,
                ));
            }
        }
        let edge = arrived.iter().map(|(backend, family, _)| status.traffic(*family, backend)).collect();
        let reading = (edge, arrived);
        if last.as_ref() == Some(&reading) {
            return Ok((status, reading.1));
        }
        if start.elapsed() > QUIET_WITHIN {
            bail!("read the counters: packets still arrive {QUIET_WITHIN:?} after the last connection");
        }
        last = Some(reading);
        signals::sleep(QUIET_FOR)?;
    }
}

impl Ledger {
    /// Packets the program did not deliver, by what became of them.
    pub fn leftovers(&self) -> String {
        let mut lines = Vec::new();
        let verdicts = [
            ("pass", "left to the edge's own stack"),
            ("drop", "dropped"),
            ("answer", "answered by the edge"),
        ];
        for (verdict, words) in verdicts {
            let of_verdict = self.status.reasons.iter().filter(|r| r.verdict == verdict && r.packets > 0);
            let (mut total, mut counts) = (0, Vec::new());
            for reason in of_verdict {
                total += reason.packets;
                counts.push(format!("{} {}", number(reason.packets), reason.reason));
            }
            if total > 0 {
                lines.push(format!("  {words}: {} packets ({})\n", number(total), counts.join(", ")));
            }
        }
        lines.concat()
    }

    /// The table, a line per server and VIP.
    pub fn table(&self) -> String {
        let mut text = format!(
            "  {:<10} {:<4}│{:>10} {:>10}│{:>10} {:>10}│{:>10}│{:>9}\n  {:<10} {:<4}│{:>10} {:>10}│{:>10} {:>10}│{:>10}│{:>9}\n",
            "",
            "",
            "the edge's",
            "kernel",
            "its own",
            "host",
            "nginx",
            "client",
            "backend",
            "vip",
            "packets",
            "new flows",
            "packets",
            "SYNs",
            "accepted",
            "answered"
        );
        for row in &self.rows {
            // nginx does not tell the families apart: one number for both, on the first line.
            let accepted =
                self.accepted.iter().find(|entry| entry.backend == row.backend && row.family == Family::V4);
            text.push_str(&format!(
                "  {:<10} {:<4}│{:>10} {:>10}│{:>10} {:>10}│{:>10}│{:>9}  {}\n",
                if row.family == Family::V4 { row.backend.as_str() } else { "" },
                match row.family {
                    Family::V4 => "v4",
                    Family::V6 => "v6",
                },
                number(row.edge.packets),
                number(row.edge.new_flows),
                number(row.arrived.packets),
                number(row.arrived.syns),
                accepted.map(|entry| number(entry.connections)).unwrap_or_default(),
                number(row.answered),
                if row.agrees() { "agree" } else { "DIFFER" },
            ));
        }
        text
    }
}
