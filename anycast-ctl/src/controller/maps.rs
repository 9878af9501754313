//! Bringing the maps to the desired state.

use std::time::Instant;

use super::Controller;
use crate::{
    api::types::{Event, TableEvent},
    reconcile::{self, Operation},
    transition::{self, Census},
    utc::Utc,
};

impl Controller {
    /// The steps that lead there, one by one.
    pub(super) fn bring_maps(&mut self) -> anyhow::Result<()> {
        let resolutions = self.resolutions.borrow_and_update().clone();
        let now = Utc::now();
        let wanted = reconcile::wanted(&self.site, &self.numbers, &self.opinions(), &resolutions, now);
        let scope = reconcile::scope(&self.site, &self.numbers, &self.opinions(), now);
        self.tending.set_scope(scope, now);
        self.behind = true;
        self.checks_are_stale = true;
        for operation in reconcile::operations(&self.installed, &wanted) {
            self.apply(&operation)?;
            self.installed.note(operation);
        }
        self.checks.note_followed();
        self.collect()?;
        // The maps are. Whether packets come to them is another question.
        self.behind = false;
        self.ports.check()
    }

    fn apply(&mut self, operation: &Operation) -> anyhow::Result<()> {
        match operation {
            Operation::AddDevice(device) => self.dataplane.add_device(*device)?,
            Operation::SuspendBackend(index) => self.dataplane.suspend_backend(*index),
            Operation::SetTunnel(index, tunnel) => self.dataplane.set_tunnel(*index, *tunnel),
            Operation::SetBackend(index, backend) => self.dataplane.set_backend(*index, *backend),
            Operation::PublishTable(pool, table) => self.publish_table(*pool, table)?,
            Operation::PublishDirectory(directory) => {
                self.dataplane.publish_directory(directory)?;
                // Flows of a VIP that is gone, or another pool's now, may be remembered.
                self.tending.expect_flows();
            }
            Operation::RemoveTable(pool) => self.remove_table(*pool),
            Operation::ClearBackend(index) => self.dataplane.clear_backend(*index),
            Operation::RemoveDevice(device) => self.dataplane.remove_device(*device)?,
        }
        Ok(())
    }

    /// Moves the slots of a pool to the owners a table gives them.
    fn publish_table(&mut self, pool: u16, table: &reconcile::Table) -> anyhow::Result<()> {
        let start = Instant::now();
        let merged = self.merged(pool, table)?;
        let computed = start.elapsed();
        if merged.slots == self.dataplane.table(pool) {
            // As a daemon before this one published it.
            return Ok(());
        }
        // Without slots a pool forgets its transitions: only when there are none.
        let slots = if merged.is_void() { &[][..] } else { &merged.slots };
        self.dataplane.publish_table(pool, slots)?;
        let published = start.elapsed() - computed;
        let census = Census::of(slots);
        tracing::debug!(pool = self.pool_named(pool), ?computed, ?published, "published a table");
        let name = self.pool_named(pool);
        let why = self.checks.why_moved(&name).unwrap_or(&self.cause).to_owned();
        self.tell(Event::Table(TableEvent {
            pool: name,
            revision: self.revision(),
            slots: slots.len() as u32,
            moved: merged.moved,
            in_transition: census.in_transition(),
            took_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
            why,
        }));
        self.tending.note_published(self.census.get(&pool), &census);
        self.census.insert(pool, census);
        self.note_published(pool);
        self.note_transitions();
        self.tending.expect_flows();
        Ok(())
    }

    /// Forgets the slots of a pool that no VIP names any more.
    fn remove_table(&mut self, pool: u16) {
        self.dataplane.unpublish_table(pool);
        self.note_published(pool);
        let before = self.census.remove(&pool);
        self.tending.note_published(before.as_ref(), &Census::default());
        self.moving_since.remove(&pool);
        self.tending.expect_flows();
    }

    /// Notes which pools began to have slots in transition, and tells which have none any more.
    pub(super) fn note_transitions(&mut self) {
        self.announcements.are_stale = true;
        let mut over = Vec::new();
        for (&pool, census) in &self.census {
            if census.in_transition() == 0 {
                over.extend(self.moving_since.remove(&pool).map(|since| (pool, since.elapsed().as_secs())));
            } else {
                self.moving_since.entry(pool).or_insert_with(Instant::now);
            }
        }
        for (pool, seconds) in over {
            self.tell(Event::Settled { pool: self.pool_named(pool), seconds });
        }
    }

    /// What a pool's slots become with a table.
    fn merged(&self, pool: u16, table: &reconcile::Table) -> anyhow::Result<transition::Merged> {
        let owners = table.owners(self.seed.get())?;
        Ok(transition::merge(&self.dataplane.table(pool), &owners))
    }
}
