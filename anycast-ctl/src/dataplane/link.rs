//! Pinned attachments, as the kernel describes them.

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use super::{PinsError, pins::Pins};
use crate::interface::Interface;

/// One pinned attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedAttachment {
    /// Name of the interface when it was pinned.
    pub interface: String,
    /// The pin.
    pub path: PathBuf,
    /// Kernel index of the interface; 0 when that is gone.
    pub ifindex: u32,
    /// Kernel id of the program.
    pub program_id: u32,
}

impl PinnedAttachment {
    /// Those of an instance.
    ///
    /// # Errors
    /// `Bpffs`, or `Link`
    pub fn list(pins: &Pins) -> Result<Vec<Self>, PinsError> {
        let open = |(interface, path): (String, PathBuf)| {
            let read = describe(&path);
            let (ifindex, program_id) = read.map_err(|error| PinsError::Link { pin: path.clone(), error })?;
            Ok(Self { interface, path, ifindex, program_id })
        };
        pins.links()?.into_iter().map(open).collect()
    }

    /// Whether it attaches to that interface. Indices alone are no proof: each network namespace has its own.
    pub fn is_on(&self, interface: &Interface) -> bool {
        self.ifindex == interface.index
            && interface.xdp.is_some_and(|attached| attached.program_id == self.program_id)
    }
}

/// Interface and program of a pinned link. The kernel tells both in the description of a file (`bpf_xdp_link_show_fdinfo` in
/// net/core/dev.c, Linux 5.9), and the interface nowhere that aya looks.
fn describe(path: &Path) -> io::Result<(u32, u32)> {
    let opened = open(path)?;
    let description = fs::read_to_string(format!("/proc/self/fdinfo/{}", opened.as_raw_fd()))?;
    let field = |name: &str| {
        let value = description.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = value.and_then(|value| value.trim().parse().ok());
        value.ok_or_else(|| {
            io::Error::other(format!("the kernel tells no {name} of it: it is no XDP attachment"))
        })
    };
    Ok((field("ifindex")?, field("prog_id")?))
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    const BPF_OBJ_GET: libc::c_int = 7;
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attributes = Attributes { pathname: path.as_ptr() as u64, bpf_fd: 0, file_flags: 0 };
    let size = size_of::<Attributes>();
    // SAFETY: the path is a C string that lives through the call; the kernel writes nothing.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BPF_OBJ_GET, &raw mut attributes, size) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the call just returned it to us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The part of `union bpf_attr` for `BPF_OBJ_GET`, include/uapi/linux/bpf.h.
#[repr(C)]
struct Attributes {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}
