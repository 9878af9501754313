//! `anycast-ctl reconcile`

use anyhow::Context as _;
use clap::Args;

use super::{Common, block_on, output};
use crate::api::{client::Client, types::ReconcileStatus};

/// Compare the kernel's maps with what should be there, and put right what somebody else changed.
///
/// The daemon does the same by itself, `run --reconcile-every`. What is repaired is logged, and counted by `status`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  sudo anycast-ctl reconcile              repair, and say what had drifted
  sudo anycast-ctl reconcile --dry-run    only say")]
pub struct Reconcile {
    /// Change nothing, only say what has drifted
    #[arg(long)]
    dry_run: bool,
}

impl Reconcile {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let status = block_on(client.reconcile(self.dry_run))?.context("reconcile the maps")?;
        output::show(common, &status, page)
    }
}

fn page(status: &ReconcileStatus) -> String {
    if status.drifted.is_empty() {
        return "The maps hold what they should.\n".to_owned();
    }
    let done = if status.repaired { "Repaired:" } else { "Has drifted, and was left as it is:" };
    let lines = status.drifted.iter().map(|words| format!("  {words}\n"));
    std::iter::once(format!("{done}\n")).chain(lines).collect()
}
