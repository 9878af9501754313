//! `anycast-ctl top`

use std::{env, io::IsTerminal as _, time::Duration};

use clap::Args;

use super::Common;
use crate::{
    api::client::Client,
    period,
    top::{self, Form, Show},
};

/// Shorter intervals would measure little more than themselves.
const SHORTEST: Duration = Duration::from_millis(100);
/// Longer ones would miss the minute that is shown.
const LONGEST: Duration = Duration::from_secs(60);

/// Watch what is steered where, live: packets, bits and new flows a second, of every VIP, backend and reason
///
/// On a terminal all of it is drawn, and keys choose what is shown: `?` explains them. Elsewhere, and with --plain or --json, every
/// interval gives a table, or a line of JSON. Rates are means over the interval; bars show the last minute. The daemon is asked
/// once an interval, and packets are never held up by it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl top                                        the whole picture; q ends it
  anycast-ctl top --interval 5s                          on a slow line
  anycast-ctl top --plain --count 1                      one table, for a ticket
  anycast-ctl top --json | jq -c '.vips[] | [.name, .rates.packets_per_second]'    for scripts

NO_COLOR takes the colours away, a locale without UTF-8 the bars; a terminal that cannot be drawn on (TERM=dumb) gets tables.")]
pub struct Top {
    /// How often the daemon is asked, 100ms to 60s
    #[arg(long, short, value_name = "PERIOD", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Write a table every interval, on a terminal too
    #[arg(long)]
    plain: bool,
    /// End after that many tables or lines of JSON
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl Top {
    pub fn execute(self, common: &Common, client: Client) -> anyhow::Result<()> {
        let Self { interval, plain, count } = self;
        let show = match (common.json, plain || count.is_some() || !can_be_drawn_on()) {
            (true, _) => Show::Lines(Form::Json),
            (false, true) => Show::Lines(Form::Table),
            (false, false) => Show::Screen,
        };
        top::run(client, show, interval, count)
    }
}

fn can_be_drawn_on() -> bool {
    let terminal = env::var_os("TERM").unwrap_or_default();
    let is_able = !terminal.is_empty() && terminal != "dumb";
    is_able && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = period::parse_fine(text).map_err(|error| error.to_string())?;
    if (SHORTEST..=LONGEST).contains(&interval) {
        return Ok(interval);
    }
    Err(format!("it must be {} to {}", period::text(SHORTEST), period::text(LONGEST)))
}
