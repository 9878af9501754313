//! `anycast-ctl receive status`

use std::net::IpAddr;

use anyhow::Context as _;
use clap::Args;

use super::{
    super::{
        Common, block_on, output,
        table::{self, Align},
        unit,
    },
    Pins,
};
use crate::{
    api::types::XdpMode,
    receive::{self, InterfaceStatus, ReceiveStatus, Sender},
};

/// Show where tunnels end here, for whom, and what became of the packets.
#[derive(Debug, Args)]
pub struct StatusCommand {
    /// Only this interface
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    #[command(flatten)]
    pins: Pins,
}

impl StatusCommand {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let status = block_on(receive::status(&self.pins.bpffs, self.interface.as_deref()))?
            .context("ask what is received")?;
        output::show(common, &status, page)
    }
}

fn page(status: &ReceiveStatus) -> String {
    status.interfaces.iter().map(interface).collect::<Vec<_>>().join("\n")
}

fn interface(status: &InterfaceStatus) -> String {
    let mode = match status.mode {
        Some(XdpMode::Native) => "native",
        Some(XdpMode::Generic) => "generic (slow: in the stack, not in the driver)",
        None => "not attached",
    };
    let mut page =
        format!("INTERFACE {}: {mode}, for {}\n", status.interface, unit::duration(status.uptime_seconds));
    if let Some(detail) = &status.detail {
        page += &format!("ATTENTION: {detail}\n");
    }
    let senders = status.senders.iter().map(Sender::to_string).collect::<Vec<_>>().join(", ");
    let gue = status.gue_port.map_or("off".to_owned(), |port| format!("UDP port {port}"));
    page += &format!(
        "  program  {}, id {}, tag {}\n",
        status.program_name, status.program_id, status.program_tag
    );
    page += &format!("  senders  {senders}\n  gue      {gue}\n");
    if !status.last_unknown_senders.is_empty() {
        let last: Vec<_> = status.last_unknown_senders.iter().map(IpAddr::to_string).collect();
        page += &format!("  unknown  {} sent last, and may not\n", last.join(", "));
    }
    page += "\n";
    let rows = status.counters.iter().map(|counter| {
        [
            counter.reason.clone(),
            counter.verdict.clone(),
            unit::count(counter.packets),
            counter.description.clone(),
        ]
    });
    let columns = [
        ("COUNTER", Align::Left),
        ("VERDICT", Align::Left),
        ("PACKETS", Align::Right),
        ("MEANING", Align::Left),
    ];
    page + &table::render("  ", columns, rows)
}
