//! What was looked at on this machine, how it came out, and what to do about it: of `doctor` and of `receive check`.

use serde::{Deserialize, Serialize};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at: `program`, `vip`, `arp_ignore`, …
    pub check: String,
    /// Whose: the name of an interface or of a VIP. Absent where the whole host is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether it is as it must be.
    pub state: State,
    /// What there is.
    pub found: String,
    /// What to do, mostly a command; absent where nothing is to be done. After `, or` comes another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it must be.
    Ok,
    /// It works, but not as well, or not for everybody.
    Warn,
    /// Packets are lost, or reach the wrong host.
    Fail,
}

impl State {
    /// `ok`, `warn` or `fail`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl Finding {
    /// The same, of an interface or of a VIP.
    pub fn of(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }
}

/// A finding that wants nothing done.
pub fn ok(check: &str, found: String) -> Finding {
    Finding { check: check.to_owned(), subject: None, state: State::Ok, found, advice: None }
}

/// One that does.
pub fn bad(check: &str, state: State, found: String, advice: String) -> Finding {
    Finding { check: check.to_owned(), subject: None, state, found, advice: Some(advice) }
}

/// How many came out so.
pub fn count(findings: &[Finding], state: State) -> usize {
    findings.iter().filter(|finding| finding.state == state).count()
}

/// A line for each, the checks' names in a column.
pub fn page(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let line = |Finding { check, subject, state, found, advice }: &Finding| {
        let subject = subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
        let advice = advice.as_ref().map(|advice| format!(": {advice}")).unwrap_or_default();
        format!("{:<4}  {check:<width$}  {subject}{found}{advice}\n", state.label())
    };
    findings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_whose_it_is_and_what_to_do() {
        let findings = [
            ok("kernel", "Linux 6.1.0".into()),
            bad("lro", State::Fail, "on".into(), "ethtool -K eth0 lro off".into()).of("eth0"),
        ];
        assert_eq!(
            page(&findings),
            "ok    kernel  Linux 6.1.0\nfail  lro     eth0: on: ethtool -K eth0 lro off\n"
        );
        assert_eq!(count(&findings, State::Fail), 1);
    }
}
