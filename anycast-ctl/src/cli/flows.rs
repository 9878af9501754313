//! `anycast-ctl flows …`

use clap::Subcommand;

use super::Common;
use crate::api::client::Client;

mod catchment;
mod count;
mod list;
mod top;
mod wanted;

/// Show the flows that are remembered, and who sends what
///
/// Flows are only remembered while their slot is in transition, after a backend came, went or got another weight; and UDP flows
/// of pools with `udp = "pinned"`. All others go where the slot table says, and nobody keeps a list of them: what passes is seen
/// by sampling.
#[derive(Debug, Subcommand)]
#[command(after_long_help = "\
Examples:
  anycast-ctl flows list --backend web/web-2      sessions that a backend keeps through a transition
  anycast-ctl flows list --from 198.51.100.0/24   those of a client or a network
  anycast-ctl flows count                         how many each backend has
  anycast-ctl flows top --by prefix --for 10s     which networks send most
  anycast-ctl flows catchment --for 60s           which networks arrive at this site, and how far away they are")]
pub enum Flows {
    List(list::List),
    Count(count::Count),
    Top(top::Top),
    Catchment(catchment::Catchment),
}

impl Flows {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.execute(common, client),
            Self::Count(command) => command.execute(common, client),
            Self::Top(command) => command.execute(common, client),
            Self::Catchment(command) => command.execute(common, client),
        }
    }
}
