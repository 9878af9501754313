//! Who is to be checked, and what must be known for it. Made by the controller, in one piece; no IO.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use super::{
    mass,
    probe::Target,
    ramp::Ramp,
    spec::{Probe, Spec},
};
use crate::{
    model::{AdminState, Backend, Feedback, MinHealthy, Pool, Site, TunnelSettings, Unchecked, Via},
    neighbour::Resolutions,
    numbers::Numbers,
    way::Way,
};

/// Time beyond its timeout that a check may take to be told of, on a machine that is busy.
const SLACK: Duration = Duration::from_millis(200);

/// Every pool with backends that are checked or asked for their load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// By name.
    pub pools: BTreeMap<Arc<str>, PoolRoster>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRoster {
    /// How it deals with mass failure.
    pub rules: mass::Rules,
    /// How many backends must be healthy.
    pub min_healthy: Option<MinHealthy>,
    /// How shares grow of backends that come up; `None`: at once.
    pub ramp: Option<Ramp>,
    /// Where backends say how loaded they are.
    pub feedback: Option<Arc<Feedback>>,
    /// By address; disabled ones are left out.
    pub backends: BTreeMap<IpAddr, Entry>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it takes new flows if it is healthy. One that is draining is checked too: its flows live on as long as it does.
    pub active: bool,
    /// Whether it is a backup: it is checked as any other, and counts for nothing while others take flows.
    pub backup: bool,
    /// What it is asked; `None`: nothing.
    pub check: Option<Assignment>,
}

/// What is asked of a backend, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The check.
    pub spec: Arc<Spec>,
    /// Whom to ask, each under the name of its VIP, if it is one; or why nobody can be asked at the moment.
    pub targets: Result<Arc<[(String, Target)]>, String>,
}

/// What a site says of checks, and what is known of the ways.
pub struct Sources<'a> {
    /// The site.
    pub site: &'a Site,
    /// Indices of backends.
    pub numbers: &'a Numbers,
    /// Ways to backends.
    pub resolutions: &'a Resolutions,
    /// The mark of checks of the backend with an index; an error while the way through the dataplane is not open.
    pub mark: &'a dyn Fn(u16) -> Result<u32, String>,
}

impl Roster {
    /// Of a site.
    pub fn of(sources: &Sources<'_>) -> Self {
        let is_watched = |pool: &&Pool| {
            pool.check.is_some()
                || pool.feedback.is_some()
                || pool.backends.iter().any(|backend| backend.check.is_some())
        };
        let pools = sources.site.pools.iter().filter(is_watched);
        Self { pools: pools.map(|pool| (pool.name.as_str().into(), PoolRoster::of(sources, pool))).collect() }
    }
}

impl PoolRoster {
    fn of(sources: &Sources<'_>, pool: &Pool) -> Self {
        let enabled = pool.backends.iter().filter(|backend| backend.state != AdminState::Disabled);
        let backends: BTreeMap<IpAddr, Entry> =
            enabled.map(|backend| (backend.address, Entry::of(sources, pool, backend))).collect();
        let timeout =
            backends.values().filter_map(|entry| Some(entry.check.as_ref()?.spec.rhythm.timeout)).max();
        Self {
            rules: mass::Rules {
                panic_threshold: pool.panic_threshold.get(),
                // A check that is under way is too old to witness: the next one follows it.
                patience: timeout.unwrap_or_default() * 2 + SLACK,
                steer_unchecked: pool.unchecked == Unchecked::Steer,
            },
            min_healthy: pool.min_healthy,
            ramp: (!pool.slow_start.is_zero())
                .then_some(Ramp { period: pool.slow_start, curve: pool.slow_start_curve }),
            feedback: pool.feedback.clone().map(Arc::from),
            backends,
        }
    }
}

impl Entry {
    fn of(sources: &Sources<'_>, pool: &Pool, backend: &Backend) -> Self {
        let check = Spec::of(sources.site, pool, backend).map(|spec| {
            let targets = targets(sources, pool, backend, &spec).map(Arc::from);
            Assignment { spec: Arc::new(spec), targets }
        });
        let active = backend.state == AdminState::Active;
        Self { name: backend.name.as_str().into(), active, backup: backend.backup, check }
    }
}

fn targets(
    sources: &Sources<'_>,
    pool: &Pool,
    backend: &Backend,
    spec: &Spec,
) -> Result<Vec<(String, Target)>, String> {
    let resolution = sources.resolutions.get(&backend.address);
    let target = |address: IpAddr| Target {
        source: spec.source.iter().copied().find(|source| source.is_ipv4() == address.is_ipv4()),
        ..Target::new((address, spec.port).into(), &backend.name)
    };
    if spec.via == Via::Direct || matches!(spec.probe, Probe::Exec { .. }) {
        let path = resolution.and_then(|resolution| resolution.next_hop());
        let mtu = path.map(|hop| u16::try_from(hop.mtu).unwrap_or(u16::MAX));
        return Ok(vec![(String::new(), Target { mtu, ..target(backend.address) })]);
    }
    if spec.vips.is_empty() {
        return Err("no VIP uses the pool: there is none to ask".to_owned());
    }
    let settings: &TunnelSettings = &sources.site.tunnel;
    let way = Way::find(pool.delivery_of(backend), backend.address, resolution, settings);
    let way = way.map_err(|no_way| no_way.to_string())?;
    let seat = sources.numbers.get(&pool.name, backend.address).ok_or("it has no number yet")?;
    let mark = (sources.mark)(seat.index)?;
    let preferred = way.next_hop.and_then(|hop| hop.source);
    let of_vip = |(name, address): &(String, IpAddr)| {
        let asked = target(*address);
        let same_family = |source: &IpAddr| source.is_ipv4() == address.is_ipv4();
        let source = asked.source.or(preferred.filter(same_family));
        (name.clone(), Target { source, mark: Some(mark), mtu: way.mtu, ..asked })
    };
    Ok(spec.vips.iter().map(of_vip).collect())
}
