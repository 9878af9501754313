//! `anycast-ctl completions` and `anycast-ctl man`: for packagers, made from the command line itself.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::env::Shells;

use super::{Cli, output};

/// Print a completion script for a shell.
///
/// It completes commands and options, and the names of VIPs, pools and backends, for which it asks the daemon.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  anycast-ctl completions bash > /etc/bash_completion.d/anycast-ctl")]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub fn execute(self) -> anyhow::Result<()> {
        let shell = self.shell.to_string();
        let shells = Shells::builtins();
        let completer = shells.completer(&shell).with_context(|| format!("find the completer of {shell}"))?;
        let mut script = Vec::new();
        completer.write_registration("COMPLETE", "anycast_ctl", "anycast-ctl", "anycast-ctl", &mut script)?;
        output::print(&String::from_utf8(script).context("write the completion script")?)
    }
}

/// Write the manual pages into a directory.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  anycast-ctl man ./man && man ./man/anycast-ctl.1")]
pub struct Man {
    /// Where to; created if it is missing
    directory: PathBuf,
}

impl Man {
    pub fn execute(self) -> anyhow::Result<()> {
        let directory = &self.directory;
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
        clap_mangen::generate_to(Cli::command(), directory)
            .with_context(|| format!("write the manual pages to {}", directory.display()))
    }
}
