//! How things are with checks, for whoever asks.

use std::{net::IpAddr, time::Duration};

use tokio::sync::oneshot;

use super::{
    engine::Engine,
    happening::Happening,
    history::Entry as Result,
    pool::Pool,
    spec::{Probe, Spec},
    subject::{Role, Subject},
};
use crate::{
    api::types::{
        BackendHealth, CheckResult, CheckerStatus, HealthEvent, HealthStatus, PanicStatus, PenaltyStatus,
        PoolHealth,
    },
    model::Via,
};

/// A question about checks.
#[derive(Debug)]
pub enum Ask {
    /// How things are with all.
    All(oneshot::Sender<HealthStatus>),
    /// How things are with one backend; `None`: it is not checked.
    One {
        /// Name of its pool.
        pool: String,
        /// Its name.
        backend: String,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<BackendHealth>>,
    },
}

/// Answers; whoever asked may be gone, which is no error.
pub fn answer(ask: Ask, engine: &Engine, now: Duration) {
    match ask {
        Ask::All(reply) => drop(reply.send(all(engine, now))),
        Ask::One { pool, backend, reply } => {
            let found = engine.pools().get(pool.as_str()).and_then(|pool| {
                let mut subjects = pool.subjects.iter();
                let (address, subject) = subjects.find(|(_, subject)| *subject.entry.name == *backend)?;
                one(pool, *address, subject, usize::MAX, now)
            });
            drop(reply.send(found));
        }
    }
}

fn all(engine: &Engine, now: Duration) -> HealthStatus {
    let of_pool = |(name, pool): (&std::sync::Arc<str>, &Pool)| {
        let standing = pool.standing(now);
        let backends: Vec<BackendHealth> =
            pool.subjects.iter().filter_map(|(&address, it)| one(pool, address, it, 1, now)).collect();
        PoolHealth {
            name: name.to_string(),
            healthy: standing.healthy,
            active: standing.of,
            needed: pool.needed(),
            enough: standing.enough,
            panic: standing.panic.map(|panic| PanicStatus {
                seconds: now.saturating_sub(panic.since).as_secs(),
                bad: panic.bad,
                of: panic.of,
            }),
            backends,
        }
    };
    let pools: Vec<PoolHealth> = engine.pools().iter().map(of_pool).collect();
    let is_alarming = |pool: &PoolHealth| pool.panic.is_some() || !pool.enough && pool.active > 0;
    HealthStatus {
        summary: engine.extent().to_string(),
        alarm: pools.iter().any(is_alarming) || engine.extent().is_alarming(),
        checker: CheckerStatus {
            backends: pools.iter().map(|pool| pool.backends.len() as u32).sum(),
            under_way: engine.asking(),
            late_ms: milliseconds(engine.lag(now)),
        },
        pools,
    }
}

/// One backend, with so many results.
fn one(
    pool: &Pool,
    address: IpAddr,
    subject: &Subject,
    results: usize,
    now: Duration,
) -> Option<BackendHealth> {
    let spec = &subject.entry.check.as_ref()?.spec;
    let rules = subject.rules()?;
    let standing = pool.standing_of(address, subject, now);
    let judge = &subject.judge;
    Some(BackendHealth {
        name: subject.entry.name.to_string(),
        address,
        backup: subject.entry.backup,
        check: words(spec),
        verdict: judge.verdict(),
        held_seconds: judge.held(now).as_secs(),
        in_service: standing.in_service,
        passed: judge.passed(),
        failed: judge.failed(),
        checks: subject.history.counts(),
        penalty: judge.penalty(now, &rules).map(|penalty| PenaltyStatus {
            falls: penalty.falls,
            needs_ms: milliseconds(penalty.needs),
            left_ms: milliseconds(penalty.ends.saturating_sub(now)),
        }),
        asks_drain: subject.asks_drain(),
        share_per_mille: standing.share,
        load: pool.load_of(address),
        reason: standing.reason.as_deref().map(str::to_owned),
        trouble: subject.trouble.as_deref().map(str::to_owned),
        results: subject.history.latest().take(results).map(|it| result(it, now)).collect(),
        strip: subject.history.strip(STRIP, spec.rhythm.timeout),
    })
}

/// Signs of a strip.
const STRIP: usize = 20;

fn result(result: &Result, now: Duration) -> CheckResult {
    CheckResult {
        ago_ms: milliseconds(now.saturating_sub(result.at)),
        finding: result.kind.to_string(),
        latency_us: u64::try_from(result.latency.as_micros()).unwrap_or(u64::MAX),
        detail: result.detail.to_string(),
    }
}

/// What is asked, for people.
fn words(spec: &Spec) -> String {
    let what = match &spec.probe {
        Probe::Tcp { .. } => "tcp".to_owned(),
        Probe::Http(http) => format!("{} {}", if http.tls.is_some() { "https" } else { "http" }, http.path),
        Probe::Tls(_) => "tls".to_owned(),
        Probe::Dns(dns) => format!("dns {} {} over {}", dns.query, dns.query_type, dns.transport),
        Probe::Udp { .. } => "udp".to_owned(),
        Probe::Icmp => "icmp".to_owned(),
        Probe::Grpc { service, .. } if service.is_empty() => "grpc".to_owned(),
        Probe::Grpc { service, .. } => format!("grpc {service}"),
        Probe::Exec { command, .. } => format!("exec {}", command.first().map_or("", String::as_str)),
    };
    let port = if spec.port == 0 { String::new() } else { format!(" port {}", spec.port) };
    let names: Vec<&str> = spec.vips.iter().map(|(name, _)| name.as_str()).collect();
    match spec.via {
        Via::Vip => format!("{what}{port} via VIP {}", names.join(", ")),
        Via::Direct => format!("{what}{port}"),
    }
}

/// What watchers are told of something that happened.
pub fn event(happening: &Happening) -> HealthEvent {
    let (what, pool, key) = match happening {
        Happening::Verdict { key, backend, .. } => ("verdict", None, Some((key, backend))),
        Happening::Drain { key, backend, .. } => ("drain", None, Some((key, backend))),
        Happening::Agent { key, backend, .. } => ("agent", None, Some((key, backend))),
        Happening::Trouble { key, backend, .. } => ("trouble", None, Some((key, backend))),
        Happening::Panic { pool, .. } => ("panic", Some(pool), None),
        Happening::Enough { pool, .. } => ("enough", Some(pool), None),
        Happening::Extent { .. } => ("extent", None, None),
    };
    let verdicts = match happening {
        Happening::Verdict { before, after, .. } => Some((*before, *after)),
        Happening::Drain { .. }
        | Happening::Agent { .. }
        | Happening::Trouble { .. }
        | Happening::Panic { .. }
        | Happening::Enough { .. }
        | Happening::Extent { .. } => None,
    };
    HealthEvent {
        what: what.to_owned(),
        bad: happening.is_bad(),
        text: happening.to_string(),
        pool: pool.or(key.map(|(key, _)| &key.pool)).map(ToString::to_string),
        backend: key.map(|(_, backend)| backend.to_string()),
        address: key.map(|(key, _)| key.address),
        before: verdicts.map(|(before, _)| before),
        after: verdicts.map(|(_, after)| after),
    }
}

fn milliseconds(period: Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX)
}

/// Whether checks of a backend have said all that they can at first.
pub fn is_settled(subject: &Subject) -> bool {
    matches!(subject.role(), Role::Unchecked | Role::Stopped)
        || !subject.judge.is_unsure()
        || subject.trouble.is_some()
}
