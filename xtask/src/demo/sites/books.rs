//! What the demo found, and what the client says of it.

use std::time::Duration;

use crate::demo::{client::Connection, number, verdict::Check};

/// A connection that was opened this short before or after a change may have seen either.
const SETTLING: Duration = Duration::from_millis(500);

/// Findings, and what to hold the client's connections against.
#[derive(Debug, Default)]
pub struct Books {
    checks: Vec<Check>,
    phases: Vec<Phase>,
    /// Times in which connections may fail.
    faults: Vec<(Duration, Duration)>,
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

    /// From then to then connections may fail: nobody can know yet that those fell who serve them.
    pub fn forgive(&mut self, began: Duration, ended: Duration) {
        self.faults.push((began, ended));
    }

    /// Everything that must hold.
    pub fn close(mut self, connections: &[Connection]) -> Vec<Check> {
        let failures = self.failures(connections);
        self.checks.push(failures);
        let sites = self.sites(connections);
        self.checks.push(sites);
        self.checks
    }

    fn failures(&self, connections: &[Connection]) -> Check {
        let failed = connections.iter().filter(|connection| connection.outcome.is_err());
        let (faults, other): (Vec<_>, Vec<_>) = failed.partition(|connection| {
            let meets = |(began, ended): &(Duration, Duration)| {
                connection.ended + SETTLING >= *began && connection.opened <= *ended + SETTLING
            };
            self.faults.iter().any(meets)
        });
        let total = number(connections.len() as u64);
        let text = match other.first().and_then(|connection| connection.outcome.as_ref().err()) {
            None if faults.is_empty() => format!("all {total} connections were answered"),
            None => format!(
                "of {total} connections, {} failed before anybody could know that their backends had fallen, and no other",
                number(faults.len() as u64)
            ),
            Some(why) => {
                format!("of {total} connections, {} failed for no reason ({why})", number(other.len() as u64))
            }
        };
        Check { holds: other.is_empty() && !connections.is_empty(), text }
    }

    fn sites(&self, connections: &[Connection]) -> Check {
        let mut counts = [0_u64; 2];
        for phase in &self.phases {
            let within = connections.iter().filter(|connection| {
                connection.opened >= phase.began + SETTLING && connection.ended + SETTLING <= phase.ended
            });
            for backend in within.filter_map(|connection| connection.outcome.as_deref().ok()) {
                let [right, wrong] = &mut counts;
                *if backend.starts_with(phase.site) { right } else { wrong } += 1;
            }
        }
        let [right, wrong] = counts;
        let text = if wrong == 0 {
            format!(
                "{} connections were answered by the site that they were to go to, and no other",
                number(right)
            )
        } else {
            format!(
                "{} connections were answered by the wrong site, {} by the right one",
                number(wrong),
                number(right)
            )
        };
        Check { holds: wrong == 0 && right > 0, text }
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
        books.forgive(began, ended);
        assert!(books.failures(&failed).holds);
        assert!(!books.failures(&[]).holds && !books.sites(&[]).holds);
    }
}
