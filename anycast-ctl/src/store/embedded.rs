//! The store as a redb database, in a file or in memory.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use redb::{Database, WriteTransaction, backends::InMemoryBackend};

use super::{
    Commit, Record, Revision, Snapshot, Store, Stored, creation,
    error::{Failure, StoreError},
    tables::{self, FORMAT, View},
};

/// Revisions that are kept unless told otherwise.
const KEEP: u64 = 1_000;

/// Memory for pages of the database, in bytes.
const CACHE_BYTES: usize = 4 << 20;

/// Opens the database over the same bytes again.
type Open = Box<dyn Fn() -> Result<Database, Failure> + Send + Sync>;

/// A store of this host's own. See [`Store`].
pub struct Embedded {
    path: PathBuf,
    open: Open,
    /// `None` while it could not be opened again after a failed write.
    database: RwLock<Option<Database>>,
    writer: Mutex<()>,
    keep: u64,
}

impl Embedded {
    /// Opens the store of a state directory; makes an empty one, with the directory (0700), where there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process, or another value in this one, has it open;
    /// [`StoreError::NewerFormat`] and [`StoreError::Damaged`] when it cannot be read; see [`StoreError`]. Whatever is
    /// there is left as it is.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = creation::path(directory);
        let file = creation::open_or_create(directory)?;
        let open = move || {
            let database =
                redb::Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(file.clone())?;
            Ok(database)
        };
        Self::over(path, Box::new(open))
    }

    /// An empty store in memory, which goes with this value.
    ///
    /// # Errors
    /// See [`StoreError`]: memory that cannot be had.
    pub fn temporary() -> Result<Self, StoreError> {
        let open = || {
            let database = redb::Builder::new().create_with_backend(InMemoryBackend::new())?;
            tables::initialise(&database)?;
            Ok(database)
        };
        Self::over(PathBuf::from("(in memory)"), Box::new(open))
    }

    pub(super) fn over(path: PathBuf, open: Open) -> Result<Self, StoreError> {
        let database = opened(&open, &path)?;
        Ok(Self { path, open, database: RwLock::new(Some(database)), writer: Mutex::new(()), keep: KEEP })
    }

    /// Keeps the newest `keep` revisions, at least one, instead of 1,000. Those beyond go with the next commit.
    #[must_use]
    pub fn keeping(self, keep: u64) -> Self {
        Self { keep, ..self }
    }

    /// The file it lives in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read<T>(&self, read: impl Fn(&View<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        let guard = self.database()?;
        let Some(database) = &*guard else { return Err(self.closed()) };
        let value = View::new(database, &self.path).and_then(|view| read(&view));
        value.map_err(|failure| failure.told("read the store", &self.path))
    }

    /// Runs a transaction. After a failure the database has to be opened again, and is asked whether the transaction
    /// took effect all the same: `is_done` looks for it.
    fn write<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
        is_done: impl Fn(&View<'_>, &T) -> Result<bool, Failure>,
    ) -> Result<T, StoreError> {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, failure) = match self.attempt(write)? {
            (value, Ok(())) => return Ok(value),
            (value, Err(failure)) => (value, failure),
        };
        let error = failure.told("write to the store", &self.path);
        tracing::error!(%error, "a commit to the store failed");
        match self.reopen().and_then(|()| self.read(|view| is_done(view, &value))) {
            Ok(true) => {
                tracing::warn!("the change was stored nevertheless: look after the disk");
                Ok(value)
            }
            Ok(false) => Err(error),
            Err(read) => Err(StoreError::Uncertain {
                path: self.path.clone(),
                write: error.to_string(),
                read: read.to_string(),
            }),
        }
    }

    /// What the transaction is to give, and how its commit went. An error from before the commit has changed nothing.
    fn attempt<T>(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<(T, Result<(), Failure>), StoreError> {
        let guard = self.database()?;
        let Some(database) = &*guard else { return Err(self.closed()) };
        let prepared = tables::begin(database).and_then(|transaction| {
            let value = write(&transaction)?;
            Ok((value, transaction))
        });
        match prepared {
            Ok((value, transaction)) => Ok((value, transaction.commit().map_err(Failure::from))),
            Err(Failure::Refused(error)) => Err(error),
            Err(failure) => {
                drop(guard);
                // A database that met an error takes no further transaction. If it cannot be opened, the next call tries.
                let _ = self.reopen();
                Err(failure.told("write to the store", &self.path))
            }
        }
    }

    /// The database, opened again where that is due.
    fn database(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, StoreError> {
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if guard.is_some() {
            return Ok(guard);
        }
        drop(guard);
        self.reopen()?;
        Ok(self.database.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The one that failed has to be closed first: both would write.
        *database = None;
        *database = Some(opened(&self.open, &self.path)?);
        Ok(())
    }

    /// Another thread met an error since it was opened.
    fn closed(&self) -> StoreError {
        let error = io::Error::other("it was closed after a failed write: try again");
        StoreError::Io { step: "use the store", path: self.path.clone(), error }
    }
}

/// Opens a database and makes sure that all of it can be read and is understood.
fn opened(open: &Open, path: &Path) -> Result<Database, StoreError> {
    let checked = || {
        let mut database = open()?;
        if !database.check_integrity()? {
            tracing::error!(
                path = %path.display(),
                "the store was damaged and has been repaired: see `anycast-ctl history` for what may be missing"
            );
        }
        match View::new(&database, path)?.format()? {
            FORMAT => Ok(database),
            found if found > FORMAT => {
                let path = path.to_owned();
                Err(Failure::Refused(StoreError::NewerFormat { path, found, known: FORMAT }))
            }
            found => Err(Failure::damaged(path, format!("there is no format {found}"))),
        }
    };
    // redb takes some damage for a bug of its own. Nothing is kept of what it was doing then.
    let opened = catch_unwind(AssertUnwindSafe(checked));
    let opened = opened.unwrap_or_else(|_| Err(Failure::damaged(path, "its pages contradict each other")));
    opened.map_err(|failure| failure.told("open the store", path))
}

impl Store for Embedded {
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.read(|view| view.snapshot())
    }

    fn head(&self) -> Result<Option<Record>, StoreError> {
        self.read(|view| view.head())
    }

    fn commit(&self, commit: Commit) -> Result<Record, StoreError> {
        self.write(
            |transaction| tables::append(transaction, &self.path, &commit, self.keep),
            |view, record| Ok(view.head()?.as_ref() == Some(record)),
        )
    }

    fn runtime(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|view| view.runtime())
    }

    fn set_runtime(&self, runtime: &[u8]) -> Result<(), StoreError> {
        self.write(
            |transaction| tables::set_runtime(transaction, runtime),
            |view, ()| Ok(view.runtime()?.as_deref() == Some(runtime)),
        )
    }

    fn set_verdicts(&self, verdicts: &[u8]) -> Result<(), StoreError> {
        self.write(
            |transaction| tables::set_verdicts(transaction, verdicts),
            |view, ()| Ok(view.verdicts()?.as_deref() == Some(verdicts)),
        )
    }

    fn set_applied_file(&self, text: &str) -> Result<(), StoreError> {
        self.write(
            |transaction| tables::set_applied_file(transaction, text),
            |view, ()| Ok(view.applied_file()?.as_deref() == Some(text)),
        )
    }

    fn revision(&self, revision: Revision) -> Result<Stored, StoreError> {
        self.read(|view| view.revision(revision))
    }

    fn records(&self, limit: usize, before: Option<Revision>) -> Result<Vec<Record>, StoreError> {
        self.read(|view| view.records(limit, before))
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("path", &self.path).field("keep", &self.keep).finish_non_exhaustive()
    }
}
