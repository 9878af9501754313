//! Judges a run of the demo.

use std::time::Duration;

use super::{client::Connection, ledger::Ledger, number};
use crate::lab::Family;

/// Around a change of the pool, sessions may break: there is no session-keeping transition.
const SETTLING: Duration = Duration::from_secs(1);
/// Of all connections, this share at most may be interrupted by changes.
const INTERRUPTED_SHARE: f64 = 0.01;
/// A share may be this many standard deviations off what the slots say: one run in 10^8 is by chance.
const DEVIATIONS: f64 = 6.0;

/// A change of the pools, from the first command to when the table was in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Since the traffic started.
    pub began: Duration,
    /// Since the traffic started.
    pub ended: Duration,
}

impl Change {
    fn touches(&self, connection: &Connection) -> bool {
        connection.ended + SETTLING >= self.began && connection.opened <= self.ended + SETTLING
    }
}

/// A time between changes, and what share of the slots each backend had.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Connections opened from here on count.
    pub began: Duration,
    /// Connections opened before count.
    pub ended: Duration,
    /// Share of the slots by VIP and backend; those without slots are left out.
    pub shares: Vec<(Family, String, f64)>,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether it does.
    pub holds: bool,
    /// What was found.
    pub text: String,
}

/// Everything that must hold.
pub fn judge(
    connections: &[Connection],
    changes: &[Change],
    phases: &[Phase],
    ledger: &Ledger,
) -> Vec<Check> {
    vec![counters(ledger), web_servers(ledger), failures(connections, changes), shares(connections, phases)]
}

/// Prints what was found, and whether all of it holds.
pub fn pronounce(checks: &[Check]) -> bool {
    for check in checks {
        println!("  {} {}", if check.holds { "✓" } else { "✗" }, check.text);
    }
    let good = checks.iter().all(|check| check.holds);
    println!("\nverdict: {}", if good { "good" } else { "bad" });
    good
}

fn counters(ledger: &Ledger) -> Check {
    let differ: Vec<&str> =
        ledger.rows.iter().filter(|row| !row.agrees()).map(|row| row.backend.as_str()).collect();
    let (packets, flows) =
        ledger.rows.iter().fold((0, 0), |sum, row| (sum.0 + row.edge.packets, sum.1 + row.edge.new_flows));
    let text = match (differ.is_empty(), packets) {
        (_, 0) => "the edge counted no packet".to_owned(),
        (true, _) => format!(
            "the edge's kernel and the servers' hosts agree on {} packets and {} new flows",
            number(packets),
            number(flows)
        ),
        (false, _) => format!("the edge's kernel and the servers' hosts differ on {}", differ.join(", ")),
    };
    Check { holds: differ.is_empty() && packets > 0, text }
}

fn web_servers(ledger: &Ledger) -> Check {
    let wrong = ledger.accepted.iter().find(|entry| {
        let rows = ledger.rows.iter().filter(|row| row.backend == entry.backend);
        let (answered, syns) = rows.fold((0, 0), |sum, row| (sum.0 + row.answered, sum.1 + row.arrived.syns));
        // A SYN that was sent again counts twice; a connection that broke was perhaps never accepted.
        entry.connections < answered || entry.connections > syns
    });
    match wrong {
        None => {
            let total = ledger.accepted.iter().map(|entry| entry.connections).sum();
            Check {
                holds: true,
                text: format!("the web servers accepted {} connections, and no other", number(total)),
            }
        }
        Some(entry) => Check {
            holds: false,
            text: format!(
                "nginx on {} accepted {} connections, which fits neither its host nor the client",
                entry.backend, entry.connections
            ),
        },
    }
}

fn failures(connections: &[Connection], changes: &[Change]) -> Check {
    let failed: Vec<&Connection> =
        connections.iter().filter(|connection| connection.outcome.is_err()).collect();
    let by_change = |connection: &&&Connection| changes.iter().any(|change| change.touches(connection));
    let interrupted = failed.iter().filter(by_change).count();
    let other = failed.len() - interrupted;
    let total = number(connections.len() as u64);
    let text = if failed.is_empty() {
        format!("all {total} connections were answered")
    } else {
        let example = failed.iter().find(|c| !by_change(c)).or(failed.first());
        let reason =
            example.and_then(|connection| connection.outcome.as_ref().err()).map_or("", String::as_str);
        format!(
            "of {total} connections, {interrupted} were interrupted by a change and {other} failed otherwise ({reason})"
        )
    };
    let few = interrupted as f64 <= connections.len() as f64 * INTERRUPTED_SHARE;
    Check { holds: other == 0 && few && !connections.is_empty(), text }
}

fn shares(connections: &[Connection], phases: &[Phase]) -> Check {
    let mut worst: (f64, String) = (0.0, String::new());
    for (index, phase) in phases.iter().enumerate() {
        for family in Family::ALL {
            let opened: Vec<&str> = connections
                .iter()
                .filter(|c| c.family == family && c.opened >= phase.began && c.opened < phase.ended)
                .filter_map(|c| c.outcome.as_deref().ok())
                .collect();
            let expected = |name: &str| {
                let share = phase.shares.iter().find(|(of, backend, _)| *of == family && backend == name);
                share.map_or(0.0, |(_, _, share)| *share)
            };
            let mut names: Vec<&str> = opened.clone();
            names.extend(phase.shares.iter().map(|(_, backend, _)| backend.as_str()));
            names.sort_unstable();
            names.dedup();
            for name in names {
                let count = opened.iter().filter(|answered| **answered == name).count();
                let off = deviations(count, opened.len(), expected(name));
                if off > worst.0 {
                    worst =
                        (off, format!("{name} answered {count} of {} in phase {}", opened.len(), index + 1));
                }
            }
        }
    }
    let (off, what) = worst;
    let holds = off <= DEVIATIONS;
    let text = if holds {
        "every backend's share is what its slots say, before, between and after the changes".to_owned()
    } else {
        format!("shares do not fit the slots: {what}, {off:.0} standard deviations off")
    };
    Check { holds, text }
}

/// How far a count is from what a share of the total says, in standard deviations of the binomial distribution.
fn deviations(count: usize, total: usize, share: f64) -> f64 {
    let (expected, total) = (total as f64 * share, total as f64);
    let deviation = (total * share * (1.0 - share)).sqrt().max(0.5);
    (count as f64 - expected).abs() / deviation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(opened_ms: u64, outcome: Result<&str, &str>) -> Connection {
        Connection {
            family: Family::V4,
            opened: Duration::from_millis(opened_ms),
            ended: Duration::from_millis(opened_ms + 10),
            outcome: outcome.map(str::to_owned).map_err(str::to_owned),
        }
    }

    fn change(at_ms: u64) -> Change {
        Change { began: Duration::from_millis(at_ms), ended: Duration::from_millis(at_ms + 50) }
    }

    #[test]
    fn failures_are_forgiven_only_around_a_change_and_only_few() {
        let mut connections: Vec<Connection> = (0..200).map(|ms| connection(ms, Ok("a"))).collect();
        assert!(failures(&connections, &[]).holds);
        connections.push(connection(5_000, Err("reset")));
        assert!(failures(&connections, &[change(4_500)]).holds);
        assert!(!failures(&connections, &[change(9_000)]).holds);
        assert!(!failures(&connections, &[]).holds);
        connections.extend([connection(5_001, Err("reset")), connection(5_002, Err("reset"))]);
        assert!(!failures(&connections, &[change(4_500)]).holds, "3 of 203 are too many");
        assert!(!failures(&[], &[]).holds);
    }

    #[test]
    fn shares_must_fit_the_slots_in_every_phase() {
        let even = vec![(Family::V4, "a".to_owned(), 0.5), (Family::V4, "b".to_owned(), 0.5)];
        let phase = Phase { began: Duration::ZERO, ended: Duration::from_secs(9), shares: even };
        let spread: Vec<Connection> =
            (0..1000).map(|ms| connection(ms, Ok(if ms % 2 == 0 { "a" } else { "b" }))).collect();
        assert!(shares(&spread, std::slice::from_ref(&phase)).holds);
        let starved: Vec<Connection> =
            (0..1000).map(|ms| connection(ms, Ok(if ms % 3 == 0 { "a" } else { "b" }))).collect();
        assert!(!shares(&starved, std::slice::from_ref(&phase)).holds);
        let stranger: Vec<Connection> =
            spread.into_iter().chain((0..9).map(|ms| connection(ms, Ok("c")))).collect();
        assert!(!shares(&stranger, &[phase]).holds, "a backend without slots must get nothing");
    }
}
