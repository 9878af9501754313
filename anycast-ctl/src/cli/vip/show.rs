//! VIPs as they are.

use anycast_common::reason::Verdict;
use anyhow::Context as _;
use clap::Args;

use crate::{
    api::{
        client::Client,
        types::{ReasonStatus, VipStatus},
    },
    cli::{
        Common, block_on, complete, output,
        table::{self, Align},
        unit,
    },
    model::OnUnknownPort,
};

#[derive(Debug, Args)]
pub struct List {}

#[derive(Debug, Args)]
pub struct Show {
    /// Name of the VIP
    #[arg(add = complete::vips())]
    name: String,
}

impl List {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let vips = block_on(client.vips())?.context("ask the daemon for its VIPs")?;
        output::show(common, &vips, |vips| table(vips))
    }
}

impl Show {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name } = self;
        let vip = block_on(client.vip(&name))?.with_context(|| format!("show VIP {name}"))?;
        output::show(common, &vip, page)
    }
}

/// The page of one VIP.
fn page(vip: &VipStatus) -> String {
    let mut page = table(std::slice::from_ref(vip));
    let columns = [
        ("BACKEND", Align::Left),
        ("ADDRESS", Align::Left),
        ("PACKETS", Align::Right),
        ("BYTES", Align::Right),
        ("NEW FLOWS", Align::Right),
    ];
    let rows = vip.backends.iter().map(|backend| {
        let [packets, bytes, new_flows] = table::traffic(&backend.traffic);
        [backend.name.clone(), backend.address.to_string(), packets, bytes, new_flows]
    });
    page += "\n";
    page += &table::render("", columns, rows);
    let columns = [("REASON", Align::Left), ("VERDICT", Align::Left), ("PACKETS", Align::Right)];
    let reasons =
        vip.reasons.iter().map(|it| [it.reason.clone(), it.verdict.clone(), unit::count(it.packets)]);
    let details =
        vip.details.iter().map(|it| [it.detail.clone(), "detail".to_owned(), unit::count(it.packets)]);
    if !vip.reasons.is_empty() || !vip.details.is_empty() {
        page += "\n";
        page += &table::render("", columns, reasons.chain(details));
    }
    page
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
            unit::count(sum(vip, true)),
            unit::count(sum(vip, false)),
        ]
    });
    table::render("", columns, rows)
}

/// Packets that ended with an answer from here, or with something else than delivery.
fn sum(vip: &VipStatus, answered: bool) -> u64 {
    let is_answer = |reason: &&ReasonStatus| reason.verdict == Verdict::Answer.label();
    vip.reasons.iter().filter(|reason| is_answer(reason) == answered).map(|reason| reason.packets).sum()
}
