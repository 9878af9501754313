//! What the daemon says, and the picture before, make the next picture.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::Duration,
};

use super::{BackendRow, Meter, Part, Picture, PoolRow, ReasonRow, VipRow};
use crate::{
    api::types::{
        AnnounceStatus, BackendHealth, BackendState, HealthStatus, PanicStatus, PoolStatus, ReasonStatus,
        Status, Traffic, TransitionStatus, VipAnnouncement, VipStatus,
    },
    top::{
        alarms::{self, Alarms},
        history::History,
        rates::{Rates, rate},
    },
    utc::Utc,
};

/// What the daemon said at one moment.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `GET /v1/status`
    pub status: Status,
    /// `GET /v1/health`
    pub health: HealthStatus,
    /// `GET /v1/announcements`
    pub announcements: AnnounceStatus,
}

impl Picture {
    /// The picture that follows the one before; the moment is counted as it was then.
    pub fn next(before: Option<&Self>, sample: Sample, taken: Duration) -> Self {
        let Sample { status, health, announcements } = sample;
        let span = before.map(|before| Span { from: before.taken, to: taken });
        let Alarms { alarms, summary } = alarms::of(&status, &health);
        let mut checks = Checks::of(health);
        let mut routes: HashMap<String, VipAnnouncement> =
            if announcements.daemon.is_some() { announcements.vips } else { Vec::new() }
                .into_iter()
                .map(|vip| (vip.name.clone(), vip))
                .collect();
        let counts: HashMap<String, (u32, u32)> =
            status.pools.iter().map(|pool| (pool.name.clone(), up(pool))).collect();

        let known = before.map(|before| by(&before.vips, |vip| vip.name.as_str()));
        let vips = status.vips.into_iter().map(|vip| {
            let before = known.as_ref().and_then(|known| known.get(vip.name.as_str()).copied());
            let (up, of) = counts.get(&vip.pool).copied().unwrap_or_default();
            let announcement = routes.remove(&vip.name);
            VipRow { up, of, announcement, ..self::vip(before, vip, span) }
        });
        let vips: Vec<VipRow> = vips.collect();
        let (backends, pools) = pools(before, status.pools, &mut checks, span);
        let known = before.map(|before| by(&before.reasons, |reason| reason.code));
        let reasons = status.reasons.into_iter().map(|now| {
            let before = known.as_ref().and_then(|known| known.get(&now.code).copied());
            reason(before, false, now, span)
        });
        Self {
            at: Utc::now(),
            taken,
            seconds: span.map(|span| span.length().as_secs_f64()),
            version: status.version,
            pid: status.pid,
            uptime_seconds: status.uptime_seconds,
            alarms,
            summary,
            total: together(
                before.map(|before| &before.total),
                vips.iter().map(|vip: &VipRow| &vip.meter),
                span,
            ),
            drops_per_second: span.map(|_| vips.iter().filter_map(|vip| vip.drops_per_second).sum()),
            reasons: reasons.collect(),
            vips,
            backends,
            pools,
            interfaces: status.interfaces,
            maps: status.maps,
            routing_daemon: announcements.daemon,
        }
    }
}

/// From one picture to the next.
#[derive(Clone, Copy)]
struct Span {
    from: Duration,
    to: Duration,
}

impl Span {
    fn length(self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl Meter {
    fn next(before: Option<&Self>, traffic: Traffic, span: Option<Span>) -> Self {
        let rates = before.zip(span);
        let rates = rates.and_then(|(it, span)| Rates::between(&it.traffic, &traffic, span.length()));
        Self::with(before, traffic, rates, span)
    }

    /// Of something that was not counted yet.
    fn first(traffic: Traffic, span: Option<Span>) -> Self {
        let rates = span.and_then(|span| Rates::between(&Traffic::default(), &traffic, span.length()));
        Self::with(None, traffic, rates, span)
    }

    fn with(before: Option<&Self>, traffic: Traffic, rates: Option<Rates>, span: Option<Span>) -> Self {
        let mut history = before.map(|before| before.history.clone()).unwrap_or_default();
        record(&mut history, rates.map(|rates| rates.packets_per_second), span);
        Self { traffic, rates, history }
    }
}

fn record(history: &mut History, rate: Option<f64>, span: Option<Span>) {
    if let Some(Span { from, to }) = span {
        history.add(from, to, rate);
    }
}

/// Rates are added, not counters: those of what is gone are missing, which is no traffic that went back.
fn together<'a>(
    before: Option<&Meter>,
    meters: impl Iterator<Item = &'a Meter> + Clone,
    span: Option<Span>,
) -> Meter {
    let mut traffic = Traffic::default();
    meters.clone().for_each(|meter| traffic += meter.traffic);
    let is_unknown = meters.clone().next().is_some() && meters.clone().all(|meter| meter.rates.is_none());
    let rates = span.filter(|_| !is_unknown).map(|_| meters.filter_map(|meter| meter.rates).sum());
    Meter::with(before, traffic, rates, span)
}

fn vip(before: Option<&VipRow>, vip: VipStatus, span: Option<Span>) -> VipRow {
    // What is not listed has not been counted: zero, where the VIP itself was known.
    let was_known = before.is_some();
    let parts = before.map(|before| by(&before.backends, |part| (part.address, part.name.as_str())));
    let backends = vip.backends.into_iter().map(|now| {
        let before = parts.as_ref().and_then(|parts| parts.get(&(now.address, now.name.as_str())).copied());
        let meter = match before {
            None if was_known => Meter::first(now.traffic, span),
            before => Meter::next(before.map(|part| &part.meter), now.traffic, span),
        };
        Part { name: now.name, address: now.address, meter }
    });
    let backends = backends.collect();
    let reasons: Vec<ReasonRow> = vip
        .reasons
        .into_iter()
        .map(|now| {
            let before = before.and_then(|before| before.reasons.iter().find(|it| it.code == now.code));
            reason(before, was_known, now, span)
        })
        .collect();
    let drops = || reasons.iter().filter(|reason| reason.verdict == "drop");
    VipRow {
        services: vip.services.iter().map(ToString::to_string).collect(),
        pool: vip.pool,
        up: 0,
        of: 0,
        meter: Meter::next(before.map(|before| &before.meter), vip.traffic, span),
        drops_per_second: span
            .filter(|_| was_known)
            .map(|_| drops().filter_map(|reason| reason.packets_per_second).sum()),
        backends,
        reasons,
        announcement: None,
        name: vip.name,
        address: vip.address,
    }
}

/// `from_zero`: without a row before, it counted nothing before.
fn reason(before: Option<&ReasonRow>, from_zero: bool, now: ReasonStatus, span: Option<Span>) -> ReasonRow {
    let counted = before.map(|before| before.packets).or(from_zero.then_some(0));
    let packets_per_second = counted.zip(span).and_then(|(it, span)| rate(it, now.packets, span.length()));
    let mut history = before.map(|before| before.history.clone()).unwrap_or_default();
    record(&mut history, packets_per_second, span);
    ReasonRow {
        code: now.code,
        reason: now.reason,
        verdict: now.verdict,
        packets: now.packets,
        packets_per_second,
        history,
    }
}

fn pools(
    before: Option<&Picture>,
    pools: Vec<PoolStatus>,
    checks: &mut Checks,
    span: Option<Span>,
) -> (Vec<BackendRow>, Vec<PoolRow>) {
    let known_backends =
        before.map(|before| by(&before.backends, |it| (it.status.address, it.pool.as_str())));
    let known_pools = before.map(|before| by(&before.pools, |pool| pool.name.as_str()));
    let (mut backends, mut rows) = (Vec::new(), Vec::new());
    for pool in pools {
        let (up, of) = up(&pool);
        let PoolStatus { name, slots, transition, .. } = pool;
        let first = backends.len();
        backends.extend(pool.backends.into_iter().map(|status| {
            let key = (status.address, name.as_str());
            let before = known_backends.as_ref().and_then(|known| known.get(&key).copied());
            BackendRow {
                pool: name.clone(),
                pool_slots: slots,
                base_slots: base_slots(&transition, status.address),
                meter: Meter::next(before.map(|before| &before.meter), status.traffic, span),
                health: checks.backends.remove(&(name.clone(), status.address)),
                status,
            }
        }));
        let before = known_pools.as_ref().and_then(|known| known.get(name.as_str()).copied());
        let meters = backends.iter().skip(first).map(|backend| &backend.meter);
        rows.push(PoolRow {
            meter: together(before.map(|before| &before.meter), meters, span),
            panic: checks.panics.remove(&name),
            name,
            slots,
            transition,
            backends: first..backends.len(),
            up,
            of,
        });
    }
    (backends, rows)
}

/// Backends that are up, and all but the removed ones.
fn up(pool: &PoolStatus) -> (u32, u32) {
    let count = |wanted: fn(BackendState) -> bool| {
        let found = pool.backends.iter().filter(|backend| wanted(backend.state)).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    (count(|state| state == BackendState::Up), count(|state| state != BackendState::Removed))
}

fn base_slots(transition: &TransitionStatus, address: IpAddr) -> u32 {
    transition.base_owners.iter().find(|owner| owner.address == address).map_or(0, |owner| owner.slots)
}

/// What checks say, by pool, and by pool and address.
struct Checks {
    panics: BTreeMap<String, PanicStatus>,
    backends: HashMap<(String, IpAddr), BackendHealth>,
}

impl Checks {
    fn of(health: HealthStatus) -> Self {
        let mut checks = Self { panics: BTreeMap::new(), backends: HashMap::new() };
        for pool in health.pools {
            checks.panics.extend(pool.panic.map(|panic| (pool.name.clone(), panic)));
            let backends = pool.backends.into_iter();
            checks.backends.extend(backends.map(|it| ((pool.name.clone(), it.address), it)));
        }
        checks
    }
}

fn by<'a, T, K: std::hash::Hash + Eq>(rows: &'a [T], key: impl Fn(&'a T) -> K) -> HashMap<K, &'a T> {
    rows.iter().map(|row| (key(row), row)).collect()
}
