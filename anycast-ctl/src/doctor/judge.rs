//! What an edge host needs, held against what there is: pure functions.

use super::{Check, facts::Facts};
use crate::finding::{self, Finding, State};

mod address;
mod host;
mod instance;
mod interface;
#[cfg(test)]
mod tests;

/// Every finding: the host first, then the instance, then each interface.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = host::judge(facts);
    findings.extend(instance::judge(facts));
    findings.extend(address::vips(facts));
    findings.extend(facts.missing.iter().map(|name| interface::missing(name, &facts.existing)));
    for device in &facts.devices {
        let name = &device.interface.name;
        let about = interface::judge(device, facts).into_iter().chain(address::judge(device, facts));
        findings.extend(about.map(|finding| finding.of(name)));
    }
    findings
}

fn ok(check: Check, found: impl Into<String>) -> Finding {
    finding::ok(check.label(), found.into())
}

fn warn(check: Check, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    finding::bad(check.label(), State::Warn, found.into(), advice.into())
}

fn fail(check: Check, found: impl Into<String>, advice: impl Into<String>) -> Finding {
    finding::bad(check.label(), State::Fail, found.into(), advice.into())
}
