//! Directories on a bpffs, where the kernel keeps programs, links and maps that no process holds.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::{
    sys::statfs::{BPF_FS_MAGIC, statfs},
    unistd::Uid,
};

/// Directory of everything this project pins.
pub const DEFAULT_BPFFS: &str = "/sys/fs/bpf/anycast";

/// Why something cannot be pinned, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum BpffsError {
    /// There is nothing to pin to.
    #[error(
        "{0} is not on a bpffs: mount one with `mount -t bpf bpf /sys/fs/bpf`, or name a directory on one with --bpffs"
    )]
    NoBpffs(PathBuf),
    /// A file operation on the bpffs failed.
    #[error("{doing} {path}: {error}{}", hint(.path, .error))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
}

/// A bpffs answers EPERM to names with a dot, and EACCES to users without the right to a directory.
fn hint(path: &Path, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "; a bpffs takes no names with a dot".to_owned(),
        Some(libc::EACCES) => {
            // Instances come and go below it.
            let home = path.ancestors().find(|above| above.ends_with("edge")).unwrap_or(path).display();
            let user = Uid::effective();
            format!(
                "; user {user} may not: as root, `chmod o+x /sys/fs/bpf` and `install -d -o {user} -m 0700 {home}`, and \
                 `chown -R {user} {home}` where another user has pinned something"
            )
        }
        _ => String::new(),
    }
}

/// Whether that is on a bpffs. The directory need not be there yet: what counts is where it would be made.
pub fn is_on_bpffs(directory: &Path) -> bool {
    let existing = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    statfs(existing).is_ok_and(|info| info.filesystem_type() == BPF_FS_MAGIC)
}

/// Refuses what is not on a bpffs.
///
/// # Errors
/// `NoBpffs`
pub fn check(directory: &Path) -> Result<(), BpffsError> {
    if is_on_bpffs(directory) { Ok(()) } else { Err(BpffsError::NoBpffs(directory.to_owned())) }
}

/// Nobody else changes pins below the same directory while this lives.
#[derive(Debug)]
pub struct Lock {
    _directory: File,
}

impl Lock {
    /// Waits until whoever else changes pins below that directory is done. Makes the directory where there is none.
    ///
    /// # Errors
    /// `NoBpffs`, or `File`
    pub fn take(directory: &Path) -> Result<Self, BpffsError> {
        loop {
            let opened = open(directory)?;
            opened.lock().map_err(file("locking", directory))?;
            if is_there(&opened, directory) {
                return Ok(Self { _directory: opened });
            }
        }
    }

    /// As [`Self::take`], but `None` when somebody else has it.
    ///
    /// # Errors
    /// `NoBpffs`, or `File`
    pub fn try_take(directory: &Path) -> Result<Option<Self>, BpffsError> {
        loop {
            let opened = open(directory)?;
            match opened.try_lock() {
                Ok(()) if is_there(&opened, directory) => return Ok(Some(Self { _directory: opened })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(file("locking", directory)(error)),
            }
        }
    }
}

fn open(directory: &Path) -> Result<File, BpffsError> {
    check(directory)?;
    fs::create_dir_all(directory).map_err(file("creating", directory))?;
    File::open(directory).map_err(file("opening", directory))
}

/// Whoever had the lock before may have removed the directory.
fn is_there(opened: &File, directory: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (opened.metadata(), fs::metadata(directory)) {
        (Ok(ours), Ok(there)) => place(ours) == place(there),
        (_, Err(_)) | (Err(_), _) => false,
    }
}

/// The name of an interface as that of a pin. A bpffs keeps names with a dot for itself (`bpf_lookup` in
/// kernel/bpf/inode.c), interfaces of VLANs have one: `eth0.100`.
pub fn encode(interface: &str) -> String {
    interface.replace('%', "%25").replace('.', "%2e")
}

/// The name of an interface from that of a pin.
pub fn decode(name: &str) -> String {
    name.replace("%2e", ".").replace("%25", "%")
}

/// Names in a directory, in order; none where there is no directory.
///
/// # Errors
/// `File`
pub fn list(directory: &Path) -> Result<Vec<String>, BpffsError> {
    let listing = file("listing", directory);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(&listing)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(&listing)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Makes a directory and those above it, where they are missing.
///
/// # Errors
/// `File`
pub fn create(directory: &Path) -> Result<(), BpffsError> {
    fs::create_dir_all(directory).map_err(file("creating", directory))
}

/// Removes a pin. One that is gone is no error.
///
/// # Errors
/// `File`
pub fn remove(pin: &Path) -> Result<(), BpffsError> {
    gone(fs::remove_file(pin)).map_err(file("removing", pin))
}

/// Removes a directory and all below. One that is gone is no error.
///
/// # Errors
/// `File`
pub fn remove_all(directory: &Path) -> Result<(), BpffsError> {
    gone(fs::remove_dir_all(directory)).map_err(file("removing", directory))
}

/// Gives a pin or a directory another name. What has that name is replaced, if it is a pin or empty.
///
/// # Errors
/// `File`
pub fn rename(from: &Path, to: &Path) -> Result<(), BpffsError> {
    fs::rename(from, to).map_err(file("renaming", from))
}

/// Puts what `pin` pins in the place of another pin, in one step.
///
/// # Errors
/// `File`, or those of `pin`
pub fn replace<E: From<BpffsError>>(path: &Path, pin: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let mut next = path.as_os_str().to_owned();
    next.push("-next");
    let next = PathBuf::from(next);
    // As a run that was killed left it.
    remove(&next)?;
    pin(&next)?;
    Ok(rename(&next, path)?)
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn file(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> BpffsError {
    let path = path.to_owned();
    move |error| BpffsError::File { doing, path: path.clone(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_dot_and_come_back() {
        for name in ["eth0", "eth0.100", "a%b", "%2e", "a.b%25"] {
            let encoded = encode(name);
            assert!(!encoded.contains('.'), "{encoded}");
            assert_eq!(decode(&encoded), name);
        }
    }

    #[test]
    fn a_directory_elsewhere_is_refused_with_the_way_to_mount() {
        let error = check(Path::new("/proc/nowhere/deep")).unwrap_err().to_string();
        assert!(error.contains("mount -t bpf bpf /sys/fs/bpf"), "{error}");
        assert!(error.starts_with("/proc/nowhere/deep is not on a bpffs"), "{error}");
    }
}
