//! How far the dataplane is, and what watchers are told of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::Controller;
use crate::{
    api::types::{BackendState, BehindStatus, Event, Progress},
    utc::Utc,
};

/// States that watchers were told, by pool and address, with the backends' names.
pub(super) type Told = BTreeMap<(String, IpAddr), (String, BackendState)>;

impl Controller {
    /// Notes what came of bringing the dataplane to the desired state.
    pub(super) fn note_outcome(&mut self, outcome: &anyhow::Result<()>) {
        let revision = self.revision();
        let settled = self.is_settled();
        let mut event = None;
        self.progress.send_if_modified(|progress| {
            let before = progress.clone();
            progress.revision = revision;
            progress.settled = settled;
            match outcome {
                Ok(()) => {
                    progress.applied = revision;
                    event = progress.behind.take().map(|_| Event::CaughtUp { revision });
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    let behind = match progress.behind.take() {
                        Some(behind) => BehindStatus { error, attempts: behind.attempts + 1, ..behind },
                        None => {
                            let behind = BehindStatus { since: Utc::now(), error, attempts: 1 };
                            event = Some(Event::Behind(behind.clone()));
                            behind
                        }
                    };
                    progress.behind = Some(behind);
                }
            }
            *progress != before
        });
        event.into_iter().for_each(|event| self.tell(event));
        self.tell_states();
        self.tell_interfaces();
    }

    /// How far the dataplane is.
    pub(super) fn progress_status(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Tells whoever watches. That nobody does is no error.
    pub(super) fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }

    /// Tells watchers which backends are in another state than they were told.
    fn tell_states(&mut self) {
        let mut told = Told::new();
        for pool in &self.site.pools {
            for backend in &pool.backends {
                let state = self.backend_state(&pool.name, backend);
                let key = (pool.name.clone(), backend.address);
                let before = self.told.get(&key).map(|(_, state)| *state);
                if before != Some(state) {
                    let event = Event::Backend {
                        pool: pool.name.clone(),
                        backend: backend.name.clone(),
                        address: backend.address,
                        before,
                        after: state,
                    };
                    self.tell(event);
                }
                told.insert(key, (backend.name.clone(), state));
            }
        }
        for ((pool, address), (backend, before)) in
            self.told.iter().filter(|(key, _)| !told.contains_key(key))
        {
            self.tell(Event::Backend {
                pool: pool.clone(),
                backend: backend.clone(),
                address: *address,
                before: Some(*before),
                after: BackendState::Removed,
            });
        }
        self.told = told;
    }

    /// Tells watchers which interfaces have the program, where they were told otherwise.
    pub(super) fn tell_interfaces(&mut self) {
        let attached: BTreeSet<String> =
            self.dataplane.attachments().iter().map(|attachment| attachment.interface.clone()).collect();
        let changed = |name: &String, attached| Event::Interface { name: name.clone(), attached };
        let gone = self.told_interfaces.difference(&attached).map(|name| changed(name, false));
        let come = attached.difference(&self.told_interfaces).map(|name| changed(name, true));
        gone.chain(come).for_each(|event| self.tell(event));
        self.told_interfaces = attached;
    }

    /// Whether the next hop of every backend has been looked up, with whatever result.
    pub(super) fn is_settled(&self) -> bool {
        let resolutions = self.resolutions.borrow();
        self.site.pools.iter().flat_map(|pool| &pool.backends).all(|backend| {
            resolutions.get(&backend.address).is_some_and(|resolution| resolution.is_settled())
        })
    }
}
