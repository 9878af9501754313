//! What a kernel came to, read from what the programs print.

use std::{collections::BTreeMap, fmt};

/// Programs that every kernel is to load, as those who count call them.
const PROGRAMS: [&str; 8] =
    ["anycast", "anycast_linear", "trace", "trace_linear", "tapped", "receive", "receive_linear", "probe"];

/// The oldest kernel that the programs are for; `doctor` says the same of it. docs/kernels.md has why.
const OLDEST: [u32; 2] = [5, 15];

/// What a guest's lines tell of, and the words for it: all is well, or not.
const KINDS: [(&str, &str, &str); 4] = [
    ("tests", "tests pass", "tests FAIL"),
    ("steers", "steers by", "does NOT steer by"),
    ("does", "does", "does NOT"),
    ("refuses", "refuses clearly", "does NOT refuse clearly"),
];

/// What a kernel is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// All programs load, all tests pass, connections come through.
    Runs,
    /// It is too old, and is told so.
    Refuses,
    /// All programs load; nothing else is tried.
    Counts,
}

impl Expected {
    /// Of a release as `uname -r` says it.
    pub fn of(release: &str) -> Self {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>());
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if [major, minor] < OLDEST => Self::Refuses,
            _ => Self::Runs,
        }
    }
}

/// A kernel's results, in their order.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    expected: Expected,
    /// Instructions that the verifier walked, by program.
    verified: BTreeMap<String, u32>,
    /// Kind, name, and whether it holds.
    results: Vec<(&'static str, String, bool)>,
    /// The guest came to its end.
    is_complete: bool,
}

impl Report {
    /// Reads the lines that begin with `result `, and those that say how large a program is; the rest is for people.
    pub fn read(console: &str, expected: Expected) -> Self {
        let mut report =
            Self { expected, verified: BTreeMap::new(), results: Vec::new(), is_complete: false };
        for line in console.lines() {
            if let Some((name, count)) = size(line) {
                report.verified.insert(name.to_owned(), count);
            }
            let Some(result) = line.trim_end().strip_prefix("result ") else { continue };
            match result.split(' ').collect::<Vec<_>>()[..] {
                ["end"] => report.is_complete = true,
                [kind, name, status] => {
                    if let Some((kind, ..)) = KINDS.iter().find(|known| known.0 == kind) {
                        report.results.push((kind, name.to_owned(), status == "0"));
                    }
                }
                _ => {}
            }
        }
        report
    }

    /// Whether everything that was to be tried was, and held.
    pub fn is_good(&self) -> bool {
        let tried = |kind: &str| self.results.iter().any(|result| result.0 == kind);
        let is_tried = match self.expected {
            Expected::Runs => ["tests", "steers", "does"].into_iter().all(tried) && self.missing().is_empty(),
            Expected::Refuses => tried("refuses"),
            Expected::Counts => self.missing().is_empty(),
        };
        let is_complete = self.is_complete || self.expected == Expected::Counts;
        is_complete && is_tried && self.results.iter().all(|(_, _, holds)| *holds)
    }

    /// Instructions that the verifier walked, by program.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.verified.clone()
    }

    /// Programs of which nobody said that they were loaded.
    fn missing(&self) -> Vec<&'static str> {
        if self.expected == Expected::Refuses {
            return Vec::new();
        }
        PROGRAMS.into_iter().filter(|name| !self.verified.contains_key(*name)).collect()
    }
}

/// `NAME: verified instructions N, …`, as tests print it.
fn size(line: &str) -> Option<(&str, u32)> {
    let (name, rest) = line.split_once(": verified instructions ")?;
    let count = rest.split(',').next()?.trim().parse().ok()?;
    Some((name, count))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (kind, well, badly) in KINDS {
            for (said, wanted) in [(well, true), (badly, false)] {
                let of_kind = self.results.iter().filter(|result| (result.0, result.2) == (kind, wanted));
                let names: Vec<&str> = of_kind.map(|result| result.1.as_str()).collect();
                if !names.is_empty() {
                    parts.push(format!("{said} {}", names.join(", ")));
                }
            }
        }
        if !self.verified.is_empty() {
            let counts = self.verified.iter().map(|(name, count)| format!("{name} {count}"));
            parts.push(format!("verified instructions: {}", counts.collect::<Vec<_>>().join(", ")));
        }
        let missing = self.missing();
        if !missing.is_empty() {
            parts.push(format!("NOT loaded: {}", missing.join(", ")));
        }
        if !self.is_complete && self.expected != Expected::Counts {
            parts.push("the guest did NOT come to its end".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a test prints of all programs.
    fn sizes() -> String {
        PROGRAMS.map(|name| format!("{name}: verified instructions 100, JIT bytes 7\r\n")).concat()
    }

    #[test]
    fn results_are_told_from_other_lines() {
        let console = "booting\r\nreceive: verified instructions 3994, JIT bytes 9\r\nresult tests packets 0\r\n\
                       result tests receive 101\r\nresult steers l2 0\r\nresult steers gue-linear 1\r\nresult end\r\n";
        let report = Report::read(console, Expected::Runs);
        assert_eq!(
            report.to_string(),
            "tests pass packets; tests FAIL receive; steers by l2; does NOT steer by gue-linear; \
             verified instructions: receive 3994; \
             NOT loaded: anycast, anycast_linear, trace, trace_linear, tapped, receive_linear, probe"
        );
        assert!(!report.is_good());
        assert_eq!(report.counts(), BTreeMap::from([("receive".to_owned(), 3994)]));
    }

    #[test]
    fn a_kernel_is_good_when_everything_was_tried_and_held() {
        let is_good = |text: &str| Report::read(&(sizes() + text), Expected::Runs).is_good();
        let whole = "result tests packets 0\nresult steers l2 0\nresult does capture 0\nresult end";
        assert!(is_good(whole));
        for line in whole.lines() {
            assert!(!is_good(&whole.replace(line, "")), "{line}");
        }
        assert!(!is_good(&whole.replace("capture 0", "capture 1")));
        assert!(!Report::read(whole, Expected::Runs).is_good(), "no program was loaded");
    }

    #[test]
    fn a_kernel_that_is_too_old_is_good_when_it_says_so() {
        let report = |text| Report::read(text, Expected::Refuses);
        assert!(report("result refuses run 0\nresult refuses doctor 0\nresult end").is_good());
        assert!(!report("result refuses run 0\nresult refuses doctor 1\nresult end").is_good());
        assert!(!report("result end").is_good());
        assert!(!report("result refuses run 0").is_good());
    }

    #[test]
    fn where_programs_are_only_counted_all_have_to_be() {
        assert!(Report::read(&sizes(), Expected::Counts).is_good());
        assert!(!Report::read(&sizes().replace("tapped", "other"), Expected::Counts).is_good());
    }

    #[test]
    fn kernels_before_the_oldest_are_to_refuse() {
        for (release, expected) in [
            ("5.10.0-46-cloud-amd64", Expected::Refuses),
            ("4.19.0-1-amd64", Expected::Refuses),
            ("5.15.0-91-generic", Expected::Runs),
            ("6.1.0-56-cloud-amd64", Expected::Runs),
            ("7.3.4+deb13-cloud-amd64", Expected::Runs),
            ("odd", Expected::Runs),
        ] {
            assert_eq!(Expected::of(release), expected, "{release}");
        }
    }
}
