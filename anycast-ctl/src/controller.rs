//! Stub.

use std::path::PathBuf;

use crate::{api::types::XdpMode, model::Site};

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where the API listens.
    pub socket: PathBuf,
    /// How to attach; `None` for native with generic as the way out.
    pub xdp_mode: Option<XdpMode>,
}

/// Runs until a signal comes.
///
/// # Errors
/// Always, for it is a stub.
pub async fn run(_site: Site, _options: RunOptions) -> anyhow::Result<()> {
    anyhow::bail!("the controller is a stub")
}
