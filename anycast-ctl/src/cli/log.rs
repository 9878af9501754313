//! `anycast-ctl log`

use std::{fmt::Write as _, time::Duration};

use anyhow::Context as _;
use clap::Args;

use super::{Common, block_on, output};
use crate::{
    api::{
        client::Client,
        types::{LogStatus, NewLog},
    },
    log::level,
    period,
};

/// Show what the daemon logs, or have it log more or less while it runs
///
/// A level: error, warn, info, debug, trace, off; or levels of single modules. Whoever changes it is logged.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl log                                          what is logged
  anycast-ctl log debug --for 10m                          everything of interest to developers, for ten minutes
  anycast-ctl log info,anycast_ctl::neighbour=debug        of one module more
  anycast-ctl log --reset                                  as the daemon was started")]
pub struct Log {
    /// The filter from here on
    #[arg(value_parser = filter)]
    filter: Option<String>,

    /// Back to the usual one after that time
    #[arg(long = "for", value_name = "PERIOD", value_parser = period::parse, requires = "filter")]
    period: Option<Duration>,

    /// Back to the one the daemon was started with
    #[arg(long, conflicts_with = "filter")]
    reset: bool,
}

impl Log {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { filter, period, reset } = self;
        let status = match (filter, reset) {
            (Some(filter), _) => {
                let new = NewLog { filter, for_seconds: period.map(|period| period.as_secs()) };
                block_on(client.set_log(&new))?.context("change what the daemon logs")?
            }
            (None, true) => block_on(client.reset_log())?.context("reset what the daemon logs")?,
            (None, false) => block_on(client.log())?.context("ask the daemon what it logs")?,
        };
        output::show(common, &status, page)
    }
}

/// Refuses a filter that cannot be read, as wrong usage.
fn filter(text: &str) -> Result<String, level::FilterError> {
    level::parse(text).map(|_| text.to_owned())
}

fn page(status: &LogStatus) -> String {
    let LogStatus { filter, usual, until, who, format, lost } = status;
    let mut page = format!("The daemon logs by `{filter}`, as {format}.\n");
    if let Some(who) = who {
        let until = until.map_or_else(|| "until it ends".to_owned(), |until| format!("until {until}"));
        // Into a text: it cannot fail.
        let _ = writeln!(page, "That is so {until}, as {who} wants it; usually it is `{usual}`.");
    }
    if *lost > 0 {
        let _ = writeln!(page, "ATTENTION: {lost} lines are lost, as they were not taken in time.");
    }
    page
}
