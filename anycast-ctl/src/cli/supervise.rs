//! `anycast-ctl supervise`, which only the daemon runs.

use clap::Args;

use crate::health::probe::supervisor;

/// Run a program for a check, and let nothing of it outlive its reader
#[derive(Debug, Args)]
pub struct Supervise {
    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

impl Supervise {
    pub fn execute(self) -> anyhow::Result<()> {
        supervisor::run(&self.command)
    }
}
