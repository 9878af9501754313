//! `anycast-ctl validate`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{Common, output};
use crate::config;

/// Check a site file without touching anything.
///
/// Reads the file as `run` does and reports every fault with its line. Needs no rights, no daemon, and none of the
/// interfaces the file names.
#[derive(Debug, Args)]
pub struct Validate {
    /// Site file (TOML)
    file: PathBuf,
}

/// What the file holds.
#[derive(Serialize)]
struct Holds {
    interfaces: usize,
    vips: usize,
    pools: usize,
    backends: usize,
}

impl Validate {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let site = config::load(&self.file).context("load the configuration")?;
        let holds = Holds {
            interfaces: site.interfaces.len(),
            vips: site.vips.len(),
            pools: site.pools.len(),
            backends: site.pools.iter().map(|pool| pool.backends.len()).sum(),
        };
        output::show(common, &holds, |Holds { interfaces, vips, pools, backends }| {
            format!(
                "{} is valid: {interfaces} interfaces, {vips} VIPs, {pools} pools, {backends} backends\n",
                self.file.display()
            )
        })
    }
}
