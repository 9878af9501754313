//! The backend's end of a tunnel: loads and configures the program that takes the outer headers off.
//!
//! Nothing of this needs the daemon. Program, link and maps are pinned, one directory per interface, so that receiving goes on
//! when the command is over; another run changes what is pinned in place.

use std::path::PathBuf;

use crate::{
    bpffs::BpffsError, dataplane::AttachError, host::NetworkError, interface::InterfaceError,
    preflight::PreflightError,
};

mod attach;
pub mod check;
mod control;
mod load;
mod maps;
mod pins;
mod sender;
mod status;

pub use self::{
    control::{Start, Started, start, stop},
    load::{PROGRAMS, Receiver},
    sender::{Sender, SenderError},
    status::{CounterStatus, InterfaceStatus, ReceiveStatus, status},
};

/// Why packets cannot be received, or nothing can be said of it.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Rights or kernel.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The interface cannot be used.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The kernel does not say what the network is like.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The program cannot be attached.
    #[error("{}", attach::message(.0))]
    Attach(AttachError),
    /// Something is wrong with the pins.
    #[error(transparent)]
    Bpffs(#[from] BpffsError),
    /// Nobody receives.
    #[error(
        "{} is not receiving tunnels: start it with `anycast-ctl receive --interface {} --from PREFIX`",
        .0.as_deref().unwrap_or("this host"), .0.as_deref().unwrap_or("IFACE")
    )]
    NotRunning(Option<String>),
    /// There is nothing to end.
    #[error("nothing is pinned for {0}: `anycast-ctl receive status` lists the interfaces that receive")]
    NothingToStop(String),
    /// Somebody else holds the link.
    #[error(
        "the pins are removed, but program {0} is still attached: another process holds its link; \
         `bpftool link show` names it"
    )]
    StillAttached(u32),
    /// The pins belong to an interface of the same name elsewhere.
    #[error(
        "{directory} belongs to an interface `{interface}` of another network namespace: run this there, or name another \
         directory with --bpffs"
    )]
    OtherNamespace {
        /// Name of the interface.
        interface: String,
        /// The pins.
        directory: PathBuf,
    },
    /// Another version pinned its own maps.
    #[error(
        "{interface} receives by another version of this program: start it anew with this version's `anycast-ctl receive \
         --interface {interface} --from PREFIX`, which takes over without a gap"
    )]
    OtherVersion {
        /// Name of the interface.
        interface: String,
    },
    /// A link keeps its mode for life.
    #[error(
        "{interface} receives in {attached} mode already, and only starting anew changes that: run `anycast-ctl receive stop \
         --interface {interface}` first"
    )]
    OtherMode {
        /// Name of the interface.
        interface: String,
        /// How it is attached.
        attached: &'static str,
    },
    /// The kernel has no links for XDP.
    #[error(
        "this kernel cannot keep the program attached: XDP links need Linux 5.9 or later; boot a newer kernel"
    )]
    NoLink,
    /// More prefixes than fit.
    #[error(
        "{given} prefixes are too many: the program takes {}; give shorter ones",
        anycast_common::receive::MAX_SENDERS
    )]
    TooManySenders {
        /// How many were given.
        given: usize,
    },
    /// The kernel refused.
    #[error("{doing}: {error}")]
    Kernel {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The embedded object or a pinned map is not what it ought to be.
    #[error("{0}: this build is broken, or something else was pinned in its place")]
    Missing(&'static str),
}

fn kernel<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    doing: &'static str,
) -> impl Fn(E) -> ReceiveError {
    move |error| ReceiveError::Kernel { doing, error: error.into() }
}
