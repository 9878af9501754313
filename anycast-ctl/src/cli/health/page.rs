//! What checks say, for people.

use crate::{
    api::types::{BackendHealth, CheckResult, HealthStatus, PoolHealth},
    cli::{
        table::{Align, render},
        unit,
    },
    health::verdict::Verdict,
};

/// A check that starts this late shows that there are too many.
const LATE_MS: u64 = 1_000;

/// Every pool.
pub fn all(health: &HealthStatus) -> String {
    if health.pools.iter().all(|pool| pool.backends.is_empty()) {
        return "No pool is checked: give one a check with `anycast-ctl pool check`, or in the site file.\n"
            .to_owned();
    }
    let word = if health.alarm { "ALARM" } else { "Health" };
    let mut page = format!("{word}: {}.\n", health.summary);
    if health.checker.late_ms >= LATE_MS {
        page += &format!(
            "The checks are {} late: there are too many of them, or too short intervals.\n",
            unit::milliseconds(health.checker.late_ms)
        );
    }
    for pool in health.pools.iter().filter(|pool| !pool.backends.is_empty()) {
        page += "\n";
        page += &of_pool(pool);
    }
    page
}

fn of_pool(pool: &PoolHealth) -> String {
    let PoolHealth { name, healthy, active, needed, .. } = pool;
    let mut title = format!("POOL {name}: {healthy} of {active} backends up");
    if !pool.enough {
        title += &format!(", {needed} needed");
    }
    if let Some(panic) = pool.panic {
        title += &format!(
            "; PANIC for {}: {} of {} fail at once, nobody is taken out",
            unit::duration(panic.seconds),
            panic.bad,
            panic.of
        );
    }
    let columns = [
        ("BACKEND", Align::Left),
        ("ADDRESS", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("SHARE", Align::Right),
        ("LATENCY", Align::Right),
        ("HISTORY", Align::Left),
        ("LAST RESULT", Align::Left),
    ];
    let rows = pool.backends.iter().map(|backend| {
        let last = backend.results.first();
        [
            backend.name.clone(),
            backend.address.to_string(),
            if backend.backup { format!("{}, backup", state(backend)) } else { state(backend) },
            unit::duration(backend.held_seconds),
            unit::share_of(backend.share_per_mille.into(), 1_000),
            last.map_or_else(|| "-".to_owned(), |last| unit::microseconds(last.latency_us)),
            backend.strip.clone(),
            remark(backend),
        ]
    });
    format!("{title}\n{}", render("  ", columns, rows))
}

/// The state in a word or two.
fn state(backend: &BackendHealth) -> String {
    match (backend.verdict, backend.in_service) {
        (Verdict::Up, _) if backend.asks_drain => "drains itself".to_owned(),
        (Verdict::Up, _) if backend.failed > 0 => format!("up, {} failed", backend.failed),
        (Verdict::Up, true) => "up".to_owned(),
        (Verdict::Up, false) => "up, not yet in service".to_owned(),
        (Verdict::Down, true) => "down, but kept".to_owned(),
        (Verdict::Down, false) if backend.passed > 0 => format!("down, {} passed", backend.passed),
        (Verdict::Down, false) => "down".to_owned(),
        (Verdict::Unknown, true) => "unknown, steered to".to_owned(),
        (Verdict::Unknown, false) => "waiting".to_owned(),
    }
}

/// What there is to say: trouble first, then what keeps it down, then its last answer.
fn remark(backend: &BackendHealth) -> String {
    if let Some(trouble) = &backend.trouble {
        return format!("not checked: {trouble}");
    }
    if let (Some(penalty), Verdict::Down) = (backend.penalty, backend.verdict) {
        return format!(
            "went down {} times: must pass for {}, {} more",
            penalty.falls,
            unit::milliseconds(penalty.needs_ms),
            unit::milliseconds(penalty.left_ms)
        );
    }
    let last = backend.results.first().map(|last| last.detail.clone());
    let reason = backend.reason.clone().filter(|_| backend.passed == 0);
    reason.or(last).unwrap_or_else(|| "no result yet".to_owned())
}

/// One backend with its last results.
pub fn one(pool: &str, backend: &BackendHealth) -> String {
    let mut page = format!("BACKEND {pool}/{} ({}): {}", backend.name, backend.address, state(backend));
    page += &format!(", for {}\n", unit::duration(backend.held_seconds));
    let mut line = |title: &str, text: &str| page += &format!("  {title:<10}{text}\n");
    line("check", &backend.check);
    if let Some(reason) = &backend.reason {
        line("reason", reason);
    }
    if let Some(trouble) = &backend.trouble {
        line("trouble", trouble);
    }
    if let Some(penalty) = backend.penalty {
        let (needs, left) = (unit::milliseconds(penalty.needs_ms), unit::milliseconds(penalty.left_ms));
        let falls = penalty.falls;
        line("penalty", &format!("went down {falls} times: every check must pass for {needs}, {left} more"));
    }
    line("share", &format!("{} of its weight", unit::share_of(backend.share_per_mille.into(), 1_000)));
    if let Some(load) = &backend.load {
        line("load", load);
    }
    line("in a row", &format!("{} passed, {} failed", backend.passed, backend.failed));
    line("history", &backend.strip);
    let columns =
        [("AGO", Align::Right), ("RESULT", Align::Left), ("LATENCY", Align::Right), ("DETAIL", Align::Left)];
    page + "\n" + &render("  ", columns, backend.results.iter().map(row))
}

fn row(result: &CheckResult) -> [String; 4] {
    [
        unit::milliseconds(result.ago_ms),
        result.finding.clone(),
        unit::microseconds(result.latency_us),
        result.detail.clone(),
    ]
}
