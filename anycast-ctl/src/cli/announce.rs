//! `anycast-ctl announce …`

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Common, block_on, complete, output};
use crate::api::client::Client;

mod hand;
mod page;
mod relay;
mod watchdog;

pub use page::all;

/// Show which VIPs are announced to the routers and why, and decide about it by hand.
///
/// A VIP is announced while enough of its backends are well, through the routing daemon that `[announce]` in the site file names.
#[derive(Debug, Subcommand)]
pub enum Announce {
    /// List the VIPs with their announcements, and the routing daemon with its peers
    #[command(after_long_help = "\
Examples:
  anycast-ctl announce list
  anycast-ctl announce list --json | jq .alarm     whether somebody should look")]
    List,
    /// Show the announcement of a VIP: why it is as it is, what the routing daemon says, and what happened
    #[command(after_long_help = "Example:\n  anycast-ctl announce show www")]
    Show(Show),
    /// Announce a VIP by hand, whatever its health
    #[command(after_long_help = "Example:\n  anycast-ctl announce now www --for 10m")]
    Now(hand::Now),
    /// Withdraw a VIP by hand, whatever its health
    ///
    /// Routers are told first that the route is about to go (RFC 8326), as far as the routing daemon has the means for that;
    /// --at-once withdraws it without.
    #[command(after_long_help = "\
Examples:
  anycast-ctl announce withdraw www --for 1h
  anycast-ctl announce withdraw www --at-once")]
    Withdraw(hand::Withdraw),
    /// Leave the announcement of a VIP to its health again
    #[command(after_long_help = "Example:\n  anycast-ctl announce auto www")]
    Auto(hand::Auto),
    Watchdog(watchdog::Watchdog),
    Release(watchdog::Release),
    Relay(relay::Relay),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
}

impl Announce {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List => {
                let status = block_on(client.announcements())?.context("ask the daemon for announcements")?;
                output::show(common, &status, page::all)
            }
            Self::Show(Show { name }) => {
                let vip = block_on(client.announcement(&name))?
                    .with_context(|| format!("show the announcement of VIP {name}"))?;
                output::show(common, &vip, page::one)
            }
            Self::Now(command) => command.execute(common, client),
            Self::Withdraw(command) => command.execute(common, client),
            Self::Auto(command) => command.execute(common, client),
            Self::Watchdog(command) => command.execute(common),
            Self::Release(command) => command.execute(common, client),
            Self::Relay(command) => command.execute(common),
        }
    }
}
