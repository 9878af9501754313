//! Is this machine an edge host that works? One finding for each thing the dataplane and its daemon need.
//!
//! `facts` says what is asked, `gather` asks the kernel once, `judge` holds the answers against what must be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{finding::Finding, host::NetworkError, interface::InterfaceError, preflight::PreflightError};

mod check;
mod facts;
mod gather;
mod judge;

pub use self::check::Check;

/// What to look at.
#[derive(Clone, Debug)]
pub struct Options {
    /// Site file; `None`: what the daemon steers, if one runs.
    pub config: Option<PathBuf>,
    /// Interfaces beside those of the site.
    pub interfaces: Vec<String>,
    /// The daemon's Unix socket.
    pub socket: PathBuf,
    /// Directory of everything this project pins.
    pub bpffs: PathBuf,
    /// Name of the instance, a directory below it.
    pub instance: String,
    /// Where the daemon keeps what it must not forget.
    pub state_directory: PathBuf,
}

/// `anycast-ctl doctor --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was found: the host first, then the instance, then each interface.
    pub findings: Vec<Finding>,
}

/// Why the machine cannot be looked at. What is wrong with it is a finding.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// /proc is missing.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// Interfaces cannot be listed.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// Addresses or routes cannot be listed.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Looks at the machine. Changes nothing, attaches nothing.
///
/// # Errors
/// See [`DoctorError`].
pub async fn examine(options: &Options) -> Result<Report, DoctorError> {
    let facts = gather::gather(options).await?;
    Ok(Report { findings: judge::judge(&facts) })
}
