//! `anycast-ctl status`

use anyhow::Context as _;
use clap::Args;

use super::{
    Common, block_on, output,
    table::{self, Align},
    unit, vip,
};
use crate::api::{
    client::Client,
    types::{BackendState, Status, XdpMode},
};

/// Show what is steered where, and why something is not.
///
/// Begins with one line that says whether all is well. Counters run since the daemon started. Packets that were not
/// delivered are listed by reason, with those to other addresses: `not_vip` and `not_ip`.
#[derive(Debug, Args)]
pub struct StatusCommand {}

pub fn execute(common: &Common, client: &Client) -> anyhow::Result<()> {
    let status = block_on(client.status())?.context("ask the daemon for its status")?;
    output::show(common, &status, page)
}

/// The page a person reads.
fn page(status: &Status) -> String {
    let mut page = format!(
        "anycast-ctl {}, pid {}, steering for {}\n{}\n",
        status.version,
        status.pid,
        unit::duration(status.uptime_seconds),
        verdict(status)
    );

    let rows = status.interfaces.iter().map(|interface| {
        let mode = match (interface.present, interface.mode) {
            (false, _) => "gone",
            (true, XdpMode::Native) => "native",
            (true, XdpMode::Generic) => "generic (slow: in the stack, not in the driver)",
        };
        [interface.name.clone(), mode.to_owned()]
    });
    page += &table::render("", [("INTERFACE", Align::Left), ("XDP MODE", Align::Left)], rows);

    for pool in &status.pools {
        page += "\n";
        page += &table::pool(pool);
    }
    page += "\n";
    page += &vip::table(&status.vips);

    let refused: Vec<_> = status.reasons.iter().filter(|reason| reason.packets > 0).collect();
    if refused.is_empty() {
        page += "\nEvery packet to a VIP was delivered.\n";
    } else {
        let rows = refused
            .iter()
            .map(|reason| [reason.reason.clone(), reason.verdict.clone(), unit::count(reason.packets)]);
        page += "\n";
        page += &table::render(
            "",
            [("NOT DELIVERED BECAUSE", Align::Left), ("VERDICT", Align::Left), ("PACKETS", Align::Right)],
            rows,
        );
    }
    page
}

/// One line, or one for each interface and backend that is missing.
fn verdict(status: &Status) -> String {
    let pools = &status.pools;
    let backends = || pools.iter().flat_map(|pool| pool.backends.iter().map(move |backend| (pool, backend)));
    let there = backends().filter(|(_, backend)| backend.state != BackendState::Removed).count();
    let missing: Vec<_> =
        backends().filter(|(_, backend)| backend.state == BackendState::Unresolved).collect();

    let mut text = String::new();
    for interface in status.interfaces.iter().filter(|interface| !interface.present) {
        text += &format!(
            "ATTENTION: interface {} is gone, and nothing is steered there: restart the daemon when it is back\n",
            interface.name
        );
    }
    if !missing.is_empty() {
        text += &format!("ATTENTION: {} of {there} backends get no packets:\n", missing.len());
    }
    for (pool, backend) in missing {
        text += &format!("  {}/{}: {}\n", pool.name, backend.name, table::way(backend));
    }
    for pool in pools {
        if pool.backends.iter().all(|backend| backend.state != BackendState::Up) {
            text += &format!("  pool {} has no backend left\n", pool.name);
        }
    }
    if text.is_empty() { format!("All is well: {there} of {there} backends up.\n") } else { text }
}
