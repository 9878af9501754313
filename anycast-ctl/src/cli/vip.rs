//! `anycast-ctl vip …`

use anycast_common::reason::Verdict;
use anyhow::Context as _;
use clap::Subcommand;

use super::{
    Common, block_on, output,
    table::{self, Align},
};
use crate::{
    api::{
        client::Client,
        types::{ReasonStatus, VipStatus},
    },
    model::OnUnknownPort,
};

/// Show the VIPs.
#[derive(Debug, Subcommand)]
pub enum Vip {
    /// List the VIPs with their services, pools and traffic
    List,
}

impl Vip {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self::List = self;
        let vips = block_on(client.vips())?.context("ask the daemon for its VIPs")?;
        output::show(common, &vips, |vips| table(vips))
    }
}

/// One line for each VIP.
pub fn table(vips: &[VipStatus]) -> String {
    let columns = [
        ("VIP", Align::Left),
        ("ADDRESS", Align::Left),
        ("SERVICES", Align::Left),
        ("OTHER PORTS", Align::Left),
        ("PINGS", Align::Left),
        ("POOL", Align::Left),
        ("PACKETS", Align::Right),
        ("BYTES", Align::Right),
        ("NEW FLOWS", Align::Right),
        ("ANSWERED", Align::Right),
        ("NOT DELIVERED", Align::Right),
    ];
    let rows = vips.iter().map(|vip| {
        let [packets, bytes, new_flows] = table::traffic(&vip.traffic);
        let services: Vec<_> = vip.services.iter().map(ToString::to_string).collect();
        let other_ports = match vip.on_unknown_port {
            OnUnknownPort::Pass => "pass",
            OnUnknownPort::Drop => "drop",
        };
        [
            vip.name.clone(),
            vip.address.to_string(),
            services.join(","),
            other_ports.to_owned(),
            if vip.echo { "answer" } else { "pass" }.to_owned(),
            vip.pool.clone(),
            packets,
            bytes,
            new_flows,
            super::unit::count(sum(vip, true)),
            super::unit::count(sum(vip, false)),
        ]
    });
    table::render("", columns, rows)
}

/// Packets that ended with an answer from here, or with something else than delivery.
fn sum(vip: &VipStatus, answered: bool) -> u64 {
    let is_answer = |reason: &&ReasonStatus| reason.verdict == Verdict::Answer.label();
    vip.reasons.iter().filter(|reason| is_answer(reason) == answered).map(|reason| reason.packets).sum()
}
