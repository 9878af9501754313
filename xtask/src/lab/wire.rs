//! Frames that no stack would send, out of an interface as they are.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, ensure};
use nix::net::if_::if_nametoindex;

use super::Namespace;

/// An interface to send frames out of.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
}

impl Wire {
    /// Opens an interface of the namespace.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        namespace.inside(|| {
            let index = if_nametoindex(interface).with_context(|| format!("find interface {interface}"))?;
            // SAFETY: plain arguments.
            let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
            ensure!(socket >= 0, "open a packet socket: {}", io::Error::last_os_error());
            // SAFETY: the kernel just opened this descriptor for this process, and nothing else knows its number.
            let socket = unsafe { OwnedFd::from_raw_fd(socket) };
            let address = libc::sockaddr_ll {
                sll_family: libc::AF_PACKET as u16,
                sll_protocol: 0,
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
            Ok(Self { socket })
        })
    }

    /// Sends one frame.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        // SAFETY: the frame lives through the call, and its length is given.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        ensure!(usize::try_from(sent) == Ok(frame.len()), "send a frame: {}", io::Error::last_os_error());
        Ok(())
    }
}
