//! An XDP program that passes everything, attached without a file or a pin.
//!
//! A frame that leaves a veth by XDP_TX is handed to its peer as a bare XDP frame. The peer only takes it when a
//! native program runs there; without one it is dropped. Two instructions are enough, so they are loaded here
//! rather than taken from an object file.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;

use super::namespace::Namespace;

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// `r0 = XDP_PASS; exit`, as 64-bit instruction words (little-endian fields: opcode, registers, offset, immediate).
const PASS: [u64; 2] = [2 << 32 | 0xb7, 0x95];

/// The attachment: it ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Pass {
    _link: OwnedFd,
}

impl Pass {
    /// Attaches in native mode to an interface of the namespace.
    /// Minimum kernel version: 5.18 (multi-buffer XDP; links for XDP came with 5.9).
    pub fn attach(namespace: &Namespace, interface: &str) -> Result<Self> {
        namespace.inside(|| {
            let index = interface_index(interface)?;
            let program =
                load().context("load the XDP pass program: run this as root on Linux 5.18 or later")?;
            let link = attach(&program, index).with_context(|| {
                format!("attach the XDP pass program to {interface} in {}", namespace.name())
            })?;
            Ok(Self { _link: link })
        })
    }
}

fn interface_index(interface: &str) -> Result<u32> {
    if_nametoindex(interface).with_context(|| format!("find interface {interface}"))
}

/// The head of `union bpf_attr` for BPF_PROG_LOAD (linux/bpf.h).
#[repr(C)]
struct ProgramLoad {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
}

/// The head of `union bpf_attr` for BPF_LINK_CREATE.
#[repr(C)]
struct LinkCreate {
    program: u32,
    interface_index: u32,
    attach_type: u32,
    flags: u32,
}

fn load() -> Result<OwnedFd> {
    let license = c"Dual MIT/GPL";
    bpf(
        BPF_PROG_LOAD,
        &ProgramLoad {
            kind: BPF_PROG_TYPE_XDP,
            instruction_count: 2,
            instructions: PASS.as_ptr() as u64,
            license: license.as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log_buffer: 0,
            kernel_version: 0,
            flags: BPF_F_XDP_HAS_FRAGS,
        },
    )
}

fn attach(program: &OwnedFd, interface_index: u32) -> Result<OwnedFd> {
    let program = u32::try_from(program.as_raw_fd()).context("read the program's descriptor")?;
    bpf(
        BPF_LINK_CREATE,
        &LinkCreate { program, interface_index, attach_type: BPF_XDP, flags: XDP_FLAGS_DRV_MODE },
    )
}

/// A bpf(2) command that answers with a descriptor.
fn bpf<T>(command: libc::c_long, attributes: &T) -> Result<OwnedFd> {
    // SAFETY: `attributes` is a live `repr(C)` value without padding that starts as the kernel's union does, and
    // its own size is passed along; the pointers inside it are to constants.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    let descriptor = i32::try_from(answer).context("read the answer of bpf(2)")?;
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: the kernel just opened this descriptor for this call, and nothing else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
