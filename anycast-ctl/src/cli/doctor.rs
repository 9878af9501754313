//! `anycast-ctl doctor`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::{Common, block_on, output};
use crate::{
    bpffs::DEFAULT_BPFFS,
    doctor::{self, Options},
    finding::{self, State},
    instance,
};

/// Look whether this host is an edge host that works, and say what to do where it is not.
///
/// One line for each thing looked at: ok, warn or fail, and the command that mends it. Exits with 1 if anything fails.
/// Changes nothing, attaches nothing. Without --config it looks at what the running daemon steers.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  sudo anycast-ctl doctor                                     the host, and the daemon's interfaces
  sudo anycast-ctl doctor --config /etc/anycast/site.toml     before the first start
  sudo anycast-ctl doctor --interface eth0 --json | jq '.findings[] | select(.state != \"ok\")'")]
pub struct Doctor {
    /// Site file whose interfaces, VIPs and pools are looked at
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A further interface; may be given again
    #[arg(long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,

    /// Directory on a BPF file system, below which the instance is pinned
    #[arg(long, value_name = "DIRECTORY", env = "ANYCAST_BPFFS", default_value = DEFAULT_BPFFS)]
    bpffs: PathBuf,

    /// Directory of the daemon's store; without this, /var/lib/anycast/INSTANCE
    #[arg(long, value_name = "DIRECTORY")]
    state_dir: Option<PathBuf>,
}

impl Doctor {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let Self { config, interfaces, bpffs, state_dir } = self;
        let options = Options {
            config,
            interfaces,
            bpffs,
            socket: common.socket(),
            instance: common.instance.clone(),
            state_directory: state_dir.unwrap_or_else(|| instance::state_dir(&common.instance)),
        };
        let report = block_on(doctor::examine(&options))?.context("look at this host")?;
        output::show(common, &report, |report| finding::page(&report.findings))?;
        match finding::count(&report.findings, State::Fail) {
            0 => Ok(()),
            failed => anyhow::bail!("{failed} of {} checks failed", report.findings.len()),
        }
    }
}
