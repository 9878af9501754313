//! Changes of a pool's backends that were asked for, and what they would do.

use std::{collections::BTreeMap, time::Instant};

use anycast_common::slot::NO_BACKEND;

use super::Controller;
use crate::{
    api::{
        request::RequestError,
        types::{BackendStatus, Change, PlanBreaks, PlanShare, PlanStatus, SlotOwner, SlotRun, SlotsStatus},
    },
    condition::{Condition, Conditions, Drain},
    model::{Backend, Delivery, OnDown, Pool, Site},
    plan::{self, Plan},
    reconcile::{self, Member, Table},
    spelling::{quoted, unknown},
    way::{NoWay, Way},
};

/// The index of a backend that has no seat yet, in a plan.
const NO_SEAT: u16 = NO_BACKEND - 1;

impl Controller {
    /// Makes a change; the backend after it.
    pub(super) fn change(&mut self, pool: &str, change: Change) -> Result<BackendStatus, RequestError> {
        match change {
            Change::Add(backend) => self.add_backend(pool, backend),
            Change::Remove { name } => self.remove_backend(pool, &name),
            Change::Drain { name, deadline } => {
                let until = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
                self.set_draining(pool, &name, until)
            }
            Change::Undrain { name } => self.undrain(pool, &name),
            Change::Weight { name, weight } => self.set_weight(pool, &name, weight),
            Change::Mark { name, up } => self.mark(pool, &name, up),
        }
    }

    /// The slot table of a pool, as packets see it.
    pub(super) fn slots(&self, name: &str) -> Result<SlotsStatus, RequestError> {
        let (number, pool) = self.find_pool(name)?;
        let present = self.dataplane.table(number);
        let names = self.names(pool);
        let place = |index: u16| names.keys().position(|other| *other == index).map(|place| place as u16);
        let mut runs: Vec<SlotRun> = Vec::new();
        for (first, slot) in (0_u32..).zip(&present) {
            let (current, base) = (place(slot.current()), place(slot.base()));
            match runs.last_mut() {
                Some(run) if (run.current, run.base) == (current, base) => run.length += 1,
                _ => runs.push(SlotRun { first, length: 1, current, base }),
            }
        }
        let owner = |backend: &Backend| SlotOwner { name: backend.name.clone(), address: backend.address };
        Ok(SlotsStatus {
            pool: pool.name.clone(),
            slots: present.len() as u32,
            backends: names.values().copied().map(owner).collect(),
            runs,
        })
    }

    /// What a change would do.
    pub(super) fn plan(&self, name: &str, change: &Change) -> Result<PlanStatus, RequestError> {
        let (number, pool) = self.find_pool(name)?;
        let (site, conditions, subject) = self.after(pool, change)?;
        let present = self.dataplane.table(number);
        let (table, pending) = self.table_after(&site, &conditions, number, pool, &subject);
        let owners =
            table.owners(self.seed.get()).map_err(|error| RequestError::Invalid(error.to_string()))?;
        let plan = Plan::between(&present, &owners);

        let index = self.numbers.get(&pool.name, subject.address).map(|seat| seat.index);
        let swept = self.figures().swept;
        let pins = index.and_then(|index| swept.pins_by_backend.get(&index)).copied().unwrap_or_default();
        let slots = index.map_or(0, |index| plan::slots_at_stake(&present, index));
        let at_stake = |after_seconds| Some(PlanBreaks { pins, slots, after_seconds });
        let breaks = match change {
            Change::Remove { .. } => at_stake(0),
            Change::Mark { up: false, .. } if pool.on_down == OnDown::Reset => at_stake(0),
            Change::Drain { deadline: Some(deadline), .. } => at_stake(deadline.as_secs()),
            Change::Mark { .. }
            | Change::Drain { deadline: None, .. }
            | Change::Add(_)
            | Change::Undrain { .. }
            | Change::Weight { .. } => None,
        };
        Ok(PlanStatus {
            pool: pool.name.clone(),
            backend: subject.name.clone(),
            slots: pool.slots,
            slots_moved: plan.moved,
            shares: self.shares(pool, &subject, &plan),
            pins,
            breaks: breaks.filter(|breaks| breaks.pins > 0 || breaks.slots > 0),
            // Who is taken out waits for nothing.
            pending: pending.filter(|_| change.asks_for_slots()),
        })
    }

    /// Site and conditions after a change, and the backend it is about.
    fn after(&self, pool: &Pool, change: &Change) -> Result<(Site, Conditions, Backend), RequestError> {
        let (mut site, mut conditions) = (self.site.clone(), self.conditions.clone());
        let subject = match change {
            Change::Add(backend) => {
                no_twin(pool, backend)?;
                backend.clone()
            }
            Change::Remove { name }
            | Change::Drain { name, .. }
            | Change::Undrain { name }
            | Change::Weight { name, .. }
            | Change::Mark { name, .. } => self.find(pool, name)?.clone(),
        };
        let key = (pool.name.clone(), subject.address);
        let backends = site
            .pool_mut(&pool.name)
            .map(|pool| &mut pool.backends)
            .ok_or_else(|| self.no_pool(&pool.name))?;
        match change {
            Change::Add(backend) => backends.push(backend.clone()),
            Change::Remove { name } => backends.retain(|backend| backend.name != *name),
            Change::Weight { name, weight } => {
                backends.iter_mut().filter(|it| it.name == *name).for_each(|it| it.weight = *weight);
            }
            Change::Drain { deadline, .. } => {
                let until = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
                conditions.entry(key).or_default().draining = Some(Drain { until });
            }
            Change::Undrain { .. } => conditions.entry(key).or_default().draining = None,
            Change::Mark { up, .. } => conditions.entry(key).or_default().marked_down = !up,
        }
        let problems: Vec<String> = site.problems().into_iter().map(|problem| problem.message).collect();
        if problems.is_empty() {
            Ok((site, conditions, subject))
        } else {
            Err(RequestError::Invalid(problems.join("; ")))
        }
    }

    /// The table of a pool after a change, as if the backend it is about answered; and why that may take a while.
    fn table_after(
        &self,
        site: &Site,
        conditions: &Conditions,
        number: u16,
        pool: &Pool,
        subject: &Backend,
    ) -> (Table, Option<String>) {
        let mut wanted =
            reconcile::wanted(site, &self.numbers, conditions, &self.resolutions.borrow(), Instant::now());
        let table = wanted.tables.remove(&number);
        let mut table = table.unwrap_or(Table { slots: pool.slots, seed: pool.seed, members: Vec::new() });
        let backend = site.pool(&pool.name).and_then(|pool| pool.backend(&subject.name));
        let Some(backend) = backend else { return (table, None) };
        if table.members.iter().any(|member| member.address == backend.address) {
            return (table, None);
        }
        let condition = Condition::of(conditions, &pool.name, backend);
        if !condition.is_eligible() {
            let why = match condition {
                Condition { disabled: true, .. } => "disabled",
                Condition { marked_down: true, .. } => "marked down",
                Condition { .. } => "draining",
            };
            return (table, Some(format!("{} is {why} then, and gets no slots", backend.name)));
        }
        let index = self.numbers.get(&pool.name, backend.address).map_or(NO_SEAT, |seat| seat.index);
        table.members.push(Member { index, address: backend.address, weight: backend.weight });
        (table, Some(self.awaited(site, &pool.name, backend)))
    }

    /// What a backend that could have slots waits for.
    fn awaited(&self, site: &Site, pool: &str, backend: &Backend) -> String {
        let Backend { name, address, .. } = backend;
        let delivery = site.pool(pool).map(|pool| pool.delivery_of(backend)).unwrap_or_default();
        let resolutions = self.resolutions.borrow();
        match Way::find(delivery, *address, resolutions.get(address), &site.tunnel) {
            Err(NoWay::Unknown) if delivery == Delivery::Local => {
                format!("{name} gets its slots if {address} is an address of this host")
            }
            Ok(_) | Err(NoWay::Unknown | NoWay::Unresolved(_)) => {
                format!("{name} gets its slots when {address} answers")
            }
            Err(no_way) => format!("{name} gets no slots: {no_way}"),
        }
    }

    /// Slots of every backend of the pool, and of one that would be.
    fn shares(&self, pool: &Pool, subject: &Backend, plan: &Plan) -> Vec<PlanShare> {
        let slots = |slots: &BTreeMap<u16, u32>, address| {
            let index = self.numbers.get(&pool.name, address).map_or(NO_SEAT, |seat| seat.index);
            slots.get(&index).copied().unwrap_or_default()
        };
        let known = pool.backends.iter().any(|backend| backend.address == subject.address);
        let backends = pool.backends.iter().chain((!known).then_some(subject));
        backends
            .map(|backend| PlanShare {
                name: backend.name.clone(),
                before: slots(&plan.before, backend.address),
                after: slots(&plan.after, backend.address),
            })
            .collect()
    }

    /// Backends by index, the removed ones included.
    fn names<'a>(&'a self, pool: &'a Pool) -> BTreeMap<u16, &'a Backend> {
        self.backends(pool)
            .filter_map(|backend| Some((self.numbers.get(&pool.name, backend.address)?.index, backend)))
            .collect()
    }

    /// A pool and its number.
    fn find_pool(&self, name: &str) -> Result<(u16, &Pool), RequestError> {
        let found = self.numbers.pool(name).zip(self.site.pool(name));
        found.ok_or_else(|| self.no_pool(name))
    }

    fn find<'a>(&self, pool: &'a Pool, name: &str) -> Result<&'a Backend, RequestError> {
        let names = pool.backends.iter().map(|backend| backend.name.as_str());
        let no_backend = || unknown(&format!("backend of pool {}", quoted(&pool.name)), name, names);
        pool.backend(name).ok_or_else(|| RequestError::NotFound(no_backend()))
    }
}

/// Refuses a backend whose name or address the pool has.
pub(super) fn no_twin(pool: &Pool, backend: &Backend) -> Result<(), RequestError> {
    if pool.backend(&backend.name).is_some() {
        return Err(RequestError::Conflict(format!(
            "pool {} already has a backend {}",
            pool.name, backend.name
        )));
    }
    match pool.backends.iter().find(|other| other.address == backend.address) {
        Some(other) => Err(RequestError::Conflict(format!(
            "pool {} already has {} as backend {}: for a greater share set its weight",
            pool.name, backend.address, other.name
        ))),
        None => Ok(()),
    }
}
