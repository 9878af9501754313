//! Packet sockets (packet(7)), by which whole frames or packets are sent and captured.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, ensure};
use nix::net::if_::if_nametoindex;

/// Opens one, of `SOCK_RAW` or `SOCK_DGRAM`. It is of no protocol: it gets nothing until it is bound.
pub(super) fn open(kind: libc::c_int) -> Result<OwnedFd> {
    // SAFETY: plain arguments.
    let socket = unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) };
    ensure!(socket >= 0, "open a packet socket: {}", io::Error::last_os_error());
    // SAFETY: the kernel just opened this descriptor for this process, and nothing else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Has it hear frames of a protocol, in host byte order, at an interface of the calling thread's namespace; 0: of none.
pub(super) fn bind(socket: &OwnedFd, interface: &str, protocol: u16) -> Result<()> {
    let index = if_nametoindex(interface).with_context(|| format!("find interface {interface}"))?;
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
        sll_ifindex: i32::try_from(index).context("read an interface's index")?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address lives through the call, and its length is given.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    ensure!(bound == 0, "bind a packet socket to {interface}: {}", io::Error::last_os_error());
    Ok(())
}
