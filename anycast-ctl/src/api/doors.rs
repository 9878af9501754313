//! The daemon's two sockets: one for whoever may change things, and beside it one for whoever may only read.
//!
//! ```text
//!  /run/anycast/anycast.sock        mode 0660: its owner and its group        every route
//!  /run/anycast/anycast.read.sock   mode 0666: everybody, or 0660: a group    what is public, and GET alone
//! ```
//!
//! No name of an instance has a dot, so that none takes the path of another's second socket.

use std::path::{Path, PathBuf};

use nix::unistd::Gid;

use super::socket::{Socket, SocketError};

/// Owner and group may connect: connecting needs the right to write.
pub const GROUP_MODE: u32 = 0o660;

/// Everybody may.
const EVERYBODY_MODE: u32 = 0o666;

/// Who may read what is public, by the second socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Every user of this host.
    All,
    /// The members of that group.
    Group(Gid),
    /// Nobody: there is no such socket.
    Nobody,
}

/// Both, open.
#[derive(Debug)]
pub struct Doors {
    /// For whoever may do all.
    pub control: Socket,
    /// For whoever may only read; `None` where nobody may.
    pub readers: Result<Option<Socket>, SocketError>,
}

impl Doors {
    /// Listens on that path, for the daemon's own user and group or for `group`, and beside it for readers. That readers cannot
    /// have theirs is no reason not to steer: the caller says so.
    ///
    /// # Errors
    /// See [`SocketError`]; nothing is left behind.
    pub fn open(path: &Path, group: Option<Gid>, readers: Readers) -> Result<Self, SocketError> {
        let control = Socket::bind(path)?;
        if let Some(group) = group {
            control.admit(group)?;
        }
        Ok(Self { control, readers: open(&readers_path(path), readers) })
    }
}

fn open(path: &Path, readers: Readers) -> Result<Option<Socket>, SocketError> {
    Ok(match readers {
        Readers::All => Some(Socket::bind_as(path, EVERYBODY_MODE)?),
        Readers::Group(group) => {
            let socket = Socket::bind(path)?;
            socket.admit(group)?;
            Some(socket)
        }
        Readers::Nobody => None,
    })
}

/// The path of the socket for readers, beside the other one.
pub fn readers_path(control: &Path) -> PathBuf {
    control.with_extension("read.sock")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_second_socket_is_beside_the_first() {
        for (control, readers) in [
            ("/run/anycast/anycast.sock", "/run/anycast/anycast.read.sock"),
            ("here/socket", "here/socket.read.sock"),
        ] {
            assert_eq!(readers_path(Path::new(control)), Path::new(readers));
        }
    }

    #[test]
    fn everybody_may_read_or_a_group_or_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let mode = |path: &Path| fs::metadata(path).map(|it| it.permissions().mode() & 0o777).ok();
        for (who, expected) in [
            (Readers::All, Some(0o666)),
            (Readers::Group(Gid::effective()), Some(0o660)),
            (Readers::Nobody, None),
        ] {
            let doors = Doors::open(&path, None, who).unwrap();
            assert!(doors.readers.is_ok());
            assert_eq!((mode(&path), mode(&readers_path(&path))), (Some(0o660), expected), "{who:?}");
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_socket_that_cannot_be_is_no_reason_to_have_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        fs::write(readers_path(&path), "").unwrap();
        let doors = Doors::open(&path, None, Readers::All).unwrap();
        assert!(matches!(doors.readers, Err(SocketError::NotASocket(_))));
        assert!(doors.control.is_there());
    }
}
