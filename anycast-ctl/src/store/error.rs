//! Why the store could not do what it was asked for, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Record, Revision};
use crate::spelling::one_line;

/// Why the store refuses or fails. Nothing was changed, but for [`StoreError::Uncertain`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else made a change first.
    #[error(
        "the change was made for revision {expected}, and {}: look at what changed and try again",
        head.as_ref().map_or_else(|| "the store is empty".to_owned(), |head| format!("the newest is {head}"))
    )]
    Conflict {
        /// The revision the change was made for.
        expected: Revision,
        /// The newest one; `None` in an empty store.
        head: Option<Record>,
    },
    /// There is no such revision, or it is no longer kept.
    #[error(
        "there is no revision {revision}: {}",
        kept.map_or_else(|| "the store is empty".to_owned(), |(first, last)| format!("those from {first} to {last} are kept"))
    )]
    Unknown {
        /// The one that was asked for.
        revision: Revision,
        /// The oldest and the newest that are kept; `None` in an empty store.
        kept: Option<(Revision, Revision)>,
    },
    /// Another process has it open.
    #[error("the store {} is in use by another process: stop that daemon first, or give this one its own --instance or --state-dir", .0.display())]
    InUse(PathBuf),
    /// Written by a later version of this program.
    #[error(
        "the store {} has format {found}, and this anycast-ctl knows formats up to {known}: run the version that wrote it, \
         or move the file away and start from a site file (`--config FILE`, of `anycast-ctl export`)", path.display()
    )]
    NewerFormat {
        /// The store's file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// What the file holds makes no sense.
    #[error(
        "the store {} is damaged ({detail}): restore it from a backup, or keep it for examination and start from a site \
         file: `mv {0} {0}.damaged`, then `anycast-ctl run --config FILE`", path.display()
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no room to write.
    #[error("there is no room to store the change in {}: nothing was changed; free some space there and try again ({error})", path.display())]
    Full {
        /// The store's file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        error: io::Error,
    },
    /// A write failed, and so did the look at what came of it.
    #[error(
        "{write}; whether the change was stored is not known, as the store cannot be read either \
         ({read}): mend the disk and look at `anycast-ctl history`"
    )]
    Uncertain {
        /// The store's file.
        path: PathBuf,
        /// Why the write failed.
        write: String,
        /// Why nothing can be read.
        read: String,
    },
    /// A step failed.
    #[error("{step} {}: {error}", path.display())]
    Io {
        /// What was being done.
        step: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        error: io::Error,
    },
}

/// Why a transaction ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was called off.
    Refused(StoreError),
    /// The database could not go on.
    Database(redb::Error),
}

impl Failure {
    /// A record that cannot be read.
    pub(super) fn damaged(path: &Path, detail: impl ToString) -> Self {
        Self::Refused(StoreError::Damaged { path: path.to_owned(), detail: one_line(&detail.to_string()) })
    }

    /// The error for callers.
    pub(super) fn told(self, step: &'static str, path: &Path) -> StoreError {
        match self {
            Self::Refused(error) => error,
            Self::Database(redb::Error::Io(error)) => told_io(step, path, error),
            Self::Database(redb::Error::DatabaseAlreadyOpen) => StoreError::InUse(path.to_owned()),
            // Another thread's write failed between the opening of the database and its use.
            Self::Database(redb::Error::PreviousIo) => {
                let error = io::Error::other("an earlier write failed: try again");
                StoreError::Io { step, path: path.to_owned(), error }
            }
            Self::Database(error) => {
                StoreError::Damaged { path: path.to_owned(), detail: one_line(&error.to_string()) }
            }
        }
    }
}

/// Tells a lack of room from other failures, and a file that is no store.
fn told_io(step: &'static str, path: &Path, error: io::Error) -> StoreError {
    let path = path.to_owned();
    if is_full(&error) {
        StoreError::Full { path, error }
    } else if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) {
        StoreError::Damaged { path, detail: one_line(&error.to_string()) }
    } else {
        StoreError::Io { step, path, error }
    }
}

/// Whether a file cannot grow: the disk is full, a quota is, or the process may not (`RLIMIT_FSIZE`).
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Names the step and the file of a failed system call.
pub(super) fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| match is_full(&error) {
        true => StoreError::Full { path: path.to_owned(), error },
        false => StoreError::Io { step, path: path.to_owned(), error },
    }
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}
