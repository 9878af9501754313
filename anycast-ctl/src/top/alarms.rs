//! What somebody should look at.

use crate::{
    api::types::{HealthStatus, Status},
    cli::status::{ATTENTION, verdict},
};

/// What is wrong, or how things are while nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarms {
    /// One line each.
    pub alarms: Vec<String>,
    /// One line for when there is none.
    pub summary: String,
}

/// As `anycast-ctl status` has it, and what checks find of pools.
pub fn of(status: &Status, health: &HealthStatus) -> Alarms {
    let verdict = verdict(status);
    let mut alarms = Vec::new();
    let mut summary = String::new();
    for line in verdict.lines() {
        match line.strip_prefix(ATTENTION) {
            Some(alarm) => alarms.push(alarm.to_owned()),
            // Each backend that is missing has a line of its own below the one that counts them.
            None if line.starts_with(' ') => alarms.push(line.trim().to_owned()),
            None if summary.is_empty() => summary = line.to_owned(),
            None => {}
        }
    }
    if health.alarm {
        alarms.insert(0, format!("checks: {}", health.summary));
    }
    Alarms { alarms, summary }
}
