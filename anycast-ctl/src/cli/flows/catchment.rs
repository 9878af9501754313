//! `anycast-ctl flows catchment`

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{ArgGroup, Args};

use super::top::period_of_measurement;
use crate::{
    api::{
        call::Query,
        client::{Client, ClientError},
        types::CatchmentStatus,
    },
    cli::{Common, block_on, output},
    flows::catchment::{Colours, csv, svg},
};

mod file;
mod page;

/// Measure which clients' networks arrive at this site, and how far away they are
///
/// Looks at all packets of one flow in so many for a while, by network: /24 of IPv4, /48 of IPv6, and larger ones in which the
/// lightest are taken together. Hops are guessed from the TTL; the round trip is the time from a client's SYN to its ACK, both as
/// they come in here: so it includes the way by the backend, which answers the client itself. The daemon keeps the last one.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("form").args(["csv", "svg"]).multiple(true), after_long_help = "\
Examples:
  anycast-ctl flows catchment                      for a minute
  anycast-ctl flows catchment --for 10m --sample 1 --csv site.csv --svg site.svg
  anycast-ctl flows catchment --last --svg - --colour hops > site.svg
  anycast-ctl flows catchment --last --json | jq '.prefixes[] | select(.rtt_us.median > 100000) | .prefix'

A network with many new flows and no handshake is not there: its addresses are forged, or answers do not reach it.")]
pub struct Catchment {
    /// For how long, an hour at most
    #[arg(long = "for", value_name = "PERIOD", default_value = "60s", value_parser = period_of_measurement)]
    period: Duration,

    /// Look at one flow in so many
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,

    /// Networks to tell apart
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    networks: u32,

    /// Measure nothing: show what was measured last
    #[arg(long, conflicts_with_all = ["period", "sample", "networks"])]
    last: bool,

    /// Write it as comma-separated values; `-`: to stdout, in place of the table
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Write it as a picture, an area for each network; `-`: to stdout, in place of the table
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// What the picture's colours tell; without this round trips if there are any, else hops
    #[arg(long, value_name = "WHAT", alias = "color", requires = "svg")]
    colour: Option<Colours>,
}

impl Catchment {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        // What cannot be written shall not take a minute to be told.
        let csv_file = self.csv.as_deref().map(file::Target::open).transpose()?;
        let svg_file = self.svg.as_deref().map(file::Target::open).transpose()?;
        let catchment = block_on(self.ask(client))?.context("have the catchment measured")?;
        let to_stdout = [&csv_file, &svg_file].into_iter().flatten().any(file::Target::is_stdout);
        if let Some(file) = csv_file {
            file.write(&csv(&catchment))?;
        }
        if let Some(file) = svg_file {
            let usual = if catchment.total.rtt_us.is_some() { Colours::Rtt } else { Colours::Hops };
            file.write(&svg(&catchment, self.colour.unwrap_or(usual)))?;
        }
        if to_stdout && !common.json { Ok(()) } else { output::show(common, &catchment, page::page) }
    }

    async fn ask(&self, client: &Client) -> Result<CatchmentStatus, ClientError> {
        if self.last {
            return client.catchment().await;
        }
        let query = Query::default()
            .with("for", self.period.as_secs())
            .with("sample", self.sample)
            .with("networks", self.networks);
        client.measure_catchment(&query, self.period).await
    }
}
