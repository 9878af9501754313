//! What checks say.

use std::fmt;

use super::{
    Family,
    family::Figure,
    sheet::{Sheet, Value},
};
use crate::{
    api::types::{BackendHealth, HealthStatus, PoolHealth},
    health::verdict::Verdict,
};

const POOL: &[&str] = &["pool"];
const BACKEND: &[&str] = &["pool", "backend", "address"];

const ALARM: Family = Family::gauge(
    "anycast_health_alarm",
    &[],
    "1 while somebody should look: a pool is in panic or has too few healthy backends, or the whole site fails",
);
const HEALTHY: Family =
    Family::gauge("anycast_pool_healthy_backends", POOL, "Backends of a pool that are up by their checks");
const ACTIVE: Family =
    Family::gauge("anycast_pool_active_backends", POOL, "Backends of a pool that are active, and no backups");
const NEEDED: Family =
    Family::gauge("anycast_pool_needed_backends", POOL, "Backends of a pool that must be up");
const ENOUGH: Family =
    Family::gauge("anycast_pool_enough", POOL, "1 while a pool has as many healthy backends as it needs");
const PANIC: Family = Family::gauge(
    "anycast_pool_panic",
    POOL,
    "1 while so many backends of a pool fail at once that nobody is taken out",
);
const VERDICT: Family = Family::gauge(
    "anycast_backend_verdict",
    &["pool", "backend", "address", "verdict"],
    "1 with the verdict of a backend's checks: up, down, or unknown while there are too few results",
);
const CHECKS: Family = Family::counter(
    "anycast_backend_checks_total",
    &["pool", "backend", "address", "result"],
    "Checks of a backend that ended, since the daemon began: passed, failed, drain where it asked for that, inconclusive where \
     this host could not ask",
);
const DURATION: Family = Family::gauge(
    "anycast_backend_check_duration_seconds",
    BACKEND,
    "Time that the last check of a backend took. Absent before the first",
);
const SHARE: Family = Family::gauge(
    "anycast_backend_share_ratio",
    BACKEND,
    "Share of its weight that a backend gets: below 1 while it starts slowly, or is loaded",
);
const TROUBLE: Family =
    Family::gauge("anycast_backend_check_trouble", BACKEND, "1 while a backend cannot be checked");
const PENALTY: Family = Family::gauge(
    "anycast_backend_flap_penalty_seconds",
    BACKEND,
    "Time for which every check must still pass before a backend that went down too often is taken back; 0 for others",
);
const CHECKED: Family = Family::gauge("anycast_checker_backends", &[], "Backends that are checked");
const UNDER_WAY: Family =
    Family::gauge("anycast_checker_checks_under_way", &[], "Checks that have no answer yet");
const LATE: Family = Family::gauge(
    "anycast_checker_late_seconds",
    &[],
    "Time by which the check that is most overdue is late: above some tenths of a second the checker has too much to do",
);

pub const FAMILIES: &[Family] = &[
    ALARM, HEALTHY, ACTIVE, NEEDED, ENOUGH, PANIC, VERDICT, CHECKS, DURATION, SHARE, TROUBLE, PENALTY,
    CHECKED, UNDER_WAY, LATE,
];

pub fn write(sheet: &mut Sheet<'_>, health: Option<&HealthStatus>) -> fmt::Result {
    let pools = health.map_or(&[][..], |health| &health.pools);
    sheet.any(&ALARM, health.map(|health| health.alarm))?;
    let figures: [Figure<PoolHealth, u64>; 5] = [
        (HEALTHY, |pool| pool.healthy.into()),
        (ACTIVE, |pool| pool.active.into()),
        (NEEDED, |pool| pool.needed.into()),
        (ENOUGH, |pool| pool.enough.into()),
        (PANIC, |pool| pool.panic.is_some().into()),
    ];
    for (family, figure) in figures {
        sheet.rows(&family, pools.iter().map(|pool| ([&*pool.name], figure(pool))))?;
    }
    write_backends(sheet, pools)?;
    let checker = health.map(|health| health.checker);
    sheet.any(&CHECKED, checker.map(|checker| checker.backends))?;
    sheet.any(&UNDER_WAY, checker.map(|checker| checker.under_way))?;
    sheet.any(&LATE, checker.map(|checker| checker.late_ms as f64 / 1e3))
}

fn write_backends(sheet: &mut Sheet<'_>, pools: &[PoolHealth]) -> fmt::Result {
    let rows: Vec<(&str, &BackendHealth, String)> = pools
        .iter()
        .flat_map(|pool| pool.backends.iter().map(|it| (&*pool.name, it, it.address.to_string())))
        .collect();
    let verdicts = rows.iter().map(|(pool, backend, address)| {
        let verdict = match backend.verdict {
            Verdict::Unknown => "unknown",
            Verdict::Up => "up",
            Verdict::Down => "down",
        };
        ([*pool, &*backend.name, &**address, verdict], 1_u64)
    });
    sheet.rows(&VERDICT, verdicts)?;
    let checks = rows.iter().flat_map(|(pool, backend, address)| {
        let checks = backend.checks;
        let results = [
            ("passed", checks.passed),
            ("failed", checks.failed),
            ("drain", checks.drain),
            ("inconclusive", checks.inconclusive),
        ];
        results.map(|(result, count)| ([*pool, &*backend.name, &**address, result], count))
    });
    sheet.rows(&CHECKS, checks)?;
    let figures: [Figure<BackendHealth, Option<Value>>; 4] = [
        (DURATION, |backend| Some((backend.results.first()?.latency_us as f64 / 1e6).into())),
        (SHARE, |backend| Some((f64::from(backend.share_per_mille) / 1e3).into())),
        (TROUBLE, |backend| Some(backend.trouble.is_some().into())),
        (PENALTY, |backend| Some(backend.penalty.map_or(0.0, |penalty| penalty.left_ms as f64 / 1e3).into())),
    ];
    for (family, figure) in figures {
        let rows = rows.iter().filter_map(|(pool, backend, address)| {
            Some(([*pool, &*backend.name, &**address], figure(backend)?))
        });
        sheet.rows(&family, rows)?;
    }
    Ok(())
}
