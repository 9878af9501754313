//! What the operator wants, kept through crashes: the revisions of the site, and beside them the *runtime document*,
//! in which the controller keeps what must change together with them (numbers, marks, carried counters).
//!
//! Every write is one transaction that is on the disk when the call returns: after a crash at any instant the store
//! holds the state before it or the state after it. A call that fails has changed nothing.

mod creation;
mod embedded;
mod error;
mod file;
mod revision;
mod tables;

#[cfg(test)]
mod tests;

use std::fmt::Debug;

pub use self::{
    embedded::Embedded,
    error::StoreError,
    revision::{Author, Record, Revision, Stored},
};

/// Where the desired state lives. Calls block, for some milliseconds where they write: a task of an async runtime has
/// them done on a thread that may block.
pub trait Store: Debug + Send + Sync {
    /// Everything a start needs, as of one moment.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn snapshot(&self) -> Result<Snapshot, StoreError>;

    /// Who made the newest revision, when and what; `None` in an empty store.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn head(&self) -> Result<Option<Record>, StoreError>;

    /// Appends a revision and replaces the runtime document.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the newest revision is not the expected one; see [`StoreError`].
    fn commit(&self, commit: Commit) -> Result<Record, StoreError>;

    /// The runtime document; `None` until one was given.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn runtime(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the runtime document alone.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn set_runtime(&self, runtime: &[u8]) -> Result<(), StoreError>;

    /// Replaces what checks said of backends: it may be lost, and is of no revision.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn set_verdicts(&self, verdicts: &[u8]) -> Result<(), StoreError>;

    /// Notes what the site file said that needed no revision: the site was like that already.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn set_applied_file(&self, text: &str) -> Result<(), StoreError>;

    /// One revision.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such revision, or it is no longer kept; see [`StoreError`].
    fn revision(&self, revision: Revision) -> Result<Stored, StoreError>;

    /// The newest `limit` revisions that are kept, the newest first; with `before`, of those older than it.
    ///
    /// # Errors
    /// See [`StoreError`].
    fn records(&self, limit: usize, before: Option<Revision>) -> Result<Vec<Record>, StoreError>;
}

/// A change of the desired state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The revision the change was made for. `None`: whichever is the newest.
    pub expected: Option<Revision>,
    /// Who changes it.
    pub author: Author,
    /// What is changed, on one line: `backend add web web-4`.
    pub summary: String,
    /// The whole site after the change, as canonical TOML.
    pub text: String,
    /// The runtime document that goes with it.
    pub runtime: Vec<u8>,
    /// What the site file says, where the change is made by applying it. `None` leaves what was last applied.
    pub applied_file: Option<String>,
}

/// What a store held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The newest revision; `None` in an empty store.
    pub head: Option<Stored>,
    /// The runtime document.
    pub runtime: Option<Vec<u8>>,
    /// What the site file said when it was last applied.
    pub applied_file: Option<String>,
    /// What checks said of backends.
    pub verdicts: Option<Vec<u8>>,
}
