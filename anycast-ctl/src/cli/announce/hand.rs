//! Decisions by hand.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::page;
use crate::{
    announce::orders::Hand,
    api::{
        call::Call,
        client::Client,
        types::{NewHand, VipAnnouncement},
    },
    cli::{Common, block_on, complete, output},
    period,
};

#[derive(Debug, Args)]
pub struct Now {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
    #[command(flatten)]
    expiry: Expiry,
}

#[derive(Debug, Args)]
pub struct Withdraw {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
    /// Without telling routers first
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    expiry: Expiry,
}

#[derive(Debug, Args)]
pub struct Auto {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
}

#[derive(Debug, Args)]
struct Expiry {
    /// For how long, as 90s, 10m or 1h30m; without this, until `announce auto`
    #[arg(long = "for", value_name = "PERIOD", value_parser = some_period)]
    period: Option<Duration>,
}

impl Now {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name, expiry } = self;
        let hand = NewHand { what: Hand::Now, seconds: expiry.seconds() };
        carry_out(common, client, &format!("announce VIP {name}"), &Call::announce(&name, &hand))
    }
}

impl Withdraw {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name, at_once, expiry } = self;
        let what = if at_once { Hand::WithdrawAtOnce } else { Hand::Withdraw };
        let hand = NewHand { what, seconds: expiry.seconds() };
        carry_out(common, client, &format!("withdraw VIP {name}"), &Call::announce(&name, &hand))
    }
}

impl Auto {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let name = self.name;
        let verb = format!("leave the announcement of VIP {name} to its health");
        carry_out(common, client, &verb, &Call::announce_by_health(&name))
    }
}

impl Expiry {
    fn seconds(&self) -> Option<u64> {
        self.period.map(|period| period.as_secs())
    }
}

fn carry_out(common: &Common, client: &Client, verb: &str, call: &Call) -> anyhow::Result<()> {
    let vip: VipAnnouncement = block_on(client.announce(call))?.with_context(|| verb.to_owned())?;
    output::show(common, &vip, page::line)
}

/// A period, as wrong usage when it is none.
fn some_period(text: &str) -> Result<Duration, String> {
    match period::parse(text) {
        Ok(Duration::ZERO) => Err("0s is no time: `announce auto` ends it at once".to_owned()),
        Ok(period) => Ok(period),
        Err(error) => Err(error.to_string()),
    }
}
