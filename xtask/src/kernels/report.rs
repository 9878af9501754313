//! What a guest came to, read from its console.

use std::fmt;

/// A guest's results, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Names and verified instructions of programs.
    verified: Vec<(String, u32)>,
    /// Test programs, and whether all their tests passed.
    tests: Vec<(String, bool)>,
    /// Ways of delivery, and whether a connection came through.
    steers: Vec<(String, bool)>,
    /// The guest came to its end.
    is_complete: bool,
}

impl Report {
    /// Reads the lines that begin with `result `; the rest is for people.
    pub fn read(console: &str) -> Self {
        let mut report = Self::default();
        for line in console.lines() {
            let Some(result) = line.trim_end().strip_prefix("result ") else { continue };
            match result.split(' ').collect::<Vec<_>>()[..] {
                ["verified", name, count] => {
                    report.verified.push((name.to_owned(), count.parse().unwrap_or_default()));
                }
                ["tests", name, status] => report.tests.push((name.to_owned(), status == "0")),
                ["steers", way, status] => report.steers.push((way.to_owned(), status == "0")),
                ["end"] => report.is_complete = true,
                _ => {}
            }
        }
        report
    }

    /// Whether everything was tried, and held.
    pub fn is_good(&self) -> bool {
        let tried = !self.tests.is_empty() && !self.steers.is_empty();
        self.is_complete && tried && self.tests.iter().chain(&self.steers).all(|(_, holds)| *holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |of: &[(String, bool)], wanted: bool| {
            let names = of.iter().filter(|(_, holds)| *holds == wanted).map(|(name, _)| name.as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        for (said, of, wanted) in [
            ("tests pass", &self.tests, true),
            ("tests FAIL", &self.tests, false),
            ("steers by", &self.steers, true),
            ("does NOT steer by", &self.steers, false),
        ] {
            let names = list(of, wanted);
            if !names.is_empty() {
                parts.push(format!("{said} {names}"));
            }
        }
        if !self.verified.is_empty() {
            let counts = self.verified.iter().map(|(name, count)| format!("{name} {count}"));
            parts.push(format!("verified instructions: {}", counts.collect::<Vec<_>>().join(", ")));
        }
        if !self.is_complete {
            parts.push("the guest did NOT come to its end".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_from_other_lines() {
        let console = "booting\r\nresult verified receive 3994\r\nresult tests packets 0\r\nresult tests receive 101\r\n\
                       result steers l2 0\r\nresult steers gue-linear 1\r\nresult end\r\n";
        let report = Report::read(console);
        assert_eq!(
            report.to_string(),
            "tests pass packets; tests FAIL receive; steers by l2; does NOT steer by gue-linear; \
             verified instructions: receive 3994"
        );
        assert!(!report.is_good());
        assert!(Report::read("result tests packets 0\nresult steers l2 0\nresult end").is_good());
        assert!(!Report::read("result tests packets 0\n").is_good());
        assert!(!Report::read("result end").is_good());
    }
}
