//! Where program, link and maps of an interface are pinned.
//!
//! ```text
//!  BPFFS/receive/INTERFACE/program
//!                          link
//!                          maps-1/SENDERS, CONFIG, OUTCOMES, STRANGERS      1: the layout's version
//! ```

use std::path::{Path, PathBuf};

use anycast_common::receive::LAYOUT_VERSION;

use super::ReceiveError;
use crate::bpffs::{self, Lock};

/// The pins of one interface.
#[derive(Clone, Debug)]
pub struct Pins {
    directory: PathBuf,
}

impl Pins {
    /// Those of that interface; whether there are any is another question.
    ///
    /// # Errors
    /// `Bpffs` when they could not be there.
    pub fn of(bpffs: &Path, interface: &str) -> Result<Self, ReceiveError> {
        bpffs::check(bpffs)?;
        Ok(Self { directory: root(bpffs).join(bpffs::encode(interface)) })
    }

    /// Waits until whoever else changes pins of any interface is done.
    ///
    /// # Errors
    /// `Bpffs`
    pub fn lock(bpffs: &Path) -> Result<Lock, ReceiveError> {
        // By the name that was given, not that of the directory below it.
        bpffs::check(bpffs)?;
        Ok(Lock::take(&root(bpffs))?)
    }

    /// Names of the interfaces that have pins, in order.
    ///
    /// # Errors
    /// `Bpffs` when they cannot be listed.
    pub fn interfaces(bpffs: &Path) -> Result<Vec<String>, ReceiveError> {
        bpffs::check(bpffs)?;
        let mut names: Vec<String> =
            bpffs::list(&root(bpffs))?.iter().map(|name| bpffs::decode(name)).collect();
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
        Ok(bpffs::create(&self.maps())?)
    }

    /// Removes everything. The program is detached first.
    pub fn remove(&self) -> Result<(), ReceiveError> {
        bpffs::remove(&self.link())?;
        bpffs::remove(&self.program())?;
        Ok(bpffs::remove_all(&self.directory)?)
    }

    /// Removes the maps of other versions.
    pub fn remove_other_maps(&self) -> Result<(), ReceiveError> {
        for name in bpffs::list(&self.directory)? {
            let path = self.directory.join(name);
            if path.is_dir() && path != self.maps() {
                bpffs::remove_all(&path)?;
            }
        }
        Ok(())
    }

    /// Puts what `pin` pins in the place of the program that is pinned.
    pub fn replace_program(
        &self,
        pin: impl FnOnce(&Path) -> Result<(), ReceiveError>,
    ) -> Result<(), ReceiveError> {
        bpffs::replace(&self.program(), pin)
    }
}

fn root(bpffs: &Path) -> PathBuf {
    bpffs.join("receive")
}
