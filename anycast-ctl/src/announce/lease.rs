//! The lease: a file that says what is announced and until when that may stay so without a sign of the daemon. Whoever finds it
//! expired withdraws the routes.
//!
//! Times are of the clock that runs from the start of the machine on, suspended or not (CLOCK_BOOTTIME): nobody sets it, and
//! all processes have the same.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::driver::{self, Level, Surroundings, Wanted};
use crate::model::{Announce, OnStop};

/// A lease that is renewed lasts this many renewals: one that was just missed by the tick leaves most of it.
const RENEWALS: u32 = 8;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Name of the dataplane.
    pub instance: String,
    /// The daemon's process.
    pub pid: u32,
    /// When it was renewed, in milliseconds of the clock.
    pub renewed_ms: u64,
    /// How the routing daemon is driven.
    pub settings: Announce,
    /// The routes.
    pub wanted: Wanted,
}

/// Why there is no lease to be had.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The file cannot be read or written.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// It is no lease.
    #[error("{} is no lease that this version understands ({source}): was it written by another one?", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Lease {
    /// Reads a lease; `None`: there is none.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub fn read(path: &Path) -> Result<Option<Self>, LeaseError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LeaseError::File { what: "read", path: path.to_owned(), source }),
        };
        let lease = serde_json::from_slice(&text);
        lease.map(Some).map_err(|source| LeaseError::Content { path: path.to_owned(), source })
    }

    /// Writes it, in place of what was there.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub fn write(&self, path: &Path) -> Result<(), LeaseError> {
        use io::Write as _;

        let file = |what, source| LeaseError::File { what, path: path.to_owned(), source };
        let text = serde_json::to_vec(self)
            .map_err(|source| LeaseError::Content { path: path.to_owned(), source })?;
        let beside = path.with_extension("lease-new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&beside).and_then(|mut file| file.write_all(&text));
        written.map_err(|source| file("write", source))?;
        fs::rename(&beside, path).map_err(|source| file("write", source))
    }

    /// Takes it away; that there is none is no error.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub fn remove(path: &Path) -> Result<(), LeaseError> {
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(LeaseError::File { what: "remove", path: path.to_owned(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// How long it is valid yet; `None`: without end.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        let ends = Duration::from_millis(self.renewed_ms) + self.settings.lease;
        (!self.settings.lease.is_zero()).then(|| ends.saturating_sub(now))
    }

    /// Whether anything is announced.
    pub fn is_announced(&self) -> bool {
        self.wanted.values().any(|route| route.level != Level::Withdrawn)
    }

    /// Whether the routes are to go as soon as the daemon has, without waiting for the lease.
    pub fn goes_with_the_daemon(&self) -> bool {
        self.settings.on_stop == OnStop::Withdraw
    }

    /// The same with nothing announced.
    #[must_use]
    pub fn withdrawn(self) -> Self {
        Self { wanted: driver::withdrawn(self.wanted), ..self }
    }
}

/// Where the lease of an instance is.
pub fn path(surroundings: &Surroundings) -> PathBuf {
    surroundings.run_dir.join(format!("{}.lease", surroundings.instance))
}

/// Where whoever watches it holds a lock.
pub fn watch_path(surroundings: &Surroundings) -> PathBuf {
    surroundings.run_dir.join(format!("{}.watchdog", surroundings.instance))
}

/// Takes the place of the one that watches the lease, for as long as the answer lives; `None`: somebody has it.
///
/// # Errors
/// See [`LeaseError`].
pub fn watch(surroundings: &Surroundings) -> Result<Option<fs::File>, LeaseError> {
    let path = watch_path(surroundings);
    let failed = |source| LeaseError::File { what: "lock", path: path.clone(), source };
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether somebody watches the lease.
pub fn is_watched(surroundings: &Surroundings) -> bool {
    let file = fs::File::open(watch_path(surroundings));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// How often a lease of that length is renewed.
pub fn renew_every(lease: Duration) -> Duration {
    (lease / RENEWALS).clamp(Duration::from_millis(500), Duration::from_secs(60))
}

/// The time by the clock of leases.
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{announce::driver::Route, model::BirdSettings};

    fn lease() -> Lease {
        let route = |level| Route { prefix: "192.0.2.1/32".parse().unwrap(), level };
        Lease {
            instance: "edge".to_owned(),
            pid: 1,
            renewed_ms: 10_000,
            settings: Announce { bird: Some(BirdSettings::default()), ..Announce::default() },
            wanted: [("www".to_owned(), route(Level::Announced))].into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("edge.lease");
        assert_eq!(Lease::read(&path).unwrap(), None);
        lease().write(&path).unwrap();
        assert_eq!(Lease::read(&path).unwrap(), Some(lease()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing lies beside it");
        Lease::remove(&path).unwrap();
        Lease::remove(&path).unwrap();
        fs::write(&path, "{}").unwrap();
        assert!(Lease::read(&path).unwrap_err().to_string().contains("is no lease"));
        assert!(
            lease().write(Path::new("/nowhere/edge.lease")).unwrap_err().to_string().contains("/nowhere")
        );
    }

    #[test]
    fn it_runs_out_unless_it_is_without_end() {
        let at = Duration::from_secs;
        assert_eq!(lease().left(at(15)), Some(at(25)));
        assert_eq!(lease().left(at(90)), Some(Duration::ZERO));
        let mut endless = lease();
        endless.settings.lease = Duration::ZERO;
        assert_eq!(endless.left(at(1_000_000)), None);
        assert!(lease().is_announced() && !lease().withdrawn().is_announced());
    }
}
