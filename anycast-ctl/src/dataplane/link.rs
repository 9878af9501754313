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

/// Attaches a pinned program, natively or else generically, and pins the attachment. aya attaches only programs whose object it
/// has.
pub fn attach(program: &Path, ifindex: u32, pin: &Path) -> io::Result<()> {
    const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
    const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
    let program = open(program)?;
    let create = |flags| create(&program, ifindex, flags);
    let link = create(XDP_FLAGS_DRV_MODE).or_else(|_| create(XDP_FLAGS_SKB_MODE))?;
    const BPF_OBJ_PIN: libc::c_int = 6;
    let path = CString::new(pin.as_os_str().as_bytes())?;
    let mut attributes =
        PinAttributes { pathname: path.as_ptr() as u64, bpf_fd: link.as_raw_fd() as u32, file_flags: 0 };
    // SAFETY: the path is a C string that lives through the call; the kernel writes nothing.
    unsafe { bpf(BPF_OBJ_PIN, &mut attributes) }.map(drop)
}

fn create(program: &OwnedFd, ifindex: u32, flags: u32) -> io::Result<OwnedFd> {
    const BPF_LINK_CREATE: libc::c_int = 28;
    const BPF_XDP: u32 = 37;
    let program = program.as_raw_fd() as u32;
    let mut attributes = LinkAttributes { program, ifindex, attach_type: BPF_XDP, flags };
    // SAFETY: plain numbers; the kernel writes nothing, and returns a descriptor.
    let fd = unsafe { bpf(BPF_LINK_CREATE, &mut attributes) }?;
    // SAFETY: the call just returned it to us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    const BPF_OBJ_GET: libc::c_int = 7;
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attributes = PinAttributes { pathname: path.as_ptr() as u64, bpf_fd: 0, file_flags: 0 };
    // SAFETY: the path is a C string that lives through the call; the kernel writes nothing, and returns a descriptor.
    let fd = unsafe { bpf(BPF_OBJ_GET, &mut attributes) }?;
    // SAFETY: the call just returned it to us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// bpf(2).
///
/// # Safety
///
/// The attributes are those of the command, and what they point to lives through the call.
unsafe fn bpf<A>(command: libc::c_int, attributes: &mut A) -> io::Result<i32> {
    // SAFETY: the caller's promise; the size is that of the attributes.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<A>()) };
    i32::try_from(result).ok().filter(|result| *result >= 0).ok_or_else(io::Error::last_os_error)
}

/// The part of `union bpf_attr` for `BPF_OBJ_GET` and `BPF_OBJ_PIN`, include/uapi/linux/bpf.h.
#[repr(C)]
struct PinAttributes {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

/// The part of `union bpf_attr` for `BPF_LINK_CREATE`.
#[repr(C)]
struct LinkAttributes {
    program: u32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
}
