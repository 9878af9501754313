//! Drains under way: how far they are, and what follows when one is over.

mod told;

use super::{Controller, view::View};
use crate::{
    api::{
        request::{Order, Proposal},
        types::DrainStatus,
    },
    condition::Condition,
    drain::{self, Remains},
    model::{AdminState, Backend, Edit, Pool, edit::BackendEdit},
    store::Author,
    utc::Utc,
};

pub(super) use self::told::DrainsTold;

impl View {
    /// How far the drain of a backend of the site is; `None`: it is not draining.
    pub(super) fn drain_status(&self, pool: &Pool, backend: &Backend) -> Option<DrainStatus> {
        let condition = self.condition(pool, backend);
        let (until, now) = (condition.draining?.until, Utc::now());
        let index = self.numbers.get(&pool.name, backend.address)?.index;
        let remains = Remains::of(index, self.census(&pool.name), &self.figures.found);
        Some(DrainStatus {
            remaining_seconds: until.map(|until| until.since(now).as_secs()),
            flows: remains.flows,
            slots: remains.slots,
            empty: condition.is_drained(now) || remains.is_nothing(),
            removes: drain::removes(pool, backend),
            last: drain::wants_removal(backend) && !drain::removes(pool, backend),
        })
    }
}

impl Controller {
    /// Removes the backends that were to be removed once they are drained, and are. Each makes a revision of its own, so
    /// that each can be taken back.
    pub(super) async fn remove_drained(&mut self) {
        while let Some((pool, name)) = self.drained() {
            let edit = Edit::Backend { pool: pool.clone(), edit: BackendEdit::Remove { name: name.clone() } };
            let order = Order {
                proposal: Proposal::Edit(edit),
                expected: None,
                author: Author::Daemon,
                applied_file: None,
            };
            let failed = self.change(order).await.err().map(|error| error.to_string());
            if let Some(error) = &failed
                && failed != self.tending.complaint
            {
                tracing::error!("remove {name} from pool {pool}: {error}; trying again every few seconds");
            }
            self.tending.complaint = failed;
            if self.tending.complaint.is_some() {
                return;
            }
        }
    }

    /// Whether some drain may be over, and only a sweep can tell.
    pub(super) fn awaits_sweep(&self) -> bool {
        self.draining()
            .any(|(pool, backend)| self.remains(pool, backend).is_some_and(|remains| remains.is_unseen()))
    }

    /// A backend that is to be removed now.
    fn drained(&self) -> Option<(String, String)> {
        if self.behind {
            // Packets may meet an earlier state of things.
            return None;
        }
        let now = Utc::now();
        let mut over = self.draining().filter(|(pool, backend)| {
            drain::removes(pool, backend)
                && (Condition::of(&self.opinions(), pool, backend).is_drained(now)
                    || self.remains(pool, backend).is_some_and(|remains| remains.is_nothing()))
        });
        over.next().map(|(pool, backend)| (pool.name.clone(), backend.name.clone()))
    }

    fn draining(&self) -> impl Iterator<Item = (&Pool, &Backend)> {
        let of = |pool| move |backend| (pool, backend);
        let backends = self.site.pools.iter().flat_map(move |pool| pool.backends.iter().map(of(pool)));
        backends.filter(|(_, backend)| backend.state == AdminState::Draining)
    }

    fn remains(&self, pool: &Pool, backend: &Backend) -> Option<Remains> {
        let index = self.numbers.get(&pool.name, backend.address)?.index;
        let census = self.numbers.pool(&pool.name).and_then(|number| self.census.get(&number));
        Some(Remains::of(index, census, self.tending.found()))
    }
}
