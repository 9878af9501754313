//! What the daemon says of itself: the desired state beside the kernel's counters.

use anycast_common::{detail::Detail, reason::Reason};

use super::Controller;
use crate::{
    api::types::{
        BackendState, BackendStatus, BaseOwnerStatus, DetailStatus, DrainStatus, InterfaceStatus, MapStatus,
        MapsStatus, NextHopStatus, PoolStatus, ReasonStatus, Status, Traffic, TransitionStatus,
        VipBackendStatus, VipStatus,
    },
    condition::Condition,
    interface,
    model::{Backend, Pool, Vip},
    neighbour::NextHop,
    utc::Utc,
    way::{NoWay, Way},
};

impl Controller {
    /// The whole picture.
    pub(super) fn status(&self) -> anyhow::Result<Status> {
        let attachments = self.dataplane.attachments().iter();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs(),
            multi_buffer: self.dataplane.takes_multi_buffer(),
            desired: self.progress_status(),
            interfaces: attachments
                .map(|attachment| InterfaceStatus {
                    name: attachment.interface.clone(),
                    index: attachment.ifindex,
                    mode: attachment.mode,
                    present: interface::exists(attachment.ifindex),
                    detail: self.ports.problem(&attachment.interface).map(str::to_owned),
                })
                .collect(),
            vips: self.site.vips.iter().map(|vip| self.vip(vip)).collect::<Result<_, _>>()?,
            pools: self.site.pools.iter().map(|pool| self.pool(pool)).collect::<Result<_, _>>()?,
            drift: self.drift_status(),
            maps: self.maps(),
            reasons: self.reasons()?,
        })
    }

    /// One backend of the site, or one that was removed from it.
    pub(super) fn backend_status(&self, pool: &str, backend: &Backend) -> anyhow::Result<BackendStatus> {
        let (removed, delivery) = match self.site.pool(pool) {
            Some(pool) => {
                let there = pool.backends.iter().any(|other| other.address == backend.address);
                (!there, pool.delivery_of(backend))
            }
            None => (true, backend.delivery.unwrap_or_default()),
        };
        let resolutions = self.resolutions.borrow();
        let way = Way::find(delivery, backend.address, resolutions.get(&backend.address), &self.site.tunnel);
        let way = if removed { Err(NoWay::Unknown) } else { way };
        let (condition, now) = (self.condition(pool, backend), Utc::now());
        let state = if removed { BackendState::Removed } else { judged(&condition, way.is_ok()) };
        let detail = match (state, &way) {
            (BackendState::Down, _) => Some("marked down".to_owned()),
            (BackendState::Draining, _) if condition.is_drained(now) => {
                Some("drained: its deadline has passed".to_owned())
            }
            (BackendState::Draining | BackendState::Unresolved, Err(no_way)) => Some(no_way.to_string()),
            (_, _) => None,
        };
        let seat = self.numbers.get(pool, backend.address);
        let swept = self.figures().swept;
        let mut traffic = self.carried.backend(pool, backend.address);
        for vip in self.site.vips.iter().filter(|vip| vip.pool == pool) {
            traffic += self.traffic(vip, backend)?;
        }
        Ok(BackendStatus {
            name: backend.name.clone(),
            address: backend.address,
            weight: backend.weight,
            delivery,
            mtu: way.as_ref().ok().and_then(|way| way.mtu),
            state,
            detail,
            next_hop: way.ok().and_then(|way| way.next_hop).map(next_hop_status),
            slots: seat.map_or(0, |seat| self.slots_owned(seat.index)),
            slots_wanted: self.slots_wanted(pool, backend),
            pins: seat.and_then(|seat| swept.pins_by_backend.get(&seat.index)).copied().unwrap_or_default(),
            drain: condition.draining.filter(|_| !removed).map(|drain| DrainStatus {
                remaining_seconds: drain.until.map(|until| until.since(now).as_secs()),
            }),
            traffic,
        })
    }

    /// The state of one backend of the site, without a look at any counter.
    pub(super) fn backend_state(&self, pool: &str, backend: &Backend) -> BackendState {
        let delivery = self.site.pool(pool).map(|pool| pool.delivery_of(backend)).unwrap_or_default();
        let resolutions = self.resolutions.borrow();
        let way = Way::find(delivery, backend.address, resolutions.get(&backend.address), &self.site.tunnel);
        judged(&self.condition(pool, backend), way.is_ok())
    }

    /// What a backend may do.
    pub(super) fn condition(&self, pool: &str, backend: &Backend) -> Condition {
        Condition::of(&self.marks, pool, backend)
    }

    pub(super) fn pool(&self, pool: &Pool) -> anyhow::Result<PoolStatus> {
        let backends = self.backends(pool);
        Ok(PoolStatus {
            name: pool.name.clone(),
            slots: pool.slots,
            delivery: pool.delivery,
            udp: pool.udp,
            on_down: pool.on_down,
            idle_timeout_seconds: pool.idle_timeout.as_secs(),
            transition: self.transition(pool),
            backends: backends
                .map(|backend| self.backend_status(&pool.name, backend))
                .collect::<Result<_, _>>()?,
        })
    }

    fn transition(&self, pool: &Pool) -> TransitionStatus {
        let number = self.numbers.pool(&pool.name);
        let Some((number, census)) = number.and_then(|number| Some((number, self.census(number)?))) else {
            return TransitionStatus::default();
        };
        let owner = |index: u16| {
            self.backends(pool)
                .find(|it| self.numbers.get(&pool.name, it.address).is_some_and(|seat| seat.index == index))
        };
        let mut base_owners: Vec<BaseOwnerStatus> = census
            .based
            .iter()
            .filter_map(|(&index, &slots)| {
                let Backend { name, address, .. } = owner(index)?;
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

    /// What the backend's weight entitles it to, if it may take new flows.
    fn slots_wanted(&self, pool: &str, backend: &Backend) -> u32 {
        let Some(found) = self.site.pool(pool) else { return 0 };
        let takes_part = |it: &&Backend| self.condition(pool, it).is_eligible();
        let weight = |it: &Backend| u64::from(it.weight);
        let total: u64 = found.backends.iter().filter(takes_part).map(weight).sum();
        let own = found.backends.iter().filter(takes_part).find(|it| it.address == backend.address);
        let half = total / 2;
        let slots = own.map_or(0, |own| weight(own) * u64::from(found.slots) + half).checked_div(total);
        slots.and_then(|slots| u32::try_from(slots).ok()).unwrap_or_default()
    }

    fn maps(&self) -> MapsStatus {
        let figures = self.figures();
        let slots = self.census.values().flat_map(|census| census.owned.values());
        MapsStatus {
            pins: map_status(figures.swept.pins, figures.pins_capacity),
            embryonic: map_status(figures.swept.embryonic, figures.embryonic_capacity),
            slots: MapStatus {
                used: slots.map(|&slots| u64::from(slots)).sum(),
                capacity: self.dataplane.arena_slots(),
            },
        }
    }

    pub(super) fn vip(&self, vip: &Vip) -> anyhow::Result<VipStatus> {
        let number = self.numbers.vip(&vip.name, &vip.pool).map(|numbers| numbers.number);
        let carried = self.carried.vip(&vip.name).cloned().unwrap_or_default();
        let pool = self.site.pool(&vip.pool);
        let mut backends = pool
            .into_iter()
            .flat_map(|pool| self.backends(pool))
            .map(|backend| {
                let traffic = self.traffic(vip, backend)?;
                Ok(VipBackendStatus { name: backend.name.clone(), address: backend.address, traffic })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut traffic = carried.traffic;
        backends.iter().for_each(|backend| traffic += backend.traffic);
        // A thousand VIPs of a thousand backends are a million pairs: most have nothing to tell.
        backends.retain(|backend| backend.traffic != Traffic::default());
        for cell in self.numbers.leaving_cells().into_iter().filter(|cell| cell.vip == vip.name) {
            traffic += self.dataplane.traffic(cell.counter)?.into();
        }
        let mut reasons = Vec::new();
        for &reason in Reason::ALL {
            let counted = number.map_or(Ok(0), |number| self.dataplane.refused(number, reason))?;
            let before = carried.reasons.get(&reason.code()).copied().unwrap_or_default();
            reasons.push(reason_status(reason, counted + before));
        }
        let mut details = Vec::new();
        for &detail in Detail::ALL {
            let counted = number.map_or(Ok(0), |number| self.dataplane.detail(number, detail))?;
            let before = carried.details.get(&detail.code()).copied().unwrap_or_default();
            details.push(DetailStatus {
                code: detail.code(),
                detail: detail.label().to_owned(),
                packets: counted + before,
            });
        }
        Ok(VipStatus {
            name: vip.name.clone(),
            address: vip.address,
            services: vip.services.clone(),
            pool: vip.pool.clone(),
            on_unknown_port: vip.on_unknown_port,
            echo: vip.echo,
            traffic,
            reasons: reasons.into_iter().filter(|reason| reason.packets > 0).collect(),
            details: details.into_iter().filter(|detail| detail.packets > 0).collect(),
            backends,
        })
    }

    /// All VIPs together, and what was no VIP's.
    fn reasons(&self) -> anyhow::Result<Vec<ReasonStatus>> {
        let rows: Vec<u16> = std::iter::once(0).chain(self.numbers.vip_numbers()).collect();
        Reason::ALL
            .iter()
            .map(|&reason| {
                let mut packets = self.carried.refused(reason.code());
                for &number in &rows {
                    packets += self.dataplane.refused(number, reason)?;
                }
                Ok(reason_status(reason, packets))
            })
            .collect()
    }

    /// Backends of a pool, the removed ones last.
    pub(super) fn backends<'a>(&'a self, pool: &'a Pool) -> impl Iterator<Item = &'a Backend> {
        let removed = self.numbers.removed(&pool.name).into_iter().map(|occupant| &occupant.backend);
        pool.backends.iter().chain(removed)
    }

    fn traffic(&self, vip: &Vip, backend: &Backend) -> anyhow::Result<Traffic> {
        let mut traffic = Traffic::default();
        for counter in self.numbers.traffic_counters(&vip.name, &vip.pool, backend.address) {
            traffic += self.dataplane.traffic(counter)?.into();
        }
        Ok(traffic)
    }
}

/// The state of a backend that the site has.
fn judged(condition: &Condition, is_reached: bool) -> BackendState {
    if condition.disabled {
        BackendState::Disabled
    } else if condition.marked_down {
        BackendState::Down
    } else if condition.draining.is_some() {
        BackendState::Draining
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
