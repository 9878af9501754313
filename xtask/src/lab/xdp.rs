//! XDP programs on the lab's interfaces, attached by links: nothing is pinned, and all ends with this process.
//!
//! A frame that leaves a veth by XDP_TX is handed to its peer as a bare XDP frame. The peer only takes it when a
//! native program runs there; without one it is dropped. One that passes everything is enough: it has two
//! instructions, so it is loaded here rather than taken from an object file.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;

use super::namespace::Namespace;

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_LINK_UPDATE: libc::c_long = 29;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// `r0 = XDP_PASS; exit`, as 64-bit instruction words (little-endian fields: opcode, registers, offset, immediate).
const PASS: [u64; 2] = [2 << 32 | 0xb7, 0x95];

/// A program on an interface, in native mode: it ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Link {
    link: OwnedFd,
}

impl Link {
    /// Attaches a loaded program to an interface of the namespace.
    /// Minimum kernel version: 5.9.
    pub fn attach(namespace: &Namespace, interface: &str, program: BorrowedFd<'_>) -> Result<Self> {
        let link = namespace.inside(|| create(program, interface_index(interface)?));
        let link =
            link.with_context(|| format!("attach an XDP program to {interface} in {}", namespace.name()))?;
        Ok(Self { link })
    }

    /// Attaches a program that passes everything.
    /// Minimum kernel version: 5.18 (multi-buffer XDP).
    pub fn attach_pass(namespace: &Namespace, interface: &str) -> Result<Self> {
        let program = load().context("load the XDP pass program: run this as root on Linux 5.18 or later")?;
        Self::attach(namespace, interface, program.as_fd())
    }

    /// Puts another program in the place of the one that runs; no packet passes between them.
    pub fn replace(&self, program: BorrowedFd<'_>) -> Result<()> {
        let attributes =
            LinkUpdate { link: number(self.link.as_fd())?, program: number(program)?, flags: 0, old: 0 };
        bpf(BPF_LINK_UPDATE, &attributes).map(drop).context("replace an XDP program")
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
    name: [u8; 16],
    interface_index: u32,
    attach_type: u32,
}

/// The head of `union bpf_attr` for BPF_LINK_CREATE.
#[repr(C)]
struct LinkCreate {
    program: u32,
    interface_index: u32,
    attach_type: u32,
    flags: u32,
}

/// `union bpf_attr` for BPF_LINK_UPDATE.
#[repr(C)]
struct LinkUpdate {
    link: u32,
    program: u32,
    flags: u32,
    old: u32,
}

fn load() -> Result<OwnedFd> {
    let license = c"Dual MIT/GPL";
    let program = bpf(
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
            name: *b"pass\0\0\0\0\0\0\0\0\0\0\0\0",
            interface_index: 0,
            // A link only lets a program be replaced by one of the same attach type, and aya names this one.
            attach_type: BPF_XDP,
        },
    )?;
    owned(program)
}

fn create(program: BorrowedFd<'_>, interface_index: u32) -> Result<OwnedFd> {
    let program = number(program)?;
    owned(bpf(
        BPF_LINK_CREATE,
        &LinkCreate { program, interface_index, attach_type: BPF_XDP, flags: XDP_FLAGS_DRV_MODE },
    )?)
}

fn number(descriptor: BorrowedFd<'_>) -> Result<u32> {
    u32::try_from(descriptor.as_raw_fd()).context("read a descriptor's number")
}

/// A bpf(2) command.
fn bpf<T>(command: libc::c_long, attributes: &T) -> Result<i32> {
    // SAFETY: `attributes` is a live `repr(C)` value without padding that starts as the kernel's union does, and
    // its own size is passed along; the pointers inside it are to constants.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if answer < 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    i32::try_from(answer).context("read the answer of bpf(2)")
}

/// The answer of a command that makes a program or a link.
fn owned(descriptor: i32) -> Result<OwnedFd> {
    anyhow::ensure!(descriptor >= 0, "read the answer of bpf(2): {descriptor} is no descriptor");
    // SAFETY: the kernel just opened this descriptor for this process, and nothing else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
