//! `anycast-ctl history …` and `anycast-ctl rollback`

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{
    Common, block_on,
    change::Change,
    output,
    table::{self, Align},
};
use crate::api::{
    call::Call,
    client::Client,
    types::{Committed, RevisionDetail, RevisionStatus},
};

/// Show who changed what and when.
///
/// Every change of the desired state is a revision. The newest 1,000 are kept.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Examples:
  anycast-ctl history                        the newest changes first
  anycast-ctl history show 7                 what revision 7 changed
  anycast-ctl rollback 6 --dry-run           what going back to revision 6 would do"
)]
pub struct History {
    /// How many revisions to list, 1 to 1000
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,

    #[command(subcommand)]
    command: Option<HistoryCommand>,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// Show one revision and what it changed; seeds are not shown
    Show {
        /// Its number
        #[arg(value_name = "REV")]
        revision: u64,

        /// Print the whole site of the revision as TOML instead
        #[arg(long)]
        full: bool,
    },
}

/// Go back to an earlier revision.
///
/// Makes a further revision, whose site is that of the earlier one; nothing of the history is lost. What cannot be applied while
/// the dataplane is loaded is refused.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl rollback 6 --dry-run           which slots would move, which sessions would break
  anycast-ctl rollback 6 --wait              return when packets are steered by it")]
pub struct Rollback {
    /// The revision whose site is wanted again
    #[arg(value_name = "REV")]
    to: u64,

    #[command(flatten)]
    change: Change,
}

impl History {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { limit, command } = self;
        match command {
            None => {
                let revisions =
                    block_on(client.revisions(limit.into()))?.context("ask the daemon for its history")?;
                output::show(common, &revisions, |revisions| table(revisions))
            }
            Some(HistoryCommand::Show { revision, full }) => {
                let context = || format!("ask the daemon for revision {revision}");
                let detail = block_on(client.revision(revision))?.with_context(context)?;
                output::show(common, &detail, |detail| if full { detail.text.clone() } else { page(detail) })
            }
        }
    }
}

impl Rollback {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { to, change } = self;
        let call = Call::rollback(to);
        change.carry_out(common, client, &format!("go back to revision {to}"), &call, |committed| {
            text(to, committed)
        })
    }
}

fn table(revisions: &[RevisionStatus]) -> String {
    let columns =
        [("REVISION", Align::Right), ("TIME", Align::Left), ("WHO", Align::Left), ("WHAT", Align::Left)];
    let rows = revisions.iter().map(|RevisionStatus { revision, time, who, what, .. }| {
        [revision.to_string(), time.to_string(), who.clone(), what.clone()]
    });
    table::render("", columns, rows)
}

fn page(detail: &RevisionDetail) -> String {
    let RevisionDetail { revision: RevisionStatus { revision, time, who, what, .. }, diff, .. } = detail;
    let mut page = format!("revision {revision}\ntime  {time}\nwho   {who}\nwhat  {what}\n\n");
    match diff {
        None => page += "The revision before it is no longer kept: --full prints the whole site.\n",
        Some(diff) if diff.is_empty() => page += "It changed nothing of the site.\n",
        Some(diff) => page += diff,
    }
    page + "\nSeeds are not shown: `anycast-ctl export` prints the present ones.\n"
}

fn text(to: u64, committed: &Committed) -> String {
    let Committed { changed, diff, .. } = committed;
    if *changed {
        format!("{diff}went back to revision {to}\n")
    } else {
        format!("nothing to change: it is as revision {to} was\n")
    }
}
