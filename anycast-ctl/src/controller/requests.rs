//! What the API asks, and the answers.

use std::sync::Arc;

use super::{
    Controller,
    view::{View, backends},
};
use crate::{
    api::{
        request::{Desired, Request, RequestError, Shown},
        types::{RevisionStatus, SlotOwner, SlotRun, SlotsStatus},
    },
    capture::book::Book,
    model::{Backend, Pool, Site, diff::Subject},
    spelling::unknown,
};

impl Controller {
    /// Answers; whoever asked may be gone, which is no error.
    pub(super) async fn answer(&mut self, request: Request) {
        // Nobody is to see less than what is stored. A change is refused while that is not known.
        if let Err(error) = self.catch_up().await {
            tracing::debug!("looking whether the last change was stored: {error}");
        }
        match request {
            Request::Status(reply) => {
                self.look(move |view| drop(reply.send(view.status().map_err(internal))));
            }
            Request::Site(reply) => drop(reply.send(Ok(self.desired()))),
            Request::Store(reply) => drop(reply.send(Ok(Arc::clone(&self.store)))),
            Request::Show(subject, reply) => {
                self.look(move |view| drop(reply.send(view.show(&subject).map_err(internal))));
            }
            Request::Flows(reply) => self.hand_out_flows(reply),
            Request::Slots { pool, reply } => drop(reply.send(self.slots(&pool))),
            Request::Change(order, reply) => drop(reply.send(self.change(order).await)),
            Request::Plan(order, reply) => drop(reply.send(self.plan(&order))),
            Request::Announce { change, author, reply } => {
                drop(reply.send(self.change_announcements(change, author.to_string()).await));
            }
            Request::TraceSource(reply) => drop(reply.send(Ok(self.dataplane.trace_source()))),
            Request::Book(reply) => drop(reply.send(Ok(Arc::new(Book::of(&self.site, &self.numbers))))),
            Request::BeginToShow(tapped, reply) => {
                let begun = self.dataplane.begin_to_show(*tapped);
                drop(reply.send(begun.map_err(|error| internal(error.into()))));
            }
            Request::EndToShow(reply) => {
                let ended = self.dataplane.end_to_show();
                drop(reply.send(ended.map_err(|error| internal(error.into()))));
            }
            Request::Hook(state, reply) => self.hook_when_gone(state, reply).await,
            Request::Explain { interface, frame, reply } => self.explain(interface, frame, reply),
            Request::Reconcile { dry_run, reply } => {
                drop(reply.send(self.reconcile_drift(dry_run).map_err(internal)));
            }
        }
    }

    fn desired(&self) -> Desired {
        Desired { record: self.head.as_ref().map(RevisionStatus::from), site: Site::clone(&self.site) }
    }

    /// The slot table of a pool, as packets see it.
    fn slots(&self, name: &str) -> Result<SlotsStatus, RequestError> {
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

    /// Backends by index, the removed ones included.
    fn names<'a>(&'a self, pool: &'a Pool) -> std::collections::BTreeMap<u16, &'a Backend> {
        backends(&self.numbers, pool)
            .filter_map(|backend| Some((self.numbers.get(&pool.name, backend.address)?.index, backend)))
            .collect()
    }

    /// A pool and its number.
    pub(super) fn find_pool(&self, name: &str) -> Result<(u16, &Pool), RequestError> {
        self.numbers.pool(name).zip(self.site.pool(name)).ok_or_else(|| self.no_pool(name))
    }

    pub(super) fn no_pool(&self, name: &str) -> RequestError {
        RequestError::NotFound(unknown("pool", name, self.site.pools.iter().map(|pool| pool.name.as_str())))
    }
}

impl View {
    fn show(&self, subject: &Subject) -> anyhow::Result<Shown> {
        let shown = match subject {
            Subject::Site => None,
            Subject::Pool { pool } => {
                let pool = self.site.pool(pool).map(|pool| self.status_of_pool(pool));
                pool.transpose()?.map(Shown::Pool)
            }
            Subject::Vip { vip } => {
                let vip = self.site.vip(vip).map(|vip| self.status_of_vip(vip));
                vip.transpose()?.map(Shown::Vip)
            }
            Subject::Backend { pool, backend: name } => {
                let found = self.site.pool(pool).and_then(|pool| pool.backend(name)).or_else(|| {
                    let removed = self.numbers.removed(pool).into_iter().map(|occupant| &occupant.backend);
                    removed.rev().find(|backend| backend.name == *name)
                });
                let status = found.map(|backend| self.status_of_backend(pool, backend));
                status.transpose()?.map(Shown::Backend)
            }
        };
        Ok(shown.unwrap_or(Shown::Nothing))
    }
}

pub(super) fn internal(error: anyhow::Error) -> RequestError {
    RequestError::Internal(format!("{error:#}"))
}
