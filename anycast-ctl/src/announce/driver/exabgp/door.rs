//! Where relays come in: a listening socket for each path, which stays while drivers come and go.

use std::{
    collections::BTreeMap,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, PoisonError},
};

use nix::unistd::Group;

use crate::api::socket::{Socket, SocketError};

/// The group that Debian's ExaBGP runs in: its relay must be able to connect.
const GROUP: &str = "exabgp";

/// Opened once, for as long as this process lives: a relay that comes while there is no driver waits here. The kernel gives the
/// lock beside the socket back with the process, so the next one finds it stale.
static DOORS: LazyLock<Mutex<BTreeMap<PathBuf, Socket>>> = LazyLock::new(Mutex::default);

/// The socket of an instance, unless its site names another.
pub fn default_path(run_dir: &Path, instance: &str) -> PathBuf {
    run_dir.join(format!("{instance}.exabgp.sock"))
}

/// The listening socket at a path, opened if it is not open or somebody removed it.
///
/// # Errors
/// Another process has it, or the system refuses.
pub fn open(path: &Path) -> Result<UnixListener, SocketError> {
    let mut doors = DOORS.lock().unwrap_or_else(PoisonError::into_inner);
    if doors.get(path).is_some_and(|it| !it.is_there()) {
        doors.remove(path);
    }
    if let Some(socket) = doors.get(path) {
        return socket.listener();
    }
    let socket = Socket::bind(path)?;
    if let Ok(Some(group)) = Group::from_name(GROUP)
        && let Err(error) = socket.admit(group.gid)
    {
        tracing::warn!(path = %path.display(), %error, "the group {GROUP} may not connect; its relay may have to");
    }
    let listener = socket.listener()?;
    doors.insert(path.to_owned(), socket);
    Ok(listener)
}
