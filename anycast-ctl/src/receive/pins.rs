//! Where program, link and maps of an interface are pinned.
//!
//! ```text
//!  BPFFS/receive/INTERFACE/program
//!                          link
//!                          maps-1/SENDERS, CONFIG, OUTCOMES, STRANGERS      1: the layout's version
//! ```

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use anycast_common::receive::LAYOUT_VERSION;
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::ReceiveError;

/// Directory of everything this project pins.
pub const DEFAULT_BPFFS: &str = "/sys/fs/bpf/anycast";

/// The pins of one interface.
#[derive(Clone, Debug)]
pub struct Pins {
    directory: PathBuf,
}

/// Nobody else changes pins below the same directory while this lives.
pub struct Lock {
    _directory: File,
}

impl Pins {
    /// Those of that interface; whether there are any is another question.
    ///
    /// # Errors
    /// `NoBpffs` when they could not be there.
    pub fn of(bpffs: &Path, interface: &str) -> Result<Self, ReceiveError> {
        check_bpffs(bpffs)?;
        Ok(Self { directory: root(bpffs).join(encode(interface)) })
    }

    /// Names of the interfaces that have pins, in order.
    ///
    /// # Errors
    /// `NoBpffs`, or `File` when they cannot be listed.
    pub fn interfaces(bpffs: &Path) -> Result<Vec<String>, ReceiveError> {
        check_bpffs(bpffs)?;
        let root = root(bpffs);
        let listing = file("listing", &root);
        let entries = match fs::read_dir(&root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(&listing)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(decode(&entry.map_err(&listing)?.file_name().to_string_lossy()));
        }
        names.sort();
        Ok(names)
    }

    /// The directory of all of them.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The attachment.
    pub fn link(&self) -> PathBuf {
        self.directory.join("link")
    }

    /// The attached program.
    pub fn program(&self) -> PathBuf {
        self.directory.join("program")
    }

    /// The directory of the maps of this version's layout.
    pub fn maps(&self) -> PathBuf {
        self.directory.join(format!("maps-{LAYOUT_VERSION}"))
    }

    /// Makes the directories that are missing.
    pub fn create(&self) -> Result<(), ReceiveError> {
        let maps = self.maps();
        fs::create_dir_all(&maps).map_err(file("creating", &maps))
    }

    /// Removes everything. The program is detached first.
    pub fn remove(&self) -> Result<(), ReceiveError> {
        for path in [self.link(), self.program()] {
            gone(fs::remove_file(&path)).map_err(file("removing", &path))?;
        }
        gone(fs::remove_dir_all(&self.directory)).map_err(file("removing", &self.directory))
    }

    /// Removes the maps of other versions.
    pub fn remove_other_maps(&self) -> Result<(), ReceiveError> {
        let listing = file("listing", &self.directory);
        for entry in fs::read_dir(&self.directory).map_err(&listing)? {
            let path = entry.map_err(&listing)?.path();
            if path.is_dir() && path != self.maps() {
                fs::remove_dir_all(&path).map_err(file("removing", &path))?;
            }
        }
        Ok(())
    }

    /// Puts what `pin` pins in the place of the program that is pinned.
    pub fn replace_program(
        &self,
        pin: impl FnOnce(&Path) -> Result<(), ReceiveError>,
    ) -> Result<(), ReceiveError> {
        let (path, next) = (self.program(), self.directory.join("program-next"));
        // As a run that was killed left it.
        gone(fs::remove_file(&next)).map_err(file("removing", &next))?;
        pin(&next)?;
        fs::rename(&next, &path).map_err(file("renaming", &next))
    }
}

impl Lock {
    /// Waits until whoever else changes pins is done.
    pub fn take(bpffs: &Path) -> Result<Self, ReceiveError> {
        check_bpffs(bpffs)?;
        let root = root(bpffs);
        fs::create_dir_all(&root).map_err(file("creating", &root))?;
        let directory = File::open(&root).map_err(file("opening", &root))?;
        directory.lock().map_err(file("locking", &root))?;
        Ok(Self { _directory: directory })
    }
}

fn root(bpffs: &Path) -> PathBuf {
    bpffs.join("receive")
}

fn check_bpffs(bpffs: &Path) -> Result<(), ReceiveError> {
    if is_on_bpffs(bpffs) { Ok(()) } else { Err(ReceiveError::NoBpffs(bpffs.to_owned())) }
}

/// The directory need not be there yet: what counts is where it would be made.
pub fn is_on_bpffs(directory: &Path) -> bool {
    let existing = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    statfs(existing).is_ok_and(|info| info.filesystem_type() == BPF_FS_MAGIC)
}

/// A bpffs keeps names with a dot for itself (`bpf_lookup` in kernel/bpf/inode.c), interfaces of VLANs have one: `eth0.100`.
fn encode(interface: &str) -> String {
    interface.replace('%', "%25").replace('.', "%2e")
}

fn decode(name: &str) -> String {
    name.replace("%2e", ".").replace("%25", "%")
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn file(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> ReceiveError {
    let path = path.to_owned();
    move |error| ReceiveError::File { doing, path: path.clone(), error }
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
        let error = Pins::of(Path::new("/proc/nowhere/deep"), "eth0").unwrap_err().to_string();
        assert!(error.contains("mount -t bpf bpf /sys/fs/bpf"), "{error}");
        assert!(error.starts_with("/proc/nowhere/deep is not on a bpffs"), "{error}");
    }
}
