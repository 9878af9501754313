//! How far the dataplane is, and what watchers are told of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::Controller;
use crate::{
    api::types::{BackendState, BehindStatus, DaemonEvent, DaemonStep, Event, Progress},
    utc::Utc,
};

/// States that watchers were told, by pool and address, with the backends' names.
pub(super) type Told = BTreeMap<(String, IpAddr), (String, BackendState)>;

impl Controller {
    /// Notes what came of bringing the dataplane to the desired state.
    pub(super) fn note_outcome(&mut self, outcome: &anyhow::Result<()>) {
        let (revision, settled) = (self.revision(), self.is_settled());
        let outcome = outcome.as_ref().copied().map_err(|error| format!("{error:#}"));
        let mut event = None;
        self.progress.send_if_modified(|progress| {
            let before = progress.clone();
            progress.revision = revision;
            progress.settled = settled;
            event = judge(progress, outcome, Utc::now());
            *progress != before
        });
        event.into_iter().for_each(|event| self.tell(event));
        self.tell_states();
        self.tell_drains();
        self.tell_interfaces();
    }

    /// How far the dataplane is.
    pub(super) fn progress_status(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Tells an event.
    pub(super) fn tell(&self, event: Event) {
        self.events.tell(event);
    }

    /// Tells something about the daemon itself.
    pub(super) fn tell_step(&self, what: DaemonStep) {
        let (version, pid) = (env!("CARGO_PKG_VERSION").to_owned(), std::process::id());
        self.tell(Event::Daemon(DaemonEvent { what, version, pid, revision: self.revision() }));
    }

    /// Tells watchers which backends are in another state than they were told; at the start, which are not up.
    fn tell_states(&mut self) {
        let (is_first, mut told) = (self.drains_told.is_none(), Told::new());
        for pool in &self.site.pools {
            for backend in &pool.backends {
                let state = self.backend_state(pool, backend);
                let key = (pool.name.clone(), backend.address);
                let before = self.told.get(&key).map(|(_, state)| *state);
                if before != Some(state) && !(is_first && state == BackendState::Up) {
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

/// What an attempt makes of the progress, and what watchers are told: where it gets stuck, and where it goes on.
fn judge(progress: &mut Progress, outcome: Result<(), String>, now: Utc) -> Option<Event> {
    let behind = progress.behind.take();
    match (outcome, behind) {
        (Ok(()), behind) => {
            progress.applied = progress.revision;
            behind.map(|_| Event::CaughtUp { revision: progress.applied })
        }
        (Err(error), Some(behind)) => {
            progress.behind =
                Some(BehindStatus { error, attempts: behind.attempts.saturating_add(1), ..behind });
            None
        }
        (Err(error), None) => {
            let behind = BehindStatus { since: now, error, attempts: 1 };
            progress.behind = Some(behind.clone());
            Some(Event::Behind(behind))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_falls_behind_is_told_of_once_and_counts_attempts() {
        let (begun, later) = (Utc::from_unix(100), Utc::from_unix(101));
        let failed = |error: &str| Err(error.to_owned());
        let mut progress = Progress { revision: 7, applied: 6, settled: true, behind: None };
        let behind = BehindStatus { since: begun, error: "no room".into(), attempts: 1 };
        assert_eq!(judge(&mut progress, failed("no room"), begun), Some(Event::Behind(behind)));
        assert_eq!(judge(&mut progress, failed("still none"), later), None);
        assert_eq!(
            progress.behind,
            Some(BehindStatus { since: begun, error: "still none".into(), attempts: 2 })
        );
        assert!(progress.applied == 6 && !progress.has(7) && !progress.has(6));
        assert_eq!(judge(&mut progress, Ok(()), later), Some(Event::CaughtUp { revision: 7 }));
        assert_eq!(judge(&mut progress, Ok(()), later), None);
        assert!(progress.has(7) && !progress.has(8));
    }
}
