//! The bytes of the store: a file that is locked for as long as it is open, with all its room reserved.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, fallocate},
};
use redb::StorageBackend;

use super::error::{StoreError, at};

/// A file of the store, locked against every other opener. Clones are the same open file; the lock goes with the last.
#[derive(Clone, Debug)]
pub struct StoreFile(Arc<Locked>);

#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing it does the same, unless a child that is about to become another program has it, too.
        let _ = self.0.unlock();
    }
}

impl StoreFile {
    /// Opens and locks a file, mode 0600 where it is created; `Ok(None)` where there is none and none is to be created.
    pub fn open(path: &Path, create: bool) -> Result<Option<Self>, StoreError> {
        let opened =
            OpenOptions::new().read(true).write(true).create(create).truncate(false).mode(0o600).open(path);
        let file = match opened {
            Err(error) if !create && error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(at("open the store", path))?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(Arc::new(Locked(file))))),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(at("lock the store", path)(error)),
        }
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.0.0
    }
}

/// redb's own locks are not taken: the lock of this file outlives every database over it.
impl StorageBackend for StoreFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file().metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file().read_exact_at(out, offset)
    }

    /// Reserves what it adds, so that the disk is found full here, and never by a write of a page in the midst of a
    /// commit.
    fn set_len(&self, len: u64) -> io::Result<()> {
        let before = self.file().metadata()?.len();
        if let (Ok(offset), Ok(added)) = (i64::try_from(before), i64::try_from(len.saturating_sub(before)))
            && added > 0
        {
            match fallocate(self.file(), FallocateFlags::empty(), offset, added) {
                // A file system that cannot reserve finds out when it writes.
                Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => (),
                Err(errno) => {
                    // Some file systems keep what they could reserve.
                    self.file().set_len(before)?;
                    return Err(errno.into());
                }
            }
        }
        self.file().set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file().sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file().write_all_at(data, offset)
    }
}
