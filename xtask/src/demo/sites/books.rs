//! What the demo found, and what the client says of it.

use std::time::Duration;

use super::moves::Moves;
use crate::demo::{client::Connection, number, verdict::Check};

/// A connection that was opened this short before or after a change may have seen either.
const SETTLING: Duration = Duration::from_millis(500);

/// Of all connections, this share at most may fail because routes came back while they were under way.
const RETURNED_SHARE: f64 = 0.001;

/// Findings, and what to hold the client's connections against.
#[derive(Debug, Default)]
pub struct Books {
    checks: Vec<Check>,
    phases: Vec<Phase>,
    excuses: Vec<Excuse>,
    moves: Vec<Moves>,
}

/// Why connections may fail that were under way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody could know yet that those had fallen who served them.
    Unnoticed,
    /// Routes came back to a site or an edge, and took them to a host that had not seen them open.
    Returned,
}

#[derive(Debug)]
struct Excuse {
    fault: Fault,
    began: Duration,
    ended: Duration,
}

impl Excuse {
    fn covers(&self, connection: &Connection) -> bool {
        let slack = self.fault.slack();
        connection.ended + slack >= self.began && connection.opened <= self.ended + slack
    }
}

impl Fault {
    /// So much earlier or later than was noted it may have had an effect.
    const fn slack(self) -> Duration {
        match self {
            Self::Unnoticed => SETTLING,
            // When routes changed is known well; how late the client was is not.
            Self::Returned => Duration::from_millis(100),
        }
    }
}

/// A time in which one site's backends serve all.
#[derive(Debug)]
struct Phase {
    site: &'static str,
    began: Duration,
    ended: Duration,
}

impl Books {
    /// Notes something that must hold.
    pub fn find(&mut self, holds: bool, text: String) {
        self.checks.push(Check { holds, text });
    }

    /// From then to then all new connections are one site's; counted since the traffic started.
    pub fn serves(&mut self, site: &'static str, began: Duration, ended: Duration) {
        self.phases.push(Phase { site, began, ended });
    }

    /// From then to then connections may fail for that reason.
    pub fn forgive(&mut self, fault: Fault, began: Duration, ended: Duration) {
        self.excuses.push(Excuse { fault, began, ended });
    }

    /// What routes did while they were to move once.
    pub fn moved(&mut self, moves: Moves) {
        self.moves.push(moves);
    }

    /// Everything that must hold.
    pub fn close(mut self, connections: &[Connection]) -> Vec<Check> {
        let found = [self.routes(), self.failures(connections), self.sites(connections)];
        self.checks.extend(found);
        self.checks
    }

    fn routes(&self) -> Check {
        let changes: usize = self.moves.iter().map(|moves| moves.changes).sum();
        let gaps: usize = self.moves.iter().map(|moves| moves.gaps).sum();
        let flaps: Vec<String> = (1..)
            .zip(&self.moves)
            .flat_map(|(number, moves)| moves.flaps.iter().map(move |flap| (number, flap)))
            .map(|(number, (edge, vip))| format!("that by {edge} to {vip} in move {number}"))
            .collect();
        let text = format!(
            "transit's routes moved {} times, in {changes} changes: {}, and {}",
            self.moves.len(),
            if flaps.is_empty() {
                "none came or went twice in a move".to_owned()
            } else {
                format!("some came and went, {}", flaps.join(", "))
            },
            if gaps == 0 {
                "a VIP always had one".to_owned()
            } else {
                format!("a VIP had none {gaps} times")
            }
        );
        Check { holds: flaps.is_empty() && gaps == 0 && !self.moves.is_empty(), text }
    }

    fn failures(&self, connections: &[Connection]) -> Check {
        let failed: Vec<&Connection> =
            connections.iter().filter(|connection| connection.outcome.is_err()).collect();
        let excuse = |connection: &Connection| {
            self.excuses.iter().find(|excuse| excuse.covers(connection)).map(|excuse| excuse.fault)
        };
        let count = |fault| failed.iter().filter(|connection| excuse(connection) == fault).count();
        let (unnoticed, returned) = (count(Some(Fault::Unnoticed)), count(Some(Fault::Returned)));
        let other = count(None);
        let number = |count: usize| number(count as u64);
        let mut text = format!(
            "of {} connections, {} failed before anybody could know that their servers had fallen, {} as routes came back under \
             them, and {} otherwise",
            number(connections.len()),
            number(unnoticed),
            number(returned),
            if other == 0 { "none".to_owned() } else { number(other) }
        );
        if let Some(first) = failed.iter().find(|connection| excuse(connection).is_none()) {
            let why = first.outcome.as_ref().err().map_or("", String::as_str);
            text.push_str(&format!(", the first at {:.1} s: {why}", first.ended.as_secs_f64()));
        }
        // What is under way at a moment is little; more would have another cause.
        let few = returned as f64 <= connections.len() as f64 * RETURNED_SHARE;
        Check { holds: other == 0 && few && !connections.is_empty(), text }
    }

    fn sites(&self, connections: &[Connection]) -> Check {
        let within = self.phases.iter().flat_map(|phase| {
            let is_within = |connection: &&Connection| {
                connection.opened >= phase.began + SETTLING && connection.ended + SETTLING <= phase.ended
            };
            connections.iter().filter(is_within).map(|connection| (phase.site, connection))
        });
        let (mut right, mut wrong) = (0_u64, Vec::new());
        for (site, connection) in within {
            match connection.outcome.as_deref() {
                Ok(backend) if backend.starts_with(site) => right += 1,
                Ok(backend) => wrong.push((connection.opened, backend)),
                Err(_) => {}
            }
        }
        let text = match wrong.first() {
            None => format!(
                "{} connections were answered by the site that they were to go to, and no other",
                number(right)
            ),
            Some((opened, backend)) => format!(
                "{} connections were answered by the wrong site, the first, opened at {:.1} s, by {backend}; {} by the right one",
                number(wrong.len() as u64),
                opened.as_secs_f64(),
                number(right)
            ),
        };
        Check { holds: wrong.is_empty() && right > 0, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Family;

    fn connection(at_ms: u64, outcome: Result<&str, &str>) -> Connection {
        let at = Duration::from_millis(at_ms);
        let outcome = outcome.map(str::to_owned).map_err(str::to_owned);
        Connection { family: Family::V4, opened: at, ended: at, outcome }
    }

    fn seconds(began: u64, ended: u64) -> (Duration, Duration) {
        (Duration::from_secs(began), Duration::from_secs(ended))
    }

    #[test]
    fn failures_need_a_reason_and_answers_come_from_the_right_site() {
        let mut books = Books::default();
        let (began, ended) = seconds(0, 5);
        books.serves("a", began, ended);
        let answered = [connection(1_000, Ok("a-web1")), connection(6_000, Ok("b-web1"))];
        assert!(books.failures(&answered).holds && books.sites(&answered).holds);
        assert!(!books.sites(&[connection(1_000, Ok("b-web1"))]).holds);
        let failed = [connection(2_000, Err("refused"))];
        assert!(!books.failures(&failed).holds);
        let (began, ended) = seconds(1, 2);
        books.forgive(Fault::Unnoticed, began, ended);
        assert!(books.failures(&failed).holds);
        assert!(!books.failures(&[]).holds && !books.sites(&[]).holds);
    }

    #[test]
    fn few_may_fail_as_routes_come_back_and_only_those_under_way() {
        let mut books = Books::default();
        books.forgive(Fault::Returned, Duration::from_secs(5), Duration::from_secs(5));
        let mut connections: Vec<Connection> = (0..2_000).map(|ms| connection(ms, Ok("a-web1"))).collect();
        connections.push(connection(4_950, Err("reset")));
        let check = books.failures(&connections);
        assert!(check.holds && check.text.contains(" 1 as routes came back"), "{}", check.text);
        connections.extend([connection(4_951, Err("reset")), connection(4_952, Err("reset"))]);
        assert!(!books.failures(&connections).holds, "3 of 2,003 are too many");
        connections.truncate(2_000);
        connections.push(connection(4_800, Err("reset")));
        let check = books.failures(&connections);
        assert!(
            !check.holds && check.text.ends_with("1 otherwise, the first at 4.8 s: reset"),
            "{}",
            check.text
        );
    }

    #[test]
    fn routes_that_come_and_go_are_named() {
        let mut books = Books::default();
        assert!(!books.routes().holds, "none moved at all");
        books.moved(Moves { changes: 4, ..Moves::default() });
        let check = books.routes();
        assert!(check.holds && check.text.contains("moved 1 times, in 4 changes"), "{}", check.text);
        books.moved(Moves { gaps: 1, ..Moves::default() });
        assert!(!books.routes().holds);
        let flap = ("a1".to_owned(), "192.0.2.1".parse().unwrap());
        books.moved(Moves { changes: 3, gaps: 0, flaps: vec![flap] });
        assert!(books.routes().text.contains("by a1 to 192.0.2.1 in move 3"));
    }
}
