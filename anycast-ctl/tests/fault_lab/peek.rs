//! A look into the daemon while one of its calls waits.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::FileExt as _},
    },
    path::PathBuf,
};

use crate::descriptor::{Descriptor, taken};

/// Longest path that is told apart from others.
const PATH_BYTES: usize = 160;

/// One process.
pub struct Peek {
    id: i32,
    memory: File,
    handle: OwnedFd,
}

impl Peek {
    pub fn at(id: i32) -> io::Result<Self> {
        // SAFETY: takes two integers.
        let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
        if handle < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        let handle = unsafe { OwnedFd::from_raw_fd(i32::try_from(handle).expect("a descriptor")) };
        Ok(Self { id, memory: File::open(format!("/proc/{id}/mem"))?, handle })
    }

    /// Whether it is a thread of the process itself, not of its children.
    pub fn has(&self, thread: i32) -> bool {
        fs::exists(format!("/proc/{}/task/{thread}", self.id)).unwrap_or(false)
    }

    /// The path at that address; an empty one where there is none.
    pub fn path(&self, address: u64) -> PathBuf {
        let mut bytes = [0; PATH_BYTES];
        let read = self.memory.read_at(&mut bytes, address).unwrap_or(0);
        let text = bytes[..read].split(|byte| *byte == 0).next().unwrap_or_default();
        PathBuf::from(OsStr::from_bytes(text))
    }

    /// What that descriptor is; `None` where it is closed.
    pub fn descriptor(&self, number: u64) -> Option<Descriptor> {
        let number = u32::try_from(number).ok()?.cast_signed();
        let link = fs::read_link(format!("/proc/{}/fd/{number}", self.id)).ok()?;
        Descriptor::of(link, || self.take(number)).ok()
    }

    /// Throws away what waits in a socket, as if its buffer had overrun.
    pub fn overrun(&self, number: u64) {
        let Ok(number) = i32::try_from(number) else { return };
        let Ok(socket) = self.take(number) else { return };
        let mut bytes = [0_u8; 1 << 16];
        // SAFETY: the buffer is as long as it is said to be.
        while unsafe {
            libc::recv(socket.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT)
        } > 0
        {}
    }

    fn take(&self, number: i32) -> io::Result<OwnedFd> {
        taken(&self.handle, number)
    }
}
