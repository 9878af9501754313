//! How a pool stands: what the checks come to, as others see it.

use std::{net::IpAddr, time::Duration};

use super::Pool;
use crate::health::{
    site,
    standing::{PoolStanding, SavedJudge, Standing},
    subject::{Role, Subject},
    verdict::Verdict,
    weight::{self, WHOLE},
};

impl Pool {
    /// How the pool stands.
    pub fn standing(&self, now: Duration) -> PoolStanding {
        let (healthy, of) = self.healthy();
        PoolStanding {
            backends: self
                .subjects
                .iter()
                .map(|(&it, subject)| (it, self.standing_of(it, subject, now)))
                .collect(),
            healthy,
            of,
            enough: self.is_enough(),
            panic: self.panic,
            moved: self.moved.clone(),
        }
    }

    /// How a backend of it stands.
    pub fn standing_of(&self, address: IpAddr, subject: &Subject, now: Duration) -> Standing {
        let verdict = match subject.role() {
            Role::Unchecked => Verdict::Up,
            Role::Member | Role::Leaving => subject.judge.verdict(),
            Role::Stopped => Verdict::Down,
        };
        let grown = self.grown(subject, now).map_or(WHOLE, |(share, _)| share);
        let loaded = self.loads.as_ref().map_or(WHOLE, |loads| loads.share(address));
        Standing {
            verdict,
            in_service: self.is_in_service(address, subject),
            asks_drain: subject.asks_drain(),
            share: weight::both(grown, loaded),
            reason: subject
                .agent_down
                .clone()
                .or(subject.reason.clone())
                .filter(|_| verdict == Verdict::Down),
        }
    }

    /// Whether flows reach a backend, as far as checks decide about it.
    pub fn is_in_service(&self, address: IpAddr, subject: &Subject) -> bool {
        match subject.role() {
            Role::Unchecked => true,
            Role::Member if subject.entry.backup => self.backup_judge.in_service().contains(&address),
            Role::Member => self.judge.in_service().contains(&address),
            Role::Leaving => !self.gone.contains(&address),
            Role::Stopped => false,
        }
    }

    /// Active backends that are up, and all active ones. Backups are not counted: this site serves with the others.
    pub(super) fn healthy(&self) -> (u32, u32) {
        let counted = self.subjects.values().filter(|subject| !subject.entry.backup);
        counted.fold((0, 0), |(healthy, of), subject| match subject.role() {
            Role::Unchecked => (healthy + 1, of + 1),
            Role::Member => (healthy + u32::from(subject.judge.verdict() == Verdict::Up), of + 1),
            Role::Stopped => (healthy, of + 1),
            Role::Leaving => (healthy, of),
        })
    }

    pub(super) fn is_enough(&self) -> bool {
        self.healthy().0 >= self.needed()
    }

    /// How many backends must be up.
    pub fn needed(&self) -> u32 {
        let (_, of) = self.healthy();
        let needed = self.min_healthy.map_or(1, |needed| needed.of(of as usize));
        u32::try_from(needed).unwrap_or(u32::MAX)
    }

    /// What a backend said of its load, for people.
    pub fn load_of(&self, address: IpAddr) -> Option<String> {
        self.loads.as_ref()?.words(address).map(ToString::to_string)
    }

    /// As it looks from outside.
    pub fn seen<'a>(&self, name: &'a str) -> site::Pool<'a> {
        let is_member = |subject: &&Subject| subject.role() == Role::Member && !subject.entry.backup;
        let members = || self.subjects.values().filter(is_member);
        let is_bad =
            |subject: &&Subject| subject.judge.verdict() == Verdict::Down || subject.judge.failed() > 0;
        site::Pool {
            name,
            bad: self.panic.map_or_else(|| members().filter(is_bad).count() as u32, |panic| panic.bad),
            of: members().count() as u32,
            is_panicking: self.panic.is_some(),
            is_relieved: self.is_relieved,
        }
    }

    /// What must survive the daemon, of those that are checked.
    pub fn saved(&self, now: Duration) -> Vec<(IpAddr, SavedJudge)> {
        let checked = self.subjects.iter().filter(|(_, subject)| subject.role() != Role::Unchecked);
        checked
            .map(|(&address, subject)| (address, subject.saved(self.is_in_service(address, subject), now)))
            .collect()
    }
}
