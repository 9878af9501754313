//! Finds what somebody changed in the maps behind the daemon's back, and puts it right.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anycast_common::slot::Table;

use super::Controller;
use crate::{
    api::types::{DriftStatus, Event, ReconcileStatus},
    reconcile::{
        Maps,
        observe::{self, Drift, Owners},
    },
    sweep::Tables as _,
    utc::Utc,
};

/// When the maps are looked at, and what was found.
pub(super) struct Watch {
    every: Duration,
    at: Instant,
    status: DriftStatus,
    /// Where the tables are that were published, and whose their slots are.
    published: BTreeMap<u16, (Table, Owners)>,
}

/// What the maps hold, and where that is not what they should.
struct Found {
    maps: Maps,
    drift: Vec<Drift>,
}

impl Watch {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, at: Instant::now() + every, status: DriftStatus::default(), published: BTreeMap::new() }
    }

    /// The next time the maps are looked at.
    pub(super) const fn at(&self) -> Instant {
        self.at
    }
}

impl Controller {
    /// Notes the table of a pool as it was published, or that it has none.
    pub(super) fn note_published(&mut self, pool: u16) {
        let place = self.dataplane.place(pool);
        if place.is_empty() {
            self.drift.published.remove(&pool);
        } else {
            let owners = Owners::of(&self.dataplane.table(pool));
            self.drift.published.insert(pool, (place, owners));
        }
    }

    /// Looks whether it is time to, and repairs. What cannot be repaired is tried again with everything else that failed.
    pub(super) fn look_for_drift(&mut self) {
        self.drift.at = Instant::now() + self.drift.every;
        // Whoever is checked through the dataplane has rules of the kernel on the way.
        self.checks_are_stale = true;
        // Steps that failed are tried again first: what they left half done is no drift.
        if !self.behind
            && let Err(error) = self.reconcile_drift(false)
        {
            tracing::error!("{error:#}; trying again");
        }
    }

    /// Compares the maps with what was put there, repairs them unless that is only a question, and says what had drifted.
    ///
    /// # Errors
    ///
    /// The maps cannot be read or written.
    pub(super) fn reconcile_drift(&mut self, dry_run: bool) -> anyhow::Result<ReconcileStatus> {
        let Found { maps, drift } = self.observe()?;
        let drifted: Vec<String> = drift.iter().map(|drift| self.words(drift)).collect();
        if !dry_run {
            self.drift.status.checks += 1;
            if !drifted.is_empty() {
                self.tell(Event::Drift { drifted: drifted.clone() });
                self.cause = "somebody changed the maps".to_owned();
                self.drift.status.repaired += drifted.len() as u64;
                self.drift.status.last = Some(Utc::now());
                self.drift.status.last_drifted.clone_from(&drifted);
            }
            self.take_for_installed(maps, &drift)?;
            let outcome = self.reconcile();
            self.note_outcome(&outcome);
            outcome?;
        }
        Ok(ReconcileStatus { drifted, repaired: !dry_run })
    }

    /// How often the maps were looked at, and what was found.
    pub(super) fn drift_status(&self) -> DriftStatus {
        self.drift.status.clone()
    }

    fn observe(&self) -> anyhow::Result<Found> {
        let maps = self.dataplane.observe()?;
        let mut drift = observe::drift(&self.installed, &maps);
        for (&pool, (place, owners)) in &self.drift.published {
            if self.dataplane.place(pool) != *place {
                drift.push(Drift::Table(pool));
            } else if Owners::of(&self.dataplane.table(pool)) != *owners {
                let slots = self.astray(pool)?.len() as u32;
                drift.push(Drift::Slots { pool, slots });
            }
        }
        Ok(Found { maps, drift })
    }

    /// Slots of a pool that have another owner than its table says.
    fn astray(&self, pool: u16) -> anyhow::Result<Vec<(u32, anycast_common::slot::Slot)>> {
        let Some(table) = self.installed.tables.get(&pool) else { return Ok(Vec::new()) };
        let named = |base| self.census.get(&pool).is_some_and(|census| census.based.contains_key(&base));
        Ok(observe::astray(&self.dataplane.table(pool), &table.owners(self.seed.get())?, named))
    }

    /// What is there is what the next steps begin from. Slots are put right in place: sessions of their owners go on.
    fn take_for_installed(&mut self, maps: Maps, drift: &[Drift]) -> anyhow::Result<()> {
        for drift in drift {
            if let Drift::Table(pool) = drift
                && let Some((place, _)) = self.drift.published.get(pool)
            {
                self.dataplane.restore_table(*pool, *place);
            }
            if let Drift::Slots { pool, .. } | Drift::Table(pool) = drift {
                for (slot, right) in self.astray(*pool)? {
                    self.dataplane.settle(*pool, slot, right);
                }
            }
        }
        let tables = std::mem::take(&mut self.installed.tables);
        self.installed = Maps { tables, ..maps };
        Ok(())
    }

    /// What had drifted, in an operator's words.
    fn words(&self, drift: &Drift) -> String {
        match drift {
            Drift::Backend(index) => {
                format!("{} is reached another way, or not at all", self.backend_named(*index))
            }
            Drift::Tunnel(index) => {
                format!("outer headers of packets to {} differ", self.backend_named(*index))
            }
            Drift::ForeignBackend(index) => format!("backend entry {index} is nobody's"),
            Drift::Device(index) => {
                format!("packets may not be redirected to interface {}", self.interface_named(*index))
            }
            Drift::ForeignDevice(index) => {
                format!("packets may be redirected to interface {}", self.interface_named(*index))
            }
            Drift::Vip(number) => format!("VIP {} is missing or differs", self.vip_named(*number)),
            Drift::ForeignVip(number) => format!("VIP number {number} is in no site"),
            Drift::Table(pool) => {
                format!("the slot table of pool {} is not where it was put", self.pool_named(*pool))
            }
            Drift::Slots { pool, slots } => {
                format!("{slots} slots of pool {} have another owner", self.pool_named(*pool))
            }
        }
    }

    fn backend_named(&self, index: u16) -> String {
        let pools = self.site.pools.iter();
        let mut all = pools.flat_map(|pool| pool.backends.iter().map(move |backend| (pool, backend)));
        let is = |seat: crate::numbers::Seat| seat.index == index;
        let found = all.find(|(pool, backend)| self.numbers.get(&pool.name, backend.address).is_some_and(is));
        found.map_or_else(
            || format!("backend number {index}"),
            |(pool, backend)| format!("backend {}/{} ({})", pool.name, backend.name, backend.address),
        )
    }

    fn vip_named(&self, number: u16) -> String {
        let is = |vip: &&crate::model::Vip| {
            self.numbers.vip(&vip.name, &vip.pool).is_some_and(|numbers| numbers.number == number)
        };
        self.site.vips.iter().find(is).map_or_else(|| number.to_string(), |vip| vip.name.clone())
    }

    pub(super) fn pool_named(&self, number: u16) -> String {
        let is = |pool: &&crate::model::Pool| self.numbers.pool(&pool.name) == Some(number);
        self.site.pools.iter().find(is).map_or_else(|| number.to_string(), |pool| pool.name.clone())
    }

    fn interface_named(&self, index: u32) -> String {
        let name = nix::net::if_::if_indextoname(index).ok();
        let name = name.and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| index.to_string())
    }
}
