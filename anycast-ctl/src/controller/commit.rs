//! The one way by which the desired state changes.
//!
//! ```text
//! edit ─▶ whole site valid ─▶ numbers fit ─▶ stored ─▶ desired ─▶ dataplane
//!   └──────────┴─ refused: nothing changes ──┘            └─ fails: shown, and tried again
//! ```

use std::{collections::BTreeSet, sync::Arc};

use super::Controller;
use crate::{
    api::{
        request::{Order, Proposal, RequestError},
        types::{Committed, Event, RevisionStatus},
    },
    config,
    model::{Backend, Edit, EditError, Seed, Site, SiteDiff},
    numbers::Numbers,
    store::{Author, Commit, Record, Revision, Store, StoreError},
    transition::Census,
};

/// Everything that a change will need, with nothing changed yet.
pub(super) struct Prepared {
    /// The site after it.
    pub site: Site,
    /// Its numbers.
    pub numbers: Numbers,
    /// What differs.
    pub diff: SiteDiff,
}

impl Controller {
    /// Makes a change. What it comes to is desired from then on, also when the dataplane cannot be brought there yet.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being stored: nothing is changed then.
    pub(super) async fn change(&mut self, order: Order) -> Result<Committed, RequestError> {
        self.catch_up().await?;
        self.check_expected(order.expected)?;
        match &order.proposal {
            Proposal::Edit(edit) => {
                let edit = edit.clone();
                self.commit(order, &edit).await
            }
            Proposal::Mark { pool, backend, up } => self.mark(pool, backend, *up, &order.author).await,
        }
    }

    async fn commit(&mut self, order: Order, edit: &Edit) -> Result<Committed, RequestError> {
        let Prepared { site, numbers, diff } = self.prepare(edit)?;
        let first = self.head.is_none();
        if diff.is_empty() && !first {
            if let Some(text) = order.applied_file {
                self.with_store(move |store| store.set_applied_file(&text)).await?;
            }
            return Ok(Committed { revision: self.revision(), changed: false, diff });
        }
        let commit = Commit {
            expected: self.head.as_ref().map(|head| head.revision),
            author: order.author,
            summary: edit.summary(),
            text: config::to_toml(&site),
            runtime: self.document(&numbers)?,
            applied_file: order.applied_file,
        };
        let stored = self.with_store(move |store| store.commit(commit)).await;
        let record = stored.inspect_err(|error| self.note_uncertainty(error))?;
        self.desire(record, site, numbers).await;
        Ok(Committed { revision: self.revision(), changed: true, diff })
    }

    /// Brings everything to what the store has as its newest revision.
    async fn desire(&mut self, record: Record, site: Site, numbers: Numbers) {
        self.tell(Event::Revision(RevisionStatus::from(&record)));
        let cause = format!("revision {}, {}", record.revision, record.summary);
        self.head = Some(record);
        self.note_serving();
        let other_interfaces = self.site.interfaces != site.interfaces;
        self.numbers = Arc::new(numbers);
        self.site = Arc::new(site);
        self.note_diverted();
        self.marks.retain(|(pool, address)| self.numbers.is_present(pool, *address));
        self.watch_addresses();
        if other_interfaces {
            self.tend_interfaces().await;
        }
        self.reconcile_for(cause);
    }

    /// Desires what the store has, where a change may have been stored though its answer was that nobody knows. The store is
    /// right: a restart would begin with it, and it takes no change that was made for an older revision.
    ///
    /// # Errors
    ///
    /// It cannot be read, or its numbers cannot be written down, yet.
    pub(super) async fn catch_up(&mut self) -> Result<(), RequestError> {
        if !self.may_be_outrun {
            return Ok(());
        }
        let newest = self.with_store(|store| store.head()).await?;
        if let Some(record) = newest.filter(|newest| Some(newest) != self.head.as_ref()) {
            let revision = record.revision;
            let text = self.with_store(move |store| store.revision(revision)).await?.text;
            let site = config::parse(&text, &format!("revision {revision}"))
                .map_err(|error| RequestError::Internal(error.to_string()))?;
            let edit = Edit::Replace { site: Box::new(site), what: record.summary.clone() };
            let Prepared { site, numbers, .. } = self.prepare(&edit)?;
            // Those that were stored with it may have been overwritten since.
            let document = self.document(&numbers)?;
            self.with_store(move |store| store.set_runtime(&document)).await?;
            tracing::warn!("revision {revision} was stored, though that was not known: it is desired");
            self.desire(record, site, numbers).await;
        } else {
            // What was ordered apart from the site is as it was before: in the store, too.
            let document = self.document(&self.numbers)?;
            self.with_store(move |store| store.set_runtime(&document)).await?;
        }
        self.may_be_outrun = false;
        Ok(())
    }

    /// Remembers that the store has to be looked at.
    pub(super) fn note_uncertainty(&mut self, error: &RequestError) {
        self.may_be_outrun |= matches!(error, RequestError::Uncertain(_));
    }

    /// Takes note of the operator's verdict on a backend.
    async fn mark(
        &mut self,
        pool: &str,
        backend: &str,
        up: bool,
        author: &Author,
    ) -> Result<Committed, RequestError> {
        let found = self.find_backend(pool, backend)?;
        let key = (pool.to_owned(), found.address);
        let before = self.marks.clone();
        let changed = if up { self.marks.remove(&key) } else { self.marks.insert(key) };
        if changed {
            let document = self.document(&self.numbers)?;
            if let Err(error) = self.with_store(move |store| store.set_runtime(&document)).await {
                self.marks = before;
                self.note_uncertainty(&error);
                return Err(error);
            }
            let marked = Event::Mark {
                pool: pool.to_owned(),
                backend: backend.to_owned(),
                up,
                who: author.to_string(),
            };
            let cause = marked.words();
            self.tell(marked);
            self.reconcile_for(cause);
        }
        Ok(Committed { revision: self.revision(), changed, diff: SiteDiff::default() })
    }

    /// Does everything short of changing something.
    ///
    /// # Errors
    ///
    /// Whatever the edit, the rules of the site, or the maps that are loaded do not allow.
    pub(super) fn prepare(&self, edit: &Edit) -> Result<Prepared, RequestError> {
        let site = edit.apply(&self.site)?;
        check_fixed(&self.site, self.seed, &site).map_err(RequestError::Invalid)?;
        let named: BTreeSet<u16> = self.census.values().flat_map(Census::named).collect();
        let numbers = self.numbers.after(&site, &named, &self.dataplane.capacity());
        let numbers =
            numbers.map_err(|error| RequestError::Invalid(format!("{error}; nothing was changed")))?;
        let diff = SiteDiff::between(&self.site, &site);
        Ok(Prepared { site, numbers, diff })
    }

    /// Refuses a change that was made for another revision than the newest.
    pub(super) fn check_expected(&self, expected: Option<Revision>) -> Result<(), RequestError> {
        match expected {
            Some(expected) if self.head.as_ref().map(|head| head.revision) != Some(expected) => {
                Err(stale(expected, self.head.as_ref()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The newest revision; 0 before the first.
    pub(super) fn revision(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.revision.get())
    }

    /// The runtime document that goes with these numbers.
    pub(super) fn document(&self, numbers: &Numbers) -> Result<Vec<u8>, RequestError> {
        self.runtime(numbers.clone()).to_document().map_err(|error| RequestError::Internal(error.to_string()))
    }

    /// Has the store do something on a thread that may block.
    pub(super) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || work(store.as_ref())).await;
        Ok(done.map_err(|error| RequestError::Internal(format!("use the store: {error}")))??)
    }

    /// A backend of the site.
    pub(super) fn find_backend(&self, pool: &str, name: &str) -> Result<&Backend, RequestError> {
        let found = self.site.pool(pool).ok_or_else(|| self.no_pool(pool))?;
        found.backend(name).ok_or_else(|| {
            let names = found.backends.iter().map(|backend| backend.name.as_str());
            let kind = format!("backend of pool {}", crate::spelling::quoted(pool));
            RequestError::NotFound(crate::spelling::unknown(&kind, name, names))
        })
    }
}

/// Refuses what no loaded dataplane can become: every session would break.
pub(super) fn check_fixed(running: &Site, seed: Seed, site: &Site) -> Result<(), String> {
    let advice = "since every session would break";
    if site.seed != running.seed && site.seed != Some(seed) {
        return Err(format!(
            "the seed cannot change while the dataplane is loaded, {advice}: to do that run `anycast-ctl down`, and start \
             the daemon with the new file"
        ));
    }
    for pool in &site.pools {
        let Some(before) = running.pool(&pool.name) else { continue };
        let what = if pool.slots != before.slots {
            format!("has {} slots: their number", before.slots)
        } else if pool.hash != before.hash {
            format!("has the hash policy {}: it", before.hash)
        } else if pool.seed != before.seed {
            "has a seed of its own, or none: it".to_owned()
        } else {
            continue;
        };
        return Err(format!(
            "pool {} {what} cannot change while it is steered, {advice}: add another pool, and move its VIPs there",
            pool.name
        ));
    }
    Ok(())
}

fn stale(expected: Revision, head: Option<&Record>) -> RequestError {
    let head = head.cloned();
    let current = head.as_ref().map(|head| Box::new(RevisionStatus::from(head)));
    RequestError::Stale { error: StoreError::Conflict { expected, head }.to_string(), current }
}

impl From<EditError> for RequestError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Unknown(text) => Self::NotFound(text),
            EditError::Conflict(text) => Self::Conflict(text),
            EditError::Invalid(text) => Self::Invalid(text),
        }
    }
}

impl From<StoreError> for RequestError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Conflict { expected, head } => stale(expected, head.as_ref()),
            StoreError::Unknown { .. } => Self::NotFound(text),
            StoreError::Full { .. } => Self::Full(text),
            StoreError::Uncertain { .. } => Self::Uncertain(text),
            StoreError::InUse(_)
            | StoreError::NewerFormat { .. }
            | StoreError::Damaged { .. }
            | StoreError::Io { .. } => Self::Internal(text),
        }
    }
}
