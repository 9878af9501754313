//! `anycast-ctl vip …`

use clap::Subcommand;

use super::Common;
use crate::api::client::Client;

mod edit;
mod show;

use edit::{Add, Remove, Set};
use show::{List, Show};

pub use show::table;

/// Show and change the VIPs.
///
/// Every change is kept over restarts, and takes --dry-run, which prints what would change and changes nothing.
#[derive(Debug, Subcommand)]
pub enum Vip {
    /// List the VIPs with their services, pools and traffic
    List(List),
    /// Show a VIP: its settings, what each backend got of it, and what was not delivered
    #[command(after_long_help = "Example:\n  anycast-ctl vip show www")]
    Show(Show),
    /// Add a VIP
    #[command(after_long_help = "\
Examples:
  anycast-ctl vip add www 192.0.2.1 --pool web --service tcp/80 --service tcp/443
  anycast-ctl vip add ns 192.0.2.53 --pool dns --service udp/53 --service tcp/53 --on-unknown-port drop")]
    Add(Add),
    /// Change a VIP; what is not named stays
    ///
    /// Sessions break where a service goes, and all of them with another address or pool: --dry-run says which.
    #[command(after_long_help = "\
Examples:
  anycast-ctl vip set www --service tcp/80 --service tcp/443    these and no others
  anycast-ctl vip set www --pool web-next --dry-run")]
    Set(Set),
    /// Remove a VIP; packets to it go to this host's own stack from then on
    #[command(after_long_help = "Example:\n  anycast-ctl vip remove www --dry-run")]
    Remove(Remove),
}

impl Vip {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.execute(common, client),
            Self::Show(command) => command.execute(common, client),
            Self::Add(command) => command.execute(common, client),
            Self::Set(command) => command.execute(common, client),
            Self::Remove(command) => command.execute(common, client),
        }
    }
}
