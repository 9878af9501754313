//! What the daemon says of itself: the desired state beside the kernel's counters.

use std::time::Instant;

use anycast_common::{detail::Detail, reason::Reason};

use super::{
    Controller,
    tally::Tally,
    view::{View, backends},
};
use crate::{
    api::types::{
        BackendState, BackendStatus, BaseOwnerStatus, DetailStatus, MapStatus, MapsStatus, NextHopStatus,
        PoolStatus, ReasonStatus, Status, TransitionStatus, VipStatus,
    },
    condition::{Condition, DrainedBy},
    dataplane::{Counted, Reach},
    health::verdict::Verdict,
    model::{Backend, Pool, Vip},
    neighbour::NextHop,
    utc::Utc,
    way::{NoWay, Way},
};

impl View {
    /// The whole picture.
    pub fn status(self) -> anyhow::Result<Status> {
        let begun = Instant::now();
        let counted = self.counters.read(&Reach {
            traffic: vec![self.numbers.traffic_counters_given()],
            ..Reach::of([], self.rows())
        })?;
        self.meters.note_counters_read(begun.elapsed());
        let mut tally = Tally::of(&self, &self.site.pools, &counted);
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs(),
            multi_buffer: self.multi_buffer,
            vips: self.site.vips.iter().map(|vip| self.vip(vip, &mut tally)).collect(),
            pools: self.site.pools.iter().map(|pool| self.pool(pool, &tally)).collect(),
            maps: self.maps(),
            reasons: self.reasons(&counted),
            desired: self.progress,
            detached: self.detached,
            interfaces: self.interfaces,
            announcements: self.announcements,
            drift: self.drift,
            web: self.web,
            rights: self.rights.as_deref().cloned(),
        })
    }

    /// A pool of the site alone.
    pub fn status_of_pool(&self, pool: &Pool) -> anyhow::Result<PoolStatus> {
        let of_backend =
            |backend: &Backend| self.numbers.traffic_counters_of_backend(&pool.name, backend.address);
        let counters = backends(&self.numbers, pool).flat_map(of_backend);
        let counted = self.counters.read(&self.reach(counters, None))?;
        Ok(self.pool(pool, &Tally::of(self, [pool], &counted)))
    }

    /// A VIP of the site alone.
    pub fn status_of_vip(&self, vip: &Vip) -> anyhow::Result<VipStatus> {
        let counters = self.numbers.traffic_counters_of_vip(&vip.name, &vip.pool);
        let number = self.numbers.vip(&vip.name, &vip.pool).map(|numbers| numbers.number);
        let counted = self.counters.read(&self.reach(counters, number))?;
        Ok(self.vip(vip, &mut Tally::of(self, self.site.pool(&vip.pool), &counted)))
    }

    /// A backend alone, of the site or removed from it.
    pub fn status_of_backend(&self, pool: &str, backend: &Backend) -> anyhow::Result<BackendStatus> {
        let counters = self.numbers.traffic_counters_of_backend(pool, backend.address);
        let counted = self.counters.read(&self.reach(counters, None))?;
        let gone = Pool::new(pool, Vec::new());
        let pool = self.site.pool(pool).unwrap_or(&gone);
        Ok(self.backend(pool, backend, &self.entitled(pool), &Tally::of(self, [pool], &counted)))
    }

    /// These counters, and those that are read for the last time.
    fn reach(&self, counters: impl IntoIterator<Item = u32>, vip: Option<u16>) -> Reach {
        let leaving = self.numbers.leaving_cells().into_iter().map(|cell| cell.counter);
        Reach::of(counters.into_iter().chain(leaving), vip)
    }

    /// Rows of reason and detail counters.
    fn rows(&self) -> impl Iterator<Item = u16> {
        std::iter::once(0).chain(self.numbers.vip_numbers())
    }

    fn backend(
        &self,
        pool: &Pool,
        backend: &Backend,
        entitled: &Entitled,
        tally: &Tally<'_>,
    ) -> BackendStatus {
        let removed = !self.numbers.is_present(&pool.name, backend.address);
        let way = if removed { Err(NoWay::Unknown) } else { self.way(pool, backend) };
        let (condition, now) = (self.condition(pool, backend), Utc::now());
        let standing = self.opinions().standing(pool, backend);
        let state = if removed { BackendState::Removed } else { judged(&condition, way.is_ok()) };
        let detail = match (state, &way) {
            (BackendState::Down, _) if condition.marked_down => Some("marked down".to_owned()),
            (BackendState::Down, _) => standing.reason.as_deref().map(str::to_owned),
            (BackendState::Waiting, _) => Some("waiting for its first checks".to_owned()),
            (BackendState::Up, _) if standing.verdict == Verdict::Down => Some(format!(
                "kept though it fails, as too many do at once: {}",
                standing.reason.as_deref().unwrap_or_default()
            )),
            (BackendState::Up, _) if backend.backup && !entitled.serve_backups => {
                Some("backup: takes flows when no other can".to_owned())
            }
            (BackendState::Draining, _) if condition.is_drained_by(DrainedBy::Itself) => {
                Some("draining, as it asks itself".to_owned())
            }
            (BackendState::Draining, _) if condition.is_drained_by(DrainedBy::Diversion) => {
                Some("draining: the site is being drained".to_owned())
            }
            (BackendState::Draining, _) if condition.is_drained(now) => {
                Some("drained: its deadline has passed".to_owned())
            }
            (BackendState::Draining | BackendState::Unresolved, Err(no_way)) => Some(no_way.to_string()),
            (_, _) => None,
        };
        let seat = self.numbers.get(&pool.name, backend.address);
        let owned = |index: u16| self.census(&pool.name)?.owned.get(&index).copied();
        let pins = |index: u16| self.figures.found.swept.pins_by_backend.get(&index).copied();
        BackendStatus {
            name: backend.name.clone(),
            address: backend.address,
            weight: backend.weight,
            delivery: pool.delivery_of(backend),
            backup: backend.backup,
            mtu: way.as_ref().ok().and_then(|way| way.mtu),
            state,
            detail,
            next_hop: way.ok().and_then(|way| way.next_hop).map(next_hop_status),
            slots: seat.and_then(|seat| owned(seat.index)).unwrap_or_default(),
            slots_wanted: if removed || !condition.is_eligible() {
                0
            } else {
                entitled.slots(pool, backend, &condition)
            },
            pins: seat.and_then(|seat| pins(seat.index)).unwrap_or_default(),
            drain: if removed { None } else { self.drain_status(pool, backend) },
            traffic: tally.backend(&pool.name, backend.address),
        }
    }

    fn pool(&self, pool: &Pool, tally: &Tally<'_>) -> PoolStatus {
        let entitled = self.entitled(pool);
        let backends = backends(&self.numbers, pool);
        PoolStatus {
            name: pool.name.clone(),
            slots: pool.slots,
            delivery: pool.delivery,
            udp: pool.udp,
            on_down: pool.on_down,
            on_empty: pool.on_empty,
            idle_timeout_seconds: pool.idle_timeout.as_secs(),
            transition: self.transition(pool),
            backends: backends.map(|backend| self.backend(pool, backend, &entitled, tally)).collect(),
        }
    }

    fn transition(&self, pool: &Pool) -> TransitionStatus {
        let Some((number, census)) = self.numbers.pool(&pool.name).zip(self.census(&pool.name)) else {
            return TransitionStatus::default();
        };
        let mut base_owners: Vec<BaseOwnerStatus> = backends(&self.numbers, pool)
            .filter(|_| !census.based.is_empty())
            .filter_map(|Backend { name, address, .. }| {
                let seat = self.numbers.get(&pool.name, *address)?;
                let slots = *census.based.get(&seat.index)?;
                Some(BaseOwnerStatus { name: name.clone(), address: *address, slots })
            })
            .collect();
        base_owners.sort_by_key(|owner| std::cmp::Reverse(owner.slots));
        TransitionStatus {
            slots: census.in_transition(),
            since_seconds: self.moving_since.get(&number).map(|since| since.elapsed().as_secs()),
            base_owners,
        }
    }

    /// What the slots of a pool are shared out by.
    fn entitled(&self, pool: &Pool) -> Entitled {
        let mut entitled = Entitled { serve_backups: true, ..Entitled::default() };
        for backend in &pool.backends {
            let condition = self.condition(pool, backend);
            if !condition.is_eligible() {
                continue;
            }
            let weight = weighed(backend.weight, &condition);
            if backend.backup {
                entitled.backups += weight;
            } else {
                entitled.others += weight;
                entitled.serve_backups &= self.way(pool, backend).is_err();
            }
        }
        entitled
    }

    fn maps(&self) -> MapsStatus {
        let figures = &self.figures;
        let slots = self.census.values().flat_map(|census| census.owned.values());
        MapsStatus {
            pins: map_status(figures.found.swept.pins, figures.pins_capacity),
            embryonic: map_status(figures.found.swept.embryonic, figures.embryonic_capacity),
            slots: MapStatus {
                used: slots.map(|&slots| u64::from(slots)).sum(),
                capacity: self.capacity.slots.into(),
            },
            traffic_counters: MapStatus {
                used: self.numbers.traffic_counters_taken().into(),
                capacity: self.capacity.traffic_counters.into(),
            },
            vips: MapStatus {
                used: self.numbers.vip_numbers().count() as u64,
                capacity: self.capacity.vips.into(),
            },
        }
    }

    fn vip(&self, vip: &Vip, tally: &mut Tally<'_>) -> VipStatus {
        let number = self.numbers.vip(&vip.name, &vip.pool).map(|numbers| numbers.number);
        let carried = self.carried.vip(&vip.name).cloned().unwrap_or_default();
        let counted = tally.counted;
        let delivered = tally.take_vip(&vip.name);
        let mut traffic = carried.traffic;
        traffic += delivered.traffic;
        let before =
            |code, of: &std::collections::BTreeMap<u32, u64>| of.get(&code).copied().unwrap_or_default();
        let reasons = Reason::ALL.iter().map(|&reason| {
            let packets = number.map_or(0, |number| counted.refused(number, reason));
            reason_status(reason, packets + before(reason.code(), &carried.reasons))
        });
        let details = Detail::ALL.iter().map(|&detail| {
            let packets = number.map_or(0, |number| counted.detail(number, detail));
            detail_status(detail, packets + before(detail.code(), &carried.details))
        });
        VipStatus {
            name: vip.name.clone(),
            address: vip.address,
            services: vip.services.clone(),
            pool: vip.pool.clone(),
            on_unknown_port: vip.on_unknown_port,
            echo: vip.echo,
            traffic,
            reasons: reasons.filter(|reason| reason.packets > 0).collect(),
            details: details.filter(|detail| detail.packets > 0).collect(),
            backends: delivered.backends,
        }
    }

    /// All VIPs together, and what was no VIP's.
    fn reasons(&self, counted: &Counted) -> Vec<ReasonStatus> {
        let total = |reason: Reason| {
            let counted: u64 = self.rows().map(|number| counted.refused(number, reason)).sum();
            reason_status(reason, counted + self.carried.refused(reason.code()))
        };
        Reason::ALL.iter().map(|&reason| total(reason)).collect()
    }
}

impl Controller {
    /// The state of a backend of the site, without a look at any counter.
    pub(super) fn backend_state(&self, pool: &Pool, backend: &Backend) -> BackendState {
        judged(&Condition::of(&self.opinions(), pool, backend), self.is_reached(pool, backend))
    }

    /// Whether there is a way to a backend of the site.
    pub(super) fn is_reached(&self, pool: &Pool, backend: &Backend) -> bool {
        let resolutions = self.resolutions.borrow();
        let resolution = resolutions.get(&backend.address);
        Way::find(pool.delivery_of(backend), backend.address, resolution, &self.site.tunnel).is_ok()
    }
}

/// What the slots of a pool are shared out by: weights of those that may take new flows, in thousandths.
#[derive(Default)]
struct Entitled {
    /// Of backups.
    backups: u64,
    /// Of the others.
    others: u64,
    /// Whether it is the backups' turn: none of the others can be reached.
    serve_backups: bool,
}

impl Entitled {
    /// What a backend that may take new flows is entitled to.
    fn slots(&self, pool: &Pool, backend: &Backend, condition: &Condition) -> u32 {
        let total = match (backend.backup, self.serve_backups) {
            (true, true) => self.backups,
            (true, false) => return 0,
            (false, _) => self.others,
        };
        share(pool.slots, weighed(backend.weight, condition), total)
    }
}

/// What a backend weighs at the moment, in thousandths.
fn weighed(weight: u32, condition: &Condition) -> u64 {
    u64::from(weight) * u64::from(condition.share)
}

/// What its weight entitles a backend to, of that weight in all.
fn share(slots: u32, weight: u64, total: u64) -> u32 {
    let (weight, slots, total) = (u128::from(weight), u128::from(slots), u128::from(total));
    let share = (weight * slots + total / 2).checked_div(total);
    share.and_then(|slots| u32::try_from(slots).ok()).unwrap_or_default()
}

/// The state of a backend that the site has.
pub(super) fn judged(condition: &Condition, is_reached: bool) -> BackendState {
    if condition.disabled {
        BackendState::Disabled
    } else if condition.is_down() {
        BackendState::Down
    } else if condition.draining.is_some() {
        BackendState::Draining
    } else if condition.waiting && is_reached {
        BackendState::Waiting
    } else if is_reached {
        BackendState::Up
    } else {
        BackendState::Unresolved
    }
}

fn reason_status(reason: Reason, packets: u64) -> ReasonStatus {
    ReasonStatus {
        code: reason.code(),
        reason: reason.label().to_owned(),
        verdict: reason.verdict().label().to_owned(),
        packets,
    }
}

fn detail_status(detail: Detail, packets: u64) -> DetailStatus {
    DetailStatus { code: detail.code(), detail: detail.label().to_owned(), packets }
}

fn next_hop_status(next_hop: &NextHop) -> NextHopStatus {
    let octets: Vec<String> = next_hop.mac.iter().map(|octet| format!("{octet:02x}")).collect();
    NextHopStatus {
        interface: next_hop.interface.clone(),
        neighbour: next_hop.neighbour,
        mac: octets.join(":"),
    }
}

/// A map as the last sweep found it. A sweep takes its time, and counts an entry that made room for another one twice.
fn map_status(counted: u64, capacity: u32) -> MapStatus {
    let capacity = capacity.into();
    MapStatus { used: counted.min(capacity), capacity }
}
