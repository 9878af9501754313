//! What is asked of the machine.

use std::path::PathBuf;

use crate::{
    api::types::{RightsStatus, XdpMode},
    host::Network,
    interface::Interface,
    model::Site,
    preflight::Surroundings,
};

/// Everything the judge is told. Plain values: what could not be read is `None`.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Kernel and rights.
    pub surroundings: Surroundings,
    /// Settings of the kernel.
    pub kernel: Kernel,
    /// What there is of everything that can run out.
    pub limits: Limits,
    /// The instance's files and daemon.
    pub instance: Instance,
    /// What is steered; the error if its file cannot be used, `None` if no file was named and no daemon runs.
    pub site: Option<Result<Site, SiteFile>>,
    /// Interfaces that were asked about.
    pub devices: Vec<Device>,
    /// Those of them that are not there.
    pub missing: Vec<String>,
    /// Names of all interfaces.
    pub existing: Vec<String>,
    /// Addresses and default routes.
    pub network: Network,
}

/// A site file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// Settings below /proc/sys, and what the CPU suffers from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// `net.core.bpf_jit_enable`.
    pub jit: Option<u32>,
    /// `net.core.bpf_jit_harden`: 1 for users without rights, 2 for everybody.
    pub jit_harden: Option<u32>,
    /// Name and state of those below /sys/devices/system/cpu/vulnerabilities that are mitigated in software.
    pub mitigations: Vec<(String, String)>,
    /// Whether the clock is synchronised.
    pub clock_synchronised: Option<bool>,
}

/// What can run out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPUs that are online.
    pub cpus: u32,
    /// Memory that can be had without swapping, in bytes.
    pub memory: Option<u64>,
    /// What the control group and those above it leave, in bytes; `None`: no limit.
    pub cgroup: Option<u64>,
    /// Bytes a process may lock; `None`: no limit.
    pub memlock: Option<u64>,
    /// Files the daemon (or else this process) may open; `None`: no limit.
    pub files: Option<u64>,
    /// `gc_thresh3` of the neighbour tables of IPv4 and IPv6. Only the initial network namespace shows it.
    pub neighbours: [Option<u64>; 2],
}

/// Files and process of the instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Where it pins.
    pub bpffs: PathBuf,
    /// Whether that is on a BPF file system.
    pub has_bpffs: bool,
    /// Layout versions of the maps that are pinned.
    pub layouts: Vec<u32>,
    /// Whether a program is pinned.
    pub pinned: bool,
    /// Where the store is.
    pub state_directory: PathBuf,
    /// The directory, or the nearest above it that exists.
    pub state_root: PathBuf,
    /// Whether this user may write there.
    pub state_writable: bool,
    /// Bytes left on its file system.
    pub state_free: Option<u64>,
    /// The socket.
    pub socket: PathBuf,
    /// The daemon.
    pub daemon: Daemon,
}

/// What is behind the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// It answers.
    Runs {
        /// Its version.
        version: String,
        /// Its process id.
        pid: u32,
        /// What it may do, as it says itself.
        rights: Option<RightsStatus>,
    },
    /// Nobody listens.
    Absent,
    /// It cannot be talked to, and why.
    Silent(String),
}

/// One interface.
#[derive(Clone, Debug)]
pub struct Device {
    /// As netlink describes it.
    pub interface: Interface,
    /// Name of the XDP program that is attached, if there is one and it may be seen.
    pub program: Option<String>,
    /// How this instance is attached, if it is.
    pub attached: Option<XdpMode>,
    /// Name of the driver.
    pub driver: Option<String>,
    /// What the driver can do with XDP, as the kernel says since 6.3.
    pub features: Option<XdpFeatures>,
    /// Transmit queues.
    pub tx_queues: u32,
    /// Queues in use and the most there can be.
    pub channels: Option<Channels>,
    /// Whether the hardware merges packets.
    pub lro: Option<bool>,
    /// Whether the stack merges packets.
    pub gro: Option<bool>,
    /// Whether VLAN tags are taken off on receipt.
    pub strips_vlan: Option<bool>,
    /// VLAN interfaces on top of it.
    pub vlans: Vec<String>,
    /// The interface it is part of, and what kind that is: `bond`, `team`, `bridge`.
    pub master: Option<(String, String)>,
    /// As they count: the greater of the interface's own setting and of `all`.
    pub rp_filter: Option<u32>,
    /// The same of `arp_ignore`.
    pub arp_ignore: Option<u32>,
    /// Whether IPv4 packets from addresses of this host itself are taken, if they come in by it.
    pub accept_local: Option<bool>,
    /// Whether IPv4, IPv6 packets that come in by it are forwarded.
    pub forwarding: [Option<u32>; 2],
}

/// `NETDEV_XDP_ACT_*` in linux/netdev.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpFeatures(pub u64);

impl XdpFeatures {
    /// Runs programs, with the verdicts PASS, DROP and TX.
    pub const fn is_native(self) -> bool {
        self.0 & 1 != 0
    }

    /// Hands over packets in several buffers.
    pub const fn takes_buffers(self) -> bool {
        self.0 & 1 << 5 != 0
    }
}

/// Queues, as `ethtool -l` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Receive queues in use, combined ones included.
    pub receive: u32,
    /// The most there can be.
    pub most: u32,
    /// Whether they are set as `combined`, or as `rx`.
    pub combined: bool,
}
