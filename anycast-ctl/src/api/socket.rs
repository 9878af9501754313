//! The daemon's Unix socket: one daemon per path, and nothing left behind.
//!
//! A lock file beside the socket, held for as long as the daemon lives, says who owns the path. The kernel releases
//! the lock with the process, however it ends, so whoever gets it knows that a socket file it finds is stale.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::{
        fs::{
            DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
            chown,
        },
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use nix::unistd::Gid;

use super::doors::GROUP_MODE;

/// Where the daemon listens unless told otherwise.
pub const DEFAULT_PATH: &str = "/run/anycast/anycast.sock";

/// `sizeof(sun_path)` less its terminating zero, unix(7).
const MAX_PATH_BYTES: usize = 107;

/// Why the socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another daemon lives.
    #[error(
        "another anycast-ctl{} already listens on {}: stop it first, or give this one its own --socket",
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), path.display()
    )]
    Running {
        /// Its process id, if it could be read.
        pid: Option<u32>,
        /// The socket.
        path: PathBuf,
    },
    /// A program that does not take the lock listens there.
    #[error("another program listens on {}: it is left alone; name another path with --socket", .0.display())]
    Foreign(PathBuf),
    /// Something else lies there.
    #[error("{} exists and is no socket: it is left alone; remove it, or name another path with --socket", .0.display())]
    NotASocket(PathBuf),
    /// The kernel has no room for such a path.
    #[error(
        "the socket path {} has {} bytes, and a Unix socket allows {MAX_PATH_BYTES}: name a shorter one with --socket",
        .0.display(), .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// Only root may.
    #[error(
        "give {} to group {group}: only root may give it to a group that the daemon is not in: name it in SupplementaryGroups= of \
         the unit", path.display()
    )]
    Group {
        /// The socket.
        path: PathBuf,
        /// The group.
        group: Gid,
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

/// A listening socket that goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    pub(super) guard: Guard,
}

/// Removes the socket and its lock file when dropped.
#[derive(Debug)]
pub(super) struct Guard {
    path: PathBuf,
    /// Device and inode of the socket: a file that somebody else put in its place is left alone.
    identity: (u64, u64),
    lock: Lock,
}

#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Socket {
    /// Listens on `path`, mode 0660, and creates its directory, mode 0755, if it is missing.
    ///
    /// # Errors
    /// See [`SocketError`]; nothing is left behind.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        Self::bind_as(path, GROUP_MODE)
    }

    /// The same with another mode.
    ///
    /// # Errors
    /// See [`SocketError`]; nothing is left behind.
    pub fn bind_as(path: &Path, mode: u32) -> Result<Self, SocketError> {
        if path.as_os_str().len() > MAX_PATH_BYTES {
            return Err(SocketError::TooLong(path.to_owned()));
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            let created = DirBuilder::new().recursive(true).mode(0o755).create(directory);
            created.map_err(at("create the directory", directory))?;
        }
        let lock = Lock::take(path)?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(at("listen on", path))?;
        let metadata = fs::symlink_metadata(path).map_err(at("look at", path))?;
        let guard = Guard { path: path.to_owned(), identity: (metadata.dev(), metadata.ino()), lock };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(at("set the mode of", path))?;
        listener.set_nonblocking(true).map_err(at("listen on", path))?;
        Ok(Self { listener, guard })
    }

    /// Lets the members of a group connect.
    ///
    /// # Errors
    /// When the group of the socket cannot be changed: only root may give it to a group it is not in.
    pub fn admit(&self, group: Gid) -> Result<(), SocketError> {
        let path = self.path();
        chown(path, None, Some(group.as_raw())).map_err(|error| {
            if error.kind() == io::ErrorKind::PermissionDenied {
                SocketError::Group { path: path.to_owned(), group }
            } else {
                at("change the group of", path)(error)
            }
        })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.guard.path
    }

    /// Another handle to the listening socket, which does not block.
    ///
    /// # Errors
    /// This process may have no more descriptors.
    pub fn listener(&self) -> Result<UnixListener, SocketError> {
        self.listener.try_clone().map_err(at("listen on", self.path()))
    }

    /// Whether connections to the path still come here: nobody removed the socket, or put another in its place.
    pub fn is_there(&self) -> bool {
        self.guard.is_there()
    }
}

impl Guard {
    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|it| (it.dev(), it.ino()) == self.identity)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_there()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "the socket could not be removed");
        }
        // While the lock is still held: nobody else can have taken this very file.
        if let Err(error) = fs::remove_file(&self.lock.path) {
            tracing::warn!(path = %self.lock.path.display(), %error, "the lock file could not be removed");
        }
    }
}

impl Lock {
    fn take(socket: &Path) -> Result<Self, SocketError> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(&path);
            let mut file = file.map_err(at("open the lock file", &path))?;
            match file.try_lock() {
                Ok(()) => (),
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    return Err(SocketError::Running {
                        pid: text.trim().parse().ok(),
                        path: socket.to_owned(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(at("lock", &path)(error)),
            }
            // Its holder may have removed the file between our open and our lock: then it guards nothing.
            let ours = file.metadata().map_err(at("look at", &path))?;
            let there = fs::symlink_metadata(&path).ok();
            if there.is_none_or(|there| (there.dev(), there.ino()) != (ours.dev(), ours.ino())) {
                continue;
            }
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            written.map_err(at("write the lock file", &path))?;
            return Ok(Self { path, _file: file });
        }
    }
}

/// Removes a socket nobody listens on. Called with the lock held.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at("look at", path)(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(at("remove the stale socket", path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Also a full backlog: somebody listens, however slowly.
        Ok(_) | Err(_) => Err(SocketError::Foreign(path.to_owned())),
    }
}

fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError {
    move |error| SocketError::Io { step, path: path.to_owned(), error }
}
