//! What can go wrong with the way of checks.

use std::{error::Error, io};

use crate::preflight::PreflightError;

/// Why checks cannot go through the dataplane.
#[derive(Debug, thiserror::Error)]
pub enum CheckPathError {
    /// Rights or kernel.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The kernel refuses the program or a map of it.
    #[error("{doing}: {error}")]
    Program {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// There is nothing to attach it by.
    #[error(
        "attaching the program that delivers checks to lo: {error}; it takes Linux 6.6, or CONFIG_NET_SCH_INGRESS and \
         CONFIG_NET_CLS_BPF (`modprobe cls_bpf`); until then check with `via = \"direct\"`"
    )]
    Attach {
        /// Why it failed.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// The kernel refuses a backend's entry.
    #[error("setting the way of checks to the backend with index {backend}: {error}; it is tried again")]
    Backend {
        /// Index of the backend.
        backend: u16,
        /// Why it failed.
        #[source]
        error: Box<dyn Error + Send + Sync>,
    },
    /// The kernel refuses a rule or a route.
    #[error("{doing}: {error}{}", hint(.error))]
    Rules {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
    /// The embedded object is not what it ought to be.
    #[error("the program that delivers checks has no {0}: this build is broken, build it anew")]
    Missing(&'static str),
}

/// What to do about it.
fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "; it needs CAP_NET_ADMIN: AmbientCapabilities=CAP_NET_ADMIN in the unit, or run it with sudo"
        }
        Some(libc::ENETDOWN | libc::ENODEV) => "; set the loopback up: `ip link set lo up`",
        Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP) => {
            "; the kernel lacks policy routing (CONFIG_IP_MULTIPLE_TABLES): check with `via = \"direct\"`"
        }
        _ => "",
    }
}

pub(super) fn program<E: Into<Box<dyn Error + Send + Sync>>>(
    doing: &'static str,
) -> impl Fn(E) -> CheckPathError {
    move |error| CheckPathError::Program { doing, error: error.into() }
}

pub(super) fn backend<E: Into<Box<dyn Error + Send + Sync>>>(backend: u16) -> impl Fn(E) -> CheckPathError {
    move |error| CheckPathError::Backend { backend, error: error.into() }
}
