//! The smallest XDP program there is, attached to an interface.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use rtnetlink::{
    LinkUnspec,
    packet_route::link::{LinkAttribute, LinkXdp},
};

/// `XDP_FLAGS_SKB_MODE` in linux/if_link.h: generic.
pub const GENERIC: u32 = 1 << 1;
/// `XDP_FLAGS_DRV_MODE`: native.
pub const NATIVE: u32 = 1 << 2;

/// Attaches a program called `only_pass`, which passes everything; it stays until the interface goes.
pub async fn attach(ifindex: u32, mode: u32) {
    let program = load();
    let (connection, handle, _) = rtnetlink::new_connection().unwrap();
    let connection = tokio::spawn(connection);
    let xdp = LinkAttribute::Xdp(vec![LinkXdp::Fd(program.as_raw_fd()), LinkXdp::Flags(mode)]);
    let change = LinkUnspec::new_with_index(ifindex).append_extra_attribute(xdp).build();
    handle.link().set(change).execute().await.unwrap();
    connection.abort();
}

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`, up to the name.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log: [u64; 2],
    version_and_flags: [u32; 2],
    name: [u8; 16],
}

fn load() -> OwnedFd {
    const BPF_PROG_LOAD: libc::c_int = 5;
    const BPF_PROG_TYPE_XDP: u32 = 6;
    // r0 = XDP_PASS (2); exit
    let instructions: [u64; 2] = [0x0000_0002_0000_00b7, 0x95];
    let mut attributes = Load {
        kind: BPF_PROG_TYPE_XDP,
        instruction_count: 2,
        instructions: instructions.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        ..Load::default()
    };
    attributes.name[..9].copy_from_slice(b"only_pass");
    // SAFETY: the attributes and all they point to live through the call, and their size is given.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attributes, size_of::<Load>()) };
    assert!(fd >= 0, "load a program: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just given this descriptor to nobody else.
    unsafe { OwnedFd::from_raw_fd(fd.try_into().unwrap()) }
}
