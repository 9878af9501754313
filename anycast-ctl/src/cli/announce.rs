//! `anycast-ctl announce …`

use clap::Subcommand;

use super::Common;

mod relay;

/// Announce routes to VIPs, by the routing daemon that this site already runs.
#[derive(Debug, Subcommand)]
pub enum Announce {
    Relay(relay::Relay),
}

impl Announce {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::Relay(command) => command.execute(common),
        }
    }
}
