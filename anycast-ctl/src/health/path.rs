//! The way of checks through the dataplane: a socket that connects to a VIP's *address*, with a mark that says to which backend.
//!
//! ```text
//!  socket, marked ─► ip rule: fwmark ─► local default dev lo ─► program on the way out of lo ─► backend's interface
//!        ▲                                                                                          │
//!        └────────────────────────── the backend answers the socket's own address ◄─────────────────┘
//! ```
//!
//! The packets leave as the program that steers would send them: readdressed, or in outer headers. So a backend without the VIP
//! on `lo`, without decapsulation, or behind a path that is narrower than it is believed to be fails its check. On `lo` no
//! neighbour is asked for, whether this host holds the VIP or not, and nothing marked leaves this host but by the program.
//!
//! What a socket must have, before it connects or sends:
//!
//! - `SO_MARK`: [`CheckPath::mark`].
//! - `bind` to an address of this host that the backend can answer to. Left to itself the kernel takes the VIP.
//! - `IP_TTL`, `IPV6_UNICAST_HOPS` of 1: the program sends [`HOP_LIMIT`] whatever it is. Should somebody take the rules away, the
//!   packets die at the first router instead of reaching the VIP at another site.
//! - `TCP_MAXSEG`, TCP: `lo` takes 65,536 bytes, the way to the backend does not. What is larger than that is dropped and
//!   counted.
//!
//! A backend that is this host itself has a mark of its own kind: with it, connecting fails with `ENETUNREACH` unless this host
//! holds the VIP.
//!
//! IPv4 answers of a VIP that this host holds too are dropped as martians, unless the interface they come in by has
//! `accept_local` ([`takes_own_source`]).
//!
//! [`HOP_LIMIT`]: anycast_common::probe::HOP_LIMIT

use std::collections::{BTreeMap, BTreeSet};

use anycast_common::{
    backend::{Backend as KernelBackend, Delivery as KernelDelivery},
    probe::{Outcome, Probe, THIS_HOST, mark},
    tunnel::Tunnel,
};
use aya::programs::ProgramInfo;

use self::{program::Program, rules::Rules};
use crate::{host::greater, way::Way};

mod error;
mod magic;
mod program;
mod rules;

pub use self::{
    error::CheckPathError,
    magic::{mark_of, table_of},
    program::Attachment,
};

/// The way to one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeWay {
    /// Its entry, as [`Way::kernel_backend`] makes it. One that is not usable has no way.
    pub backend: KernelBackend,
    /// Outer headers, if packets get some.
    pub tunnel: Option<Tunnel>,
}

impl ProbeWay {
    /// By that way.
    pub fn of(way: &Way<'_>) -> Self {
        Self { backend: way.kernel_backend(), tunnel: way.tunnel }
    }

    fn is_this_host(&self) -> bool {
        self.backend.delivery == KernelDelivery::Local.code()
    }

    fn probe(&self) -> Option<Probe> {
        let leaves = self.backend.is_usable() && !self.is_this_host();
        leaves.then(|| Probe { backend: self.backend, tunnel: self.tunnel.unwrap_or_default() })
    }
}

/// The way of checks of one instance: program, map, rules. They end with it, the rules by [`CheckPath::close`].
pub struct CheckPath {
    magic: u16,
    rules: Rules,
    program: Program,
    /// What the map holds.
    probes: BTreeMap<u16, Probe>,
    /// Backends that are this host itself.
    own: BTreeSet<u16>,
}

impl CheckPath {
    /// Opens the way, in the calling thread's network namespace; no backend is on it yet. Takes the place of what a daemon of
    /// that instance left behind: the caller sees to it that none runs.
    ///
    /// # Errors
    /// Rights or kernel, in words that say what to do.
    pub async fn open(instance: &str) -> Result<Self, CheckPathError> {
        Self::open_as(instance, Attachment::Any).await
    }

    /// As [`Self::open`], with the program attached in a way of the caller's choice.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub async fn open_as(instance: &str, attachment: Attachment) -> Result<Self, CheckPathError> {
        let magic = magic::of(instance);
        // First, so that no mark is obeyed without it.
        let program = Program::load(magic, attachment)?;
        let rules = Rules::open(magic)?;
        rules.remove().await?;
        if let Err(error) = rules.add().await {
            // All or nothing; the first error is the one that says why.
            let _ = rules.remove().await;
            return Err(error);
        }
        Ok(Self { magic, rules, program, probes: BTreeMap::new(), own: BTreeSet::new() })
    }

    /// Has packets go to exactly these backends; answers how many ways were set, changed or cleared. Packets of all others are
    /// dropped. A way changes between two packets.
    ///
    /// # Errors
    /// `Backend` names the one whose way the kernel refused; those that follow it are as before. Calling it again tries again.
    pub fn set(&mut self, backends: &BTreeMap<u16, ProbeWay>) -> Result<usize, CheckPathError> {
        self.own = backends.iter().filter(|(_, way)| way.is_this_host()).map(|(index, _)| *index).collect();
        let wanted: BTreeMap<u16, Probe> =
            backends.iter().filter_map(|(index, way)| Some((*index, way.probe()?))).collect();
        let mut changes = 0;
        let gone: Vec<u16> =
            self.probes.keys().filter(|index| !wanted.contains_key(index)).copied().collect();
        for index in gone {
            self.program.clear(index, mark(self.magic, index))?;
            self.probes.remove(&index);
            changes += 1;
        }
        for (index, probe) in wanted {
            if self.probes.get(&index) != Some(&probe) {
                self.program.set(index, mark(self.magic, index), probe)?;
                self.probes.insert(index, probe);
                changes += 1;
            }
        }
        Ok(changes)
    }

    /// The mark of sockets that check this backend. It is another one while the backend is this host itself, as it was when
    /// [`Self::set`] was called.
    pub fn mark(&self, backend: u16) -> u32 {
        mark(self.magic, if self.own.contains(&backend) { THIS_HOST } else { backend })
    }

    /// Puts back rules and routes that others took away, as systemd-networkd does with all it does not know when it starts;
    /// answers how many.
    ///
    /// # Errors
    /// `Rules`
    pub async fn repair(&self) -> Result<usize, CheckPathError> {
        self.rules.add().await
    }

    /// Packets that came to each outcome since the way was opened, all CPUs together.
    ///
    /// # Errors
    /// `Program`
    pub fn counters(&self) -> Result<Vec<(Outcome, u64)>, CheckPathError> {
        self.program.counters()
    }

    /// The kernel's account of the program.
    ///
    /// # Errors
    /// `Program`
    pub fn info(&self) -> Result<ProgramInfo, CheckPathError> {
        self.program.info()
    }

    /// Closes the way, and takes the rules away.
    ///
    /// # Errors
    /// `Rules`: [`clean_up`] tries again.
    pub async fn close(self) -> Result<(), CheckPathError> {
        self.rules.remove().await
    }
}

/// Removes what a daemon of that instance left in the calling thread's network namespace when it was killed: rules, routes, and
/// on kernels before 6.6 the program, which stays attached there. Nothing to remove is no error.
///
/// # Errors
/// `Rules`
pub async fn clean_up(instance: &str) -> Result<(), CheckPathError> {
    let magic = magic::of(instance);
    Rules::open(magic)?.remove().await?;
    Program::remove_left(magic);
    Ok(())
}

/// Whether IPv4 packets are taken that come in by that interface from an address which this host holds itself, as the answers of
/// backends are when this host holds their VIP: `net.ipv4.conf.{all,IFACE}.accept_local`. `None`: not readable. IPv6 takes them.
pub fn takes_own_source(interface: &str) -> Option<bool> {
    greater("ipv4", interface, "accept_local").map(|value| value != 0)
}
