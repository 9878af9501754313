//! What was asked for and answered, and what the history has of it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Success, with that revision.
    Made(u64),
    /// Refused, and nothing was changed.
    Refused(u16),
    /// Nobody knows: the answer was lost, or says that nobody knows.
    Lost,
}

/// Of all clients.
#[derive(Default)]
pub struct Ledger(Mutex<Books>);

#[derive(Default)]
struct Books {
    /// By revision, what it was said to be.
    made: BTreeMap<u64, String>,
    lost: BTreeMap<String, usize>,
    /// How often each status was answered, 0 for a lost one.
    codes: BTreeMap<u16, usize>,
    history: BTreeMap<u64, String>,
}

impl Ledger {
    /// A request was answered, or will never be.
    pub fn note(&self, what: Option<&str>, code: u16, outcome: &Outcome) {
        let mut books = self.books();
        *books.codes.entry(code).or_default() += 1;
        let Some(what) = what else { return };
        match outcome {
            Outcome::Made(revision) => {
                let other = books.made.insert(*revision, what.to_owned());
                assert_eq!(other, None, "revision {revision} was answered twice, also for {what}");
            }
            Outcome::Refused(_) => (),
            Outcome::Lost => *books.lost.entry(what.to_owned()).or_default() += 1,
        }
    }

    /// The history has this.
    pub fn learn(&self, revision: u64, what: &str) {
        let before = self.books().history.insert(revision, what.to_owned());
        assert!(before.is_none_or(|before| before == what), "revision {revision} was another one before");
    }

    pub fn requests(&self) -> usize {
        self.books().codes.values().sum()
    }

    /// Requests by status.
    pub fn codes(&self) -> BTreeMap<u16, usize> {
        self.books().codes.clone()
    }

    /// Every success is in the history, and nothing is there that was not asked for or was refused. `newest` is the last
    /// revision, `first` the one that the start made.
    pub fn balance(&self, first: u64, newest: u64) {
        let books = self.books();
        for (revision, what) in &books.made {
            let stored = books.history.get(revision);
            assert_eq!(stored, Some(what), "revision {revision} was answered with success");
        }
        let mut lost = books.lost.clone();
        let mut found = 0;
        for revision in first + 1..=newest {
            let what =
                books.history.get(&revision).unwrap_or_else(|| panic!("there is no revision {revision}"));
            if books.made.contains_key(&revision) {
                continue;
            }
            let left = lost.get_mut(what).filter(|left| **left > 0);
            *left.unwrap_or_else(|| panic!("revision {revision}, {what}, was refused or never asked for")) -=
                1;
            found += 1;
        }
        let lost: usize = books.lost.values().sum();
        println!(
            "{} revisions: {} answered with success, {found} of {lost} whose answer was lost",
            newest - first,
            books.made.len()
        );
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
