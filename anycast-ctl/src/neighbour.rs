//! Next hops of the backends: which interface, and which link-layer address, frames for them go to.
//!
//! The kernel's route and neighbour tables hold the answer; [`Resolver`] asks for it, keeps it alive (packets that
//! XDP sends do not touch the kernel's neighbour entries, which would go stale and be collected), and follows
//! every change by netlink notifications.

use std::{fmt, net::IpAddr};

mod event;
mod lookup;
mod resolver;
#[cfg(test)]
mod tests;
mod watched;

pub use resolver::{Resolutions, Resolver, ResolverError, ResolverHandle};

/// Where frames for a backend go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Index of the interface they leave by.
    pub ifindex: u32,
    /// Its name.
    pub interface: String,
    /// The neighbour: the backend itself, or the gateway on the way to it.
    pub neighbour: IpAddr,
    /// The neighbour's link-layer address: destination of the frames.
    pub mac: [u8; 6],
    /// The interface's own link-layer address: source of the frames.
    pub source_mac: [u8; 6],
    /// Largest IP packet on the path, in bytes: the interface's MTU, or the route's if that is smaller.
    pub mtu: u32,
    /// The address of this host that its routes prefer as source of packets to the backend.
    pub source: Option<IpAddr>,
}

/// What is known about the way to one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Frames can be addressed.
    Resolved(NextHop),
    /// They are addressed as a daemon before this one had it; the kernel was not heard yet. `None`: they stay on this host.
    Inherited(Option<NextHop>),
    /// They cannot, and why.
    Unresolved(Why),
}

impl Resolution {
    /// Whether it says more than that the answer is still awaited: from the neighbour, or from a kernel that could not be asked.
    pub const fn is_settled(&self) -> bool {
        !matches!(self, Self::Inherited(_) | Self::Unresolved(Why::Asking { .. } | Why::Lookup { .. }))
    }

    /// The next hop, if there is one.
    pub const fn next_hop(&self) -> Option<&NextHop> {
        match self {
            Self::Resolved(next_hop) => Some(next_hop),
            Self::Inherited(next_hop) => next_hop.as_ref(),
            Self::Unresolved(_) => None,
        }
    }

    /// Whether it is a way, which stays while the kernel cannot be asked.
    const fn is_way(&self) -> bool {
        matches!(self, Self::Resolved(_) | Self::Inherited(_) | Self::Unresolved(Why::Local { .. }))
    }
}

/// Why a backend has no next hop. `Display` is what `status` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No route covers the address.
    NoRoute {
        /// The backend's address.
        address: IpAddr,
    },
    /// The route that covers it says that it must not be reached.
    Refused {
        /// The backend's address.
        address: IpAddr,
        /// `blackhole`, `unreachable`, `prohibit` or `throw`.
        kind: &'static str,
    },
    /// The address is this host's own.
    Local {
        /// The backend's address.
        address: IpAddr,
    },
    /// The address is a broadcast, multicast or kernel anycast address.
    NotUnicast {
        /// The backend's address.
        address: IpAddr,
    },
    /// The route leaves by an interface that has no link-layer addresses.
    NotEthernet {
        /// Name of the interface.
        interface: String,
    },
    /// The interface is down, or has no carrier.
    LinkDown {
        /// Name of the interface.
        interface: String,
    },
    /// The neighbour was asked and has not answered yet.
    Asking {
        /// The backend, or its gateway.
        neighbour: IpAddr,
        /// Name of the interface.
        interface: String,
    },
    /// The neighbour did not answer; it is asked again all the time.
    NoAnswer {
        /// The backend, or its gateway.
        neighbour: IpAddr,
        /// Name of the interface.
        interface: String,
    },
    /// The kernel could not be asked; it is asked again.
    Lookup {
        /// What was asked, and the kernel's answer.
        message: String,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute { address } => write!(f, "no route to {address}"),
            Self::Refused { address, kind } => write!(f, "the route to {address} is of type {kind}"),
            Self::Local { address } => write!(f, "{address} is an address of this host itself"),
            Self::NotUnicast { address } => write!(f, "{address} is no unicast address here"),
            Self::NotEthernet { interface } => {
                write!(f, "the route leaves by {interface}, which is not Ethernet")
            }
            Self::LinkDown { interface } => write!(f, "{interface} is down or has no carrier"),
            Self::Asking { neighbour, interface } => {
                write!(f, "waiting for an answer to {} from {neighbour} on {interface}", question(neighbour))
            }
            Self::NoAnswer { neighbour, interface } => {
                write!(f, "no answer to {} from {neighbour} on {interface}", question(neighbour))
            }
            Self::Lookup { message } => f.write_str(message),
        }
    }
}

/// The protocol that asks for a neighbour's link-layer address.
const fn question(neighbour: &IpAddr) -> &'static str {
    match neighbour {
        IpAddr::V4(_) => "ARP",
        IpAddr::V6(_) => "neighbour discovery",
    }
}
