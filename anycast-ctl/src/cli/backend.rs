//! `anycast-ctl backend …`

use clap::Subcommand;

use super::Common;
use crate::api::client::Client;

mod check;
mod show;
mod verbs;

use show::{List, Show};
use verbs::{Add, Disable, Drain, Enable, Mark, Remove, Set, Undrain, Weight};

/// Show and change the backends of a pool.
///
/// Every change is kept over restarts, and takes --dry-run: it prints which slots would move, what is known of the live flows,
/// and which sessions would break, and changes nothing.
#[derive(Debug, Subcommand)]
pub enum Backend {
    /// List the backends with their state, share and traffic
    List(List),
    /// Add a backend to a pool
    ///
    /// It gets its share of the slots as soon as its next hop answers. Flows that are under way stay where they are.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend add web web-4 10.0.0.14 --weight 2
  anycast-ctl backend add web far-1 10.9.0.11 --delivery ipip    in another network")]
    Add(Add),
    /// Remove a backend from a pool, at once
    ///
    /// Its slots go to the other backends, which end the sessions it has with a RST. To keep these, drain it first.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend remove web web-4 --dry-run     which sessions would break
  anycast-ctl backend drain web web-4                let them end, then remove it")]
    Remove(Remove),
    /// Change the address, weight or delivery of a backend, or what becomes of it when it is drained
    ///
    /// With another address its flows end, as if it had been removed and another one added.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend set web web-4 --weight 2 --delivery gue
  anycast-ctl backend set web web-4 --delivery pool  as its pool has it")]
    Set(Set),
    /// Show one backend
    #[command(after_long_help = "Example:\n  anycast-ctl backend show web web-4")]
    Show(Show),
    /// Give a backend no new flows; those it has live on
    ///
    /// Its slots go to the other backends, and its flows keep reaching it: until they end, or until the deadline, when
    /// those that still live are given up and end with a RST. Without a deadline they are waited for until `backend
    /// undrain` or `backend remove`. Draining a backend that is draining sets its deadline anew. With --remove the daemon
    /// removes it when no flow of it is left, unless it is the last of its pool.
    #[command(after_long_help = "\
Examples, a deploy on web-2:
  anycast-ctl backend drain web web-2 --deadline 10m --wait
  (deploy)
  anycast-ctl backend undrain web web-2

A server that goes for good:
  anycast-ctl backend drain web web-2 --remove")]
    Drain(Drain),
    /// Give a draining backend new flows again
    ///
    /// It gets back the very slots it had. Flows that began elsewhere in the meantime stay where they are. It is not
    /// removed any more, if it was to be.
    #[command(after_long_help = "Example:\n  anycast-ctl backend undrain web web-2")]
    Undrain(Undrain),
    /// Give a backend no flows at all, as if it had been removed; it stays configured
    ///
    /// The sessions it has end with a RST. To keep these, drain it first.
    #[command(after_long_help = "Example:\n  anycast-ctl backend disable web web-2 --dry-run")]
    Disable(Disable),
    /// Give a disabled backend flows again
    #[command(after_long_help = "Example:\n  anycast-ctl backend enable web web-2")]
    Enable(Enable),
    /// Set the share of new flows a backend gets
    ///
    /// A backend of weight 2 gets twice the slots of one of weight 1. Flows that are under way stay where they are.
    #[command(after_long_help = "\
Examples, a careful start of a fresh server among others of weight 100:
  anycast-ctl backend weight web web-4 1
  anycast-ctl backend weight web web-4 10 --dry-run
  anycast-ctl backend weight web web-4 100")]
    Weight(Weight),
    /// Say what a backend is asked otherwise than its pool's others; what is not named stays
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend check web web-2 port=8080
  anycast-ctl backend check web web-2 type=none      it is up while its next hop answers
  anycast-ctl backend check web web-2 --none         as its pool's others")]
    Check(check::Check),
    /// Declare a backend up or down: your own verdict on its health
    ///
    /// One that is down gets no new flows. What becomes of its flows is its pool's `on_down`: `reset` sends them to other
    /// backends, whose RST tells the clients at once, `keep` leaves them on it. One marked up may be steered to when its
    /// next hop answers.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend mark web web-2 down            it burns
  anycast-ctl backend mark web web-2 up              it is back")]
    Mark(Mark),
}

impl Backend {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.execute(common, client),
            Self::Show(command) => command.execute(common, client),
            Self::Add(command) => command.execute(common, client),
            Self::Remove(command) => command.execute(common, client),
            Self::Set(command) => command.execute(common, client),
            Self::Drain(command) => command.execute(common, client),
            Self::Undrain(command) => command.execute(common, client),
            Self::Disable(command) => command.execute(common, client),
            Self::Enable(command) => command.execute(common, client),
            Self::Weight(command) => command.execute(common, client),
            Self::Check(command) => command.execute(common, client),
            Self::Mark(command) => command.execute(common, client),
        }
    }
}
