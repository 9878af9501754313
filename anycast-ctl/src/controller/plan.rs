//! What a change would do, before it is made.

mod notes;
mod vip;

use std::collections::{BTreeMap, BTreeSet};

use super::{Controller, commit::Prepared};
use crate::{
    api::{
        request::{Order, Proposal, RequestError},
        types::{PlanBreaks, PlanShare, PlanStatus, PoolPlan},
    },
    condition::{Condition, Marks},
    model::{
        Backend, Delivery, Pool, Site, SiteDiff,
        diff::{Change, Subject},
    },
    numbers::Numbers,
    plan::{self, Plan},
    reconcile::{self, Member, Table},
    utc::Utc,
    way::{NoWay, Way},
};

/// The site, its numbers and the marks after a change, and which backends of which pools it is about.
struct After {
    site: Site,
    numbers: Numbers,
    marks: Marks,
    diff: SiteDiff,
    marked: Option<(String, String)>,
}

impl After {
    /// Pools that something is about, in the order of the site.
    fn pools(&self, before: &Site) -> Vec<String> {
        let named: BTreeSet<&str> = self
            .diff
            .differences
            .iter()
            .filter_map(|difference| match &difference.subject {
                Subject::Pool { pool } | Subject::Backend { pool, .. } => Some(pool.as_str()),
                Subject::Site | Subject::Vip { .. } => None,
            })
            .chain(self.marked.iter().map(|(pool, _)| pool.as_str()))
            .collect();
        let gone = before.pools.iter().filter(|pool| self.site.pool(&pool.name).is_none());
        let pools = self.site.pools.iter().chain(gone).map(|pool| pool.name.clone());
        pools.filter(|pool| named.contains(pool.as_str())).collect()
    }

    /// Whether a change is about a backend itself.
    fn is_about(&self, pool: &str, backend: &str) -> bool {
        let marked = self.marked.as_ref().is_some_and(|(p, b)| p == pool && b == backend);
        marked
            || self.diff.differences.iter().any(|difference| {
                matches!(&difference.subject, Subject::Backend { pool: p, backend: b } if p == pool && b == backend)
            })
    }
}

impl Controller {
    /// What a change would do.
    ///
    /// # Errors
    ///
    /// As the change itself would be refused.
    pub(super) fn plan(&self, order: &Order) -> Result<PlanStatus, RequestError> {
        self.check_expected(order.expected)?;
        let (after, what) = match &order.proposal {
            Proposal::Edit(edit) => {
                let Prepared { site, numbers, diff } = self.prepare(edit)?;
                (After { site, numbers, marks: self.marks.clone(), diff, marked: None }, edit.summary())
            }
            Proposal::Mark { pool, backend, up } => {
                let address = self.find_backend(pool, backend)?.address;
                let mut marks = self.marks.clone();
                let key = (pool.clone(), address);
                if *up {
                    marks.remove(&key)
                } else {
                    marks.insert(key)
                };
                let marked = Some((pool.clone(), backend.clone()));
                let (site, numbers) = (Site::clone(&self.site), Numbers::clone(&self.numbers));
                let word = if *up { "up" } else { "down" };
                let what = format!("backend mark {pool} {backend} {word}");
                (After { site, numbers, marks, diff: SiteDiff::default(), marked }, what)
            }
        };
        let mut wanted = reconcile::wanted(
            &after.site,
            &after.numbers,
            &self.opinions_with(&after.marks),
            &self.resolutions.borrow(),
            Utc::now(),
        );
        let pools = after
            .pools(&self.site)
            .iter()
            .map(|name| {
                let number = after.numbers.pool(name).filter(|_| after.site.pool(name).is_some());
                self.pool_plan(&after, name, number.and_then(|number| wanted.tables.remove(&number)))
            })
            .collect::<Result<_, _>>()?;
        Ok(PlanStatus {
            revision: self.revision(),
            what,
            pools,
            vips: after
                .diff
                .differences
                .iter()
                .filter_map(|it| vip::plan(&self.site, &after.site, it))
                .collect(),
            notes: notes::of(&after.diff, &self.site, &after.site),
            diff: after.diff,
        })
    }

    fn pool_plan(&self, after: &After, name: &str, table: Option<Table>) -> Result<PoolPlan, RequestError> {
        let (before, next) = (self.site.pool(name), after.site.pool(name));
        let slots = next.or(before).map_or(0, |pool| pool.slots);
        let mut table = table.unwrap_or(Table { slots, seed: None, members: Vec::new() });
        let pending = next.map(|pool| self.expect_answers(after, pool, &mut table)).unwrap_or_default();
        let owners =
            table.owners(self.seed.get()).map_err(|error| RequestError::Invalid(error.to_string()))?;
        let present = self.numbers.pool(name).map(|number| self.dataplane.table(number)).unwrap_or_default();
        let plan = Plan::between(&present, &owners);

        let swept = self.figures().found.swept;
        let pins_of = |backend: &Backend| {
            let index = self.numbers.get(name, backend.address).map(|seat| seat.index);
            index.and_then(|index| swept.pins_by_backend.get(&index)).copied().unwrap_or_default()
        };
        let subjects = || {
            before
                .into_iter()
                .flat_map(|pool| &pool.backends)
                .filter(|it| after.is_about(name, &it.name) || next.is_none())
        };
        let mut breaks = Vec::new();
        for backend in subjects() {
            let Some(after_seconds) = self.ends(after, name, backend) else { continue };
            let index = self.numbers.get(name, backend.address).map(|seat| seat.index);
            let slots = index.map_or(0, |index| plan::slots_at_stake(&present, index));
            let broken =
                PlanBreaks { backend: backend.name.clone(), pins: pins_of(backend), slots, after_seconds };
            breaks.extend((broken.pins > 0 || broken.slots > 0).then_some(broken));
        }
        Ok(PoolPlan {
            pool: name.to_owned(),
            change: match (before, next) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                (Some(_), Some(_)) => Change::Changed,
            },
            slots,
            slots_moved: plan.moved,
            shares: self.shares(after, name, &plan),
            pins: subjects().map(pins_of).sum(),
            breaks,
            pending,
        })
    }

    /// Seconds until the flows of a backend end by the change; `None`: they live on.
    fn ends(&self, after: &After, pool: &str, backend: &Backend) -> Option<u64> {
        let Some((next_pool, next)) =
            after.site.pool(pool).and_then(|pool| Some((pool, pool.backend(&backend.name)?)))
        else {
            return Some(0);
        };
        if next.address != backend.address {
            return Some(0);
        }
        let now = Utc::now();
        let before = self.site.pool(pool).unwrap_or(next_pool);
        let was = Condition::of(&self.opinions(), before, backend);
        let will = Condition::of(&self.opinions_with(&after.marks), next_pool, next);
        if was.is_usable(next_pool.on_down, now) && !will.is_usable(next_pool.on_down, now) {
            return Some(0);
        }
        let until = |condition: &Condition| condition.draining.and_then(|drain| drain.until);
        until(&will).filter(|_| until(&will) != until(&was)).map(|until| until.since(now).as_secs())
    }

    /// Counts those backends in that the change gives slots as soon as they answer, and says what they wait for.
    fn expect_answers(&self, after: &After, pool: &Pool, table: &mut Table) -> Vec<String> {
        let mut pending = Vec::new();
        for backend in pool.backends.iter().filter(|it| after.is_about(&pool.name, &it.name)) {
            if table.members.iter().any(|member| member.address == backend.address) {
                continue;
            }
            let condition = Condition::of(&self.opinions_with(&after.marks), pool, backend);
            let was = self.site.pool(&pool.name).and_then(|pool| Some((pool, pool.backend(&backend.name)?)));
            let was_eligible = was
                .is_some_and(|(pool, backend)| Condition::of(&self.opinions(), pool, backend).is_eligible());
            if condition.is_eligible() {
                let Some(seat) = after.numbers.get(&pool.name, backend.address) else { continue };
                table.admit(Member::of(backend, &condition, seat.index));
                pending.push(if table.members.iter().any(|member| member.address == backend.address) {
                    self.awaited(&after.site, pool, backend)
                } else {
                    format!("{} is a backup: it gets slots while nobody else can take flows", backend.name)
                });
            } else if !was_eligible {
                let why = if condition.marked_down {
                    "marked down"
                } else if condition.checked_down {
                    "down by its checks"
                } else if condition.waiting {
                    "waiting for its first checks"
                } else if condition.disabled {
                    "disabled"
                } else {
                    "draining"
                };
                pending.push(format!("{} is {why} then, and gets no slots", backend.name));
            }
        }
        pending
    }

    /// What a backend that could have slots waits for.
    fn awaited(&self, site: &Site, pool: &Pool, backend: &Backend) -> String {
        let Backend { name, address, .. } = backend;
        let delivery = pool.delivery_of(backend);
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

    /// Slots of every backend that the pool has or would have.
    fn shares(&self, after: &After, pool: &str, plan: &Plan) -> Vec<PlanShare> {
        let of = |site: &Site| site.pool(pool).map(|pool| pool.backends.clone()).unwrap_or_default();
        let slots = |slots: &BTreeMap<u16, u32>, numbers: &Numbers, backend: Option<&Backend>| {
            let seat = backend.and_then(|backend| numbers.get(pool, backend.address));
            seat.and_then(|seat| slots.get(&seat.index)).copied().unwrap_or_default()
        };
        let (before, next) = (of(&self.site), of(&after.site));
        let new = next.iter().filter(|it| !before.iter().any(|other| other.name == it.name));
        let names = before.iter().chain(new).map(|backend| &backend.name);
        names
            .map(|name| PlanShare {
                name: name.clone(),
                before: slots(&plan.before, &self.numbers, before.iter().find(|it| it.name == *name)),
                after: slots(&plan.after, &after.numbers, next.iter().find(|it| it.name == *name)),
            })
            .collect()
    }
}
