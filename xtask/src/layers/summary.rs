//! Counts what libtest prints.

use std::fmt;

/// Sums of test results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that were not run because they are marked `ignore`.
    pub skipped: usize,
    /// Names of the failed ones.
    pub failed_names: Vec<String>,
    /// Names of those that failed beside others and passed alone; counted as passed.
    pub repeated_names: Vec<String>,
    /// Names of the skipped ones, with the reason when there is one.
    pub skipped_names: Vec<String>,
}

impl Summary {
    /// Takes one line of output into account; most lines mean nothing.
    pub fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.skipped += count(counts, "ignored");
        } else if let Some((name, outcome)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            if outcome == "FAILED" {
                self.failed_names.push(name.to_owned());
            } else if let Some(reason) = outcome.strip_prefix("ignored") {
                self.skipped_names.push(format!("{name}{reason}"));
            }
        }
    }

    /// Adds another's counts to these.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failed_names.extend(other.failed_names);
        self.repeated_names.extend(other.repeated_names);
        self.skipped_names.extend(other.skipped_names);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed", self.passed)?;
        if !self.repeated_names.is_empty() {
            write!(f, " ({} of them at the second try)", self.repeated_names.len())?;
        }
        write!(f, ", {} failed, {} skipped", self.failed, self.skipped)
    }
}

/// The number before a word, in `ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
fn count(counts: &str, word: &str) -> usize {
    let words = counts.split([' ', ';', '.']).filter(|word| !word.is_empty());
    let mut before = "";
    for current in words {
        if current == word {
            return before.parse().unwrap_or(0);
        }
        before = current;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(output: &str) -> Summary {
        let mut summary = Summary::default();
        output.lines().for_each(|line| summary.line(line));
        summary
    }

    #[test]
    fn results_of_several_programs_add_up() {
        let sum = summary(
            "running 3 tests\n\
             test a::b ... ok\n\
             test a::c ... FAILED\n\
             test a::d ... ignored, needs two hosts\n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s\n\
             test src/lib.rs - x (line 3) ... ignored\n\
             test result: ok. 20 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n",
        );
        assert_eq!(sum.to_string(), "21 passed, 1 failed, 2 skipped");
        assert_eq!(sum.failed_names, ["a::c"]);
        assert_eq!(sum.skipped_names, ["a::d, needs two hosts", "src/lib.rs - x (line 3)"]);
    }

    #[test]
    fn other_lines_mean_nothing() {
        let sum = summary("3 passed\ntest result\ntesting 5 failed\nerror: could not compile\n\n");
        assert_eq!(sum, Summary::default());
    }
}
