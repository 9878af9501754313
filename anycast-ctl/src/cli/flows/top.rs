//! `anycast-ctl flows top`

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::{
    api::{
        call::Query,
        client::Client,
        types::{TopBy, TopStatus},
    },
    cli::{
        Common, block_on, output,
        table::{Align, render},
        unit,
    },
    period,
};

/// Show who sends most, from a sample of the packets to VIPs
///
/// Looks at one packet in so many for a while. Meanwhile the interfaces have a program that can show packets, which costs a
/// little; before and after it costs nothing. The memory it takes does not grow with the number of clients: who sends more than
/// one packet in 8192 is always found.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl flows top                            clients, for ten seconds
  anycast-ctl flows top --by prefix --v4 16        networks, by /16 and /48
  anycast-ctl flows top --by backend --sample 1    every packet: no sampling error
  anycast-ctl flows top --for 60s --json | jq -r '.rows[0].name'

Of 100 samples 95 are no more wrong than ± says. Rates of all packets are counted, not estimated.")]
pub struct Top {
    /// By what
    #[arg(long, value_name = "WHAT", default_value = "source")]
    by: TopBy,

    /// For how long, an hour at most
    #[arg(long = "for", value_name = "PERIOD", default_value = "10s", value_parser = period_of_measurement)]
    period: Duration,

    /// Look at one packet in so many
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,

    /// How many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,

    /// Length of IPv4 prefixes, with `--by prefix`
    #[arg(long = "v4", value_name = "BITS", default_value_t = 24, value_parser = clap::value_parser!(u8).range(0..=32))]
    v4_bits: u8,

    /// Length of IPv6 prefixes, with `--by prefix`
    #[arg(long = "v6", value_name = "BITS", default_value_t = 48, value_parser = clap::value_parser!(u8).range(0..=128))]
    v6_bits: u8,
}

impl Top {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let by = clap::ValueEnum::to_possible_value(&self.by);
        let query = Query::default()
            .with("for", self.period.as_secs())
            .with_some("by", by.as_ref().map(|by| by.get_name()))
            .with("sample", self.sample)
            .with("limit", self.limit)
            .with("v4_bits", self.v4_bits)
            .with("v6_bits", self.v6_bits);
        let top = block_on(client.top(&query, self.period))?.context("have packets counted")?;
        output::show(common, &top, page)
    }
}

/// A period that a measurement may take.
pub fn period_of_measurement(text: &str) -> Result<Duration, String> {
    let read = period::parse(text).map_err(|error| error.to_string())?;
    let range = Duration::from_secs(1)..=Duration::from_secs(3_600);
    if range.contains(&read) { Ok(read) } else { Err("give 1s to 1h".to_owned()) }
}

fn page(top: &TopStatus) -> String {
    let title = match top.by {
        TopBy::Source => "SOURCE",
        TopBy::Prefix => "PREFIX",
        TopBy::Backend => "BACKEND",
        TopBy::Vip => "VIP",
    };
    let sampled = match top.sample {
        1 => "every packet was looked at".to_owned(),
        sample => {
            format!("one in {sample} was looked at, {} in all", unit::count(top.sampled_packets))
        }
    };
    let mut page = format!(
        "{} packets/s and {}bit/s to VIPs, for {}; {sampled}.\n",
        rate(top.packets_per_second),
        rate(top.bits_per_second),
        unit::milliseconds(top.milliseconds)
    );
    if top.lost_packets > 0 {
        page += &format!(
            "{} more were to be looked at and came too fast: a larger --sample looks at fewer.\n",
            unit::count(top.lost_packets)
        );
    }
    if top.rows.is_empty() {
        return page;
    }
    let columns = [
        (title, Align::Left),
        ("SHARE", Align::Right),
        ("±", Align::Right),
        ("PACKETS/S", Align::Right),
        ("±", Align::Right),
        ("BIT/S", Align::Right),
        ("SAMPLED", Align::Right),
    ];
    let rows = top.rows.iter().map(|row| {
        [
            row.name.clone(),
            percent(row.share),
            percent(row.share_error),
            rate(row.packets_per_second),
            rate(row.packets_error),
            rate(row.bits_per_second),
            unit::count(row.sampled_packets),
        ]
    });
    page + "\n" + &render("", columns, rows)
}

/// A part of a whole.
pub fn percent(part: f64) -> String {
    format!("{:.1}%", 100.0 * part)
}

/// A number a second; below ten with a decimal.
pub fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1}") } else { unit::count(per_second.round() as u64) }
}
