//! `anycast-ctl vip …`

use anyhow::Context as _;
use clap::Subcommand;

use super::{
    Common, block_on, output,
    table::{self, Align},
};
use crate::{
    api::{client::Client, types::VipStatus},
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
        ("POOL", Align::Left),
        ("PACKETS", Align::Right),
        ("BYTES", Align::Right),
        ("NEW FLOWS", Align::Right),
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
            vip.pool.clone(),
            packets,
            bytes,
            new_flows,
            super::unit::count(vip.reasons.iter().map(|reason| reason.packets).sum()),
        ]
    });
    table::render("", columns, rows)
}
