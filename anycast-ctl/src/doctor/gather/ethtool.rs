//! What the driver says of an interface: `SIOCETHTOOL`, linux/ethtool.h.
//!
//! /sys shows the interfaces of the network namespace it was mounted in, whoever asks; these calls know the caller's.

use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use zerocopy::{FromBytes, IntoBytes};

use crate::doctor::facts::Channels;

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_GGRO: u32 = 0x2b;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
const ETH_FLAG_RXVLAN: u32 = 1 << 8;
const ETH_FLAG_LRO: u32 = 1 << 15;
const SIOCETHTOOL: libc::Ioctl = 0x8946;

/// `struct ethtool_drvinfo`.
#[repr(C)]
#[derive(FromBytes, IntoBytes)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

/// `struct ethtool_value`.
#[repr(C)]
#[derive(FromBytes, IntoBytes)]
struct Value {
    command: u32,
    data: u32,
}

/// `struct ethtool_channels`.
#[repr(C)]
#[derive(FromBytes, IntoBytes)]
struct ChannelCounts {
    command: u32,
    max_rx: u32,
    max_tx: u32,
    max_other: u32,
    max_combined: u32,
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

/// One interface.
pub struct Ethtool<'a> {
    socket: Option<OwnedFd>,
    interface: &'a str,
}

impl<'a> Ethtool<'a> {
    /// In the calling thread's network namespace.
    pub fn of(interface: &'a str) -> Self {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
        Self { socket: socket.ok(), interface }
    }

    /// Name of the driver.
    pub fn driver(&self) -> Option<String> {
        let info: DriverInfo = self.ask(ETHTOOL_GDRVINFO)?;
        let name = info.driver.split(|byte| *byte == 0).next()?;
        String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty())
    }

    /// Whether the hardware merges packets.
    pub fn lro(&self) -> Option<bool> {
        self.ask::<Value>(ETHTOOL_GFLAGS).map(|flags| flags.data & ETH_FLAG_LRO != 0)
    }

    /// Whether VLAN tags are taken off.
    pub fn strips_vlan(&self) -> Option<bool> {
        self.ask::<Value>(ETHTOOL_GFLAGS).map(|flags| flags.data & ETH_FLAG_RXVLAN != 0)
    }

    /// Whether the stack merges packets.
    pub fn gro(&self) -> Option<bool> {
        self.ask::<Value>(ETHTOOL_GGRO).map(|value| value.data != 0)
    }

    /// Receive queues.
    pub fn channels(&self) -> Option<Channels> {
        let counts: ChannelCounts = self.ask(ETHTOOL_GCHANNELS)?;
        Some(Channels {
            receive: counts.rx + counts.combined,
            most: counts.max_rx.max(counts.max_combined),
            combined: counts.max_combined > 0,
        })
    }

    /// `None` where the driver does not say.
    fn ask<T: FromBytes + IntoBytes>(&self, command: u32) -> Option<T> {
        let mut answer = T::new_zeroed();
        answer.as_mut_bytes().first_chunk_mut::<4>()?.copy_from_slice(&command.to_ne_bytes());
        // SAFETY: all bytes zero are a valid `ifreq`.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let name = self.interface.bytes().filter(|_| self.interface.len() < libc::IFNAMSIZ);
        request.ifr_name.iter_mut().zip(name).for_each(|(to, byte)| *to = byte as libc::c_char);
        request.ifr_ifru.ifru_data = (&raw mut answer).cast();
        let socket = self.socket.as_ref()?.as_raw_fd();
        // SAFETY: both structures are valid for reads and writes during the call, and `answer` has the size that the command
        // in its first word stands for.
        let result = unsafe { libc::ioctl(socket, SIOCETHTOOL, &raw mut request) };
        (result == 0).then_some(answer)
    }
}
