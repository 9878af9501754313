//! The daemon: its version, whether the dataplane has what is desired, and what it costs to keep it so.

use std::fmt;

use super::{Family, Gathered, sheet::Sheet};

const BUILD: Family = Family::gauge("anycast_build_info", &["version"], "1, with the version of the daemon");
const UPTIME: Family = Family::gauge("anycast_uptime_seconds", &[], "Time since the daemon started steering");
const REVISION: Family =
    Family::gauge("anycast_desired_revision", &[], "The desired revision; 0 before the first");
const APPLIED: Family =
    Family::gauge("anycast_applied_revision", &[], "The newest revision that the dataplane has");
const SETTLED: Family = Family::gauge(
    "anycast_settled",
    &[],
    "1 when the next hop of every backend has been looked up, with whatever result",
);
const BEHIND: Family =
    Family::gauge("anycast_behind", &[], "1 while something keeps the dataplane from the desired state");
const ATTEMPTS: Family = Family::gauge(
    "anycast_behind_attempts",
    &[],
    "Times that it was tried in vain to bring the dataplane to the desired state; 0 while it has it",
);
const RECONCILE: Family = Family::histogram(
    "anycast_reconcile_duration_seconds",
    "Time that it took to bring the maps to the desired state",
);
const FAILURES: Family = Family::counter(
    "anycast_reconcile_failures_total",
    &[],
    "Times that bringing the maps to the desired state left something undone",
);
const DRIFT_CHECKS: Family = Family::counter(
    "anycast_drift_checks_total",
    &[],
    "Times that the maps were compared with what was put there, since the daemon began",
);
const DRIFT_REPAIRED: Family = Family::counter(
    "anycast_drift_repaired_total",
    &[],
    "Things in the maps that somebody else had changed and that were put right, since the daemon began",
);
const COUNTERS_READ: Family = Family::histogram(
    "anycast_counters_read_duration_seconds",
    "Time that it took to read all counters from the maps, for a scrape or another status",
);
const COLLECT: Family = Family::gauge(
    "anycast_scrape_collect_duration_seconds",
    &[],
    "Time that it took to collect what is in this scrape; writing it as text comes on top",
);
const PARTS: Family = Family::gauge(
    "anycast_scrape_part_present",
    &["part"],
    "1 for parts of the daemon that answered in time; the metrics of one that did not are missing from this scrape",
);

pub const FAMILIES: &[Family] = &[
    BUILD,
    UPTIME,
    REVISION,
    APPLIED,
    SETTLED,
    BEHIND,
    ATTEMPTS,
    RECONCILE,
    FAILURES,
    DRIFT_CHECKS,
    DRIFT_REPAIRED,
    COUNTERS_READ,
    COLLECT,
    PARTS,
];

pub fn write(sheet: &mut Sheet<'_>, gathered: &Gathered) -> fmt::Result {
    let (status, meters) = (&gathered.snapshot.status, &gathered.meters);
    let desired = &status.desired;
    sheet.rows(&BUILD, [([&*status.version], 1_u64)])?;
    sheet.one(&UPTIME, status.uptime_seconds)?;
    sheet.one(&REVISION, desired.revision)?;
    sheet.one(&APPLIED, desired.applied)?;
    sheet.one(&SETTLED, desired.settled)?;
    sheet.one(&BEHIND, desired.behind.is_some())?;
    sheet.one(&ATTEMPTS, desired.behind.as_ref().map_or(0, |behind| behind.attempts))?;
    sheet.histogram(&RECONCILE, &meters.reconcile)?;
    sheet.one(&FAILURES, meters.reconcile_failures.get())?;
    sheet.one(&DRIFT_CHECKS, status.drift.checks)?;
    sheet.one(&DRIFT_REPAIRED, status.drift.repaired)?;
    sheet.histogram(&COUNTERS_READ, &meters.counters_read)?;
    sheet.one(&COLLECT, gathered.took.as_secs_f64())?;
    let parts = [("health", gathered.health.is_some()), ("announce", gathered.announcements.is_some())];
    sheet.rows(&PARTS, parts.map(|(part, present)| ([part], present)))
}
