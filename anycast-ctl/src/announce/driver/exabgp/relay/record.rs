//! The routes that came by the relay, written down by the daemon beside its socket: when a relay and the daemon die together, the
//! relay that ExaBGP starts next finds them. The relay itself may not write there.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use ipnet::IpNet;

/// Longest record that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Writes the record of the relay at a socket.
///
/// # Errors
/// The directory cannot be written.
pub fn write(socket: &Path, routes: &BTreeSet<IpNet>) -> io::Result<()> {
    let path = path(socket, ".routes");
    let draft = self::path(socket, ".routes.new");
    let lines: String = routes.iter().map(|it| format!("{it}\n")).collect();
    fs::write(&draft, lines)?;
    // The relay runs as whatever user ExaBGP does.
    fs::set_permissions(&draft, Permissions::from_mode(0o644))?;
    fs::rename(&draft, &path)
}

/// Reads it; what is not there or no record is empty.
pub fn read(socket: &Path) -> BTreeSet<IpNet> {
    let path = path(socket, ".routes");
    if !fs::metadata(&path).is_ok_and(|it| it.is_file() && it.len() <= MAX_BYTES) {
        return BTreeSet::new();
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn path(socket: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(socket);
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("x.sock");
        assert!(read(&socket).is_empty());
        let routes = BTreeSet::from(["198.51.100.1/32", "2001:db8::1/128"].map(|it| it.parse().unwrap()));
        write(&socket, &routes).unwrap();
        assert_eq!(read(&socket), routes);
        fs::write(directory.path().join("x.sock.routes"), b"\xff\n198.51.100.1/32\n").unwrap();
        assert!(read(&socket).is_empty(), "what is no text is no record");
    }
}
