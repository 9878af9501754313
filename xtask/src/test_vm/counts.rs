//! Instructions that each kernel's verifier walked, as they are written down, and what has become of them.
//!
//! A verifier gives up at a million (`BPF_COMPLEXITY_LIMIT_INSNS`), and what it has to walk for a small change can be much:
//! it follows every way apart that it cannot tell to be alike.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::compile::workspace;

/// By how many per cent a program may grow unnoticed.
const ALLOWED_PERCENT: u64 = 10;

/// Instructions by program.
type Counts = BTreeMap<String, u32>;

/// What is written down, by series: `6.1`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Recorded(BTreeMap<String, Kernel>);

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Kernel {
    /// The release that was counted on.
    release: String,
    /// Instructions that its verifier walked.
    verified_instructions: Counts,
}

/// What is to be said of a count.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// More than is allowed.
    Jump { series: String, program: String, recorded: u32, counted: u32 },
    /// So much less that what is written down would hide the next jump.
    Fall { series: String, program: String, recorded: u32, counted: u32 },
    /// Nothing is written down.
    Unknown { series: String, programs: Vec<String> },
}

impl Recorded {
    /// Reads the file beside this one.
    pub fn read() -> Result<Self> {
        let path = path();
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read the counts in {}", path.display()))
    }

    /// Writes it.
    pub fn write(&self) -> Result<()> {
        let path = path();
        let text = serde_json::to_string_pretty(self).context("write down the counts")? + "\n";
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        eprintln!("the counts are in {}", path.display());
        Ok(())
    }

    /// Compares what a kernel counted. A program that grew from nothing is unknown; which ones there must be is the report's.
    pub fn compare(&self, release: &str, counted: &Counts) -> Result<Vec<Change>> {
        let series = series(release)?;
        let none = Counts::new();
        let recorded = self.0.get(&series).map_or(&none, |kernel| &kernel.verified_instructions);
        let mut changes = Vec::new();
        let mut programs = Vec::new();
        for (program, &counted) in counted {
            let Some(&recorded) = recorded.get(program) else {
                programs.push(program.clone());
                continue;
            };
            let (series, program) = (series.clone(), program.clone());
            if is_beyond(recorded, counted) {
                changes.push(Change::Jump { series, program, recorded, counted });
            } else if is_beyond(counted, recorded) {
                changes.push(Change::Fall { series, program, recorded, counted });
            }
        }
        if !programs.is_empty() {
            changes.push(Change::Unknown { series, programs });
        }
        Ok(changes)
    }

    /// Writes down what a kernel counted, in the place of what its series had. A kernel that counted nothing has nothing.
    pub fn take_over(&mut self, release: &str, counted: Counts) -> Result<()> {
        if !counted.is_empty() {
            let kernel = Kernel { release: release.to_owned(), verified_instructions: counted };
            self.0.insert(series(release)?, kernel);
        }
        Ok(())
    }
}

fn is_beyond(few: u32, many: u32) -> bool {
    u64::from(many) * 100 > u64::from(few) * (100 + ALLOWED_PERCENT)
}

/// `6.1` of `6.1.0-56-cloud-amd64`.
fn series(release: &str) -> Result<String> {
    let mut parts = release.split('.').take(2);
    let number = |part: Option<&str>| {
        let digits: String = part?.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let both = number(parts.next()).zip(number(parts.next()));
    let (major, minor) = both.with_context(|| format!("read the kernel release {release}"))?;
    Ok(format!("{major}.{minor}"))
}

fn path() -> PathBuf {
    workspace().join("xtask/src/test_vm/verified.json")
}

impl Change {
    /// Whether it is to be looked into before it is accepted.
    pub const fn is_jump(&self) -> bool {
        matches!(self, Self::Jump { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jump { series, program, recorded, counted } => {
                let percent = (f64::from(*counted) / f64::from((*recorded).max(1)) - 1.0) * 100.0;
                write!(
                    f,
                    "the verifier walks {counted} instructions of `{program}`, {percent:.1} % more than the {recorded} written \
                     down, and {ALLOWED_PERCENT} % are allowed. If that is meant, `cargo xtask test-vm {series} --record` \
                     accepts it"
                )
            }
            Self::Fall { series, program, recorded, counted } => write!(
                f,
                "the verifier walks {counted} instructions of `{program}`, much fewer than the {recorded} written down: \
                 `cargo xtask test-vm {series} --record` keeps it that way"
            ),
            Self::Unknown { series, programs } => write!(
                f,
                "nothing is written down for {}: `cargo xtask test-vm {series} --record` does",
                programs.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: &str = "6.1.0-56-cloud-amd64";

    fn counts(counts: &[(&str, u32)]) -> Counts {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn recorded() -> Recorded {
        let mut recorded = Recorded::default();
        recorded.take_over(RELEASE, counts(&[("anycast", 50_000), ("probe", 2000)])).unwrap();
        recorded
    }

    #[test]
    fn a_jump_is_told_from_what_is_allowed() {
        let compare = |count| recorded().compare(RELEASE, &counts(&[("anycast", count)])).unwrap();
        assert_eq!(compare(50_000), []);
        assert_eq!(compare(55_000), []);
        assert_eq!(compare(46_000), []);
        let jump = compare(55_001);
        assert!(jump[0].is_jump());
        assert_eq!(
            jump[0].to_string(),
            "the verifier walks 55001 instructions of `anycast`, 10.0 % more than the 50000 written down, and 10 % are allowed. \
             If that is meant, `cargo xtask test-vm 6.1 --record` accepts it"
        );
        let fall = compare(45_000);
        assert!(!fall[0].is_jump());
        assert!(fall[0].to_string().contains("much fewer"));
    }

    #[test]
    fn another_release_of_the_series_is_compared_and_another_series_is_not() {
        let counted = counts(&[("anycast", 90_000)]);
        assert!(recorded().compare("6.1.192", &counted).unwrap()[0].is_jump());
        let unknown = recorded().compare("6.12.117+deb12", &counted).unwrap();
        assert_eq!(
            unknown,
            [Change::Unknown { series: "6.12".to_owned(), programs: vec!["anycast".to_owned()] }]
        );
        assert!(recorded().compare("odd", &counted).unwrap_err().to_string().contains("odd"));
    }

    #[test]
    fn what_is_taken_over_replaces_its_series_only() {
        let mut all = recorded();
        all.take_over("6.12.1", counts(&[("anycast", 1)])).unwrap();
        all.take_over("6.1.193", counts(&[("anycast", 2)])).unwrap();
        all.take_over("5.10.0", Counts::new()).unwrap();
        assert_eq!(all.0.keys().collect::<Vec<_>>(), ["6.1", "6.12"]);
        assert_eq!(all.0["6.1"].release, "6.1.193");
        assert_eq!(all.0["6.1"].verified_instructions, counts(&[("anycast", 2)]));
    }

    /// The file can be read, and no verifier is near its limit.
    #[test]
    fn what_is_written_down_is_far_from_a_million() {
        let recorded = Recorded::read().unwrap();
        assert!(recorded.0.len() >= 2, "{:?}", recorded.0.keys());
        for (series, kernel) in &recorded.0 {
            assert_eq!(*series, super::series(&kernel.release).unwrap());
            for (program, count) in &kernel.verified_instructions {
                assert!((1..500_000).contains(count), "{series} {program} {count}");
            }
        }
    }
}
