//! `anycast-ctl receive check`

use std::net::IpAddr;

use anyhow::Context as _;
use clap::Args;

use super::{
    super::{Common, block_on, output},
    Pins,
};
use crate::{
    finding::{self, State},
    receive::check::{self, Delivery},
};

/// Look whether this host is a backend that works, and say what to do where it is not.
///
/// One line for each thing looked at: ok, warn or fail. Exits with 1 if anything fails. Changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  sudo anycast-ctl receive check --interface eth0 --vip 198.51.100.1
  sudo anycast-ctl receive check --interface eth0 --vip 198.51.100.1 --delivery l2    without a tunnel")]
pub struct Check {
    /// Interface the edge hosts' packets come in by
    #[arg(long, value_name = "NAME")]
    interface: String,

    /// VIP this host serves; may be given again
    #[arg(long = "vip", value_name = "ADDRESS", required = true)]
    vips: Vec<IpAddr>,

    /// How the pool delivers; without this all that any delivery needs is demanded
    #[arg(long, value_name = "MODE")]
    delivery: Option<Delivery>,

    #[command(flatten)]
    pins: Pins,
}

impl Check {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let Self { interface, vips, delivery, pins } = self;
        let report = block_on(check::check(&pins.bpffs, &interface, &vips, delivery))?
            .with_context(|| format!("check {interface}"))?;
        output::show(common, &report, |report| finding::page(&report.findings))?;
        match report.count(State::Fail) {
            0 => Ok(()),
            failed => anyhow::bail!("{failed} of {} checks failed", report.findings.len()),
        }
    }
}
