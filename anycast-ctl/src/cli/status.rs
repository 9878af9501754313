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
    types::{
        BackendState, BackendStatus, MapStatus, MapsStatus, PoolStatus, RightsStatus, Status, WebStatus,
        XdpMode,
    },
};

/// Show what is steered where, and why something is not.
///
/// Begins with one line that says whether all is well. Counters run since the maps were made, over restarts. Packets that were not
/// delivered are listed by reason, with those to other addresses: `not_vip` and `not_ip`. Verdict `answer`: the sender got an
/// answer from here. Details say what else was special about packets to a VIP, whatever became of them.
#[derive(Debug, Args)]
pub struct StatusCommand {}

pub(super) fn execute(common: &Common, client: &Client) -> anyhow::Result<()> {
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

    let interfaces = status.interfaces.iter().map(|interface| {
        let mode = match (interface.present, interface.mode) {
            (false, _) => "gone",
            (true, XdpMode::Native) => "native",
            (true, XdpMode::Generic) => "generic (slow: in the stack, not in the driver)",
        };
        [interface.name.clone(), mode.to_owned()]
    });
    if !status.interfaces.is_empty() {
        page += &table::render("", [("INTERFACE", Align::Left), ("XDP MODE", Align::Left)], interfaces);
    }
    page += &web(status.web.as_ref());
    page += &rights(status.rights.as_ref());
    if !status.multi_buffer {
        page += "Packets in several buffers (jumbo frames) are not taken.\n";
    }

    for pool in &status.pools {
        page += "\n";
        page += &table::pool(pool);
    }
    page += "\n";
    page += &maps(status);
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
    page + &details(status)
}

/// Where metrics are, or why they are not there.
fn web(web: Option<&WebStatus>) -> String {
    let Some(WebStatus { address, listening, error }) = web else { return String::new() };
    match error {
        _ if *listening => format!("Metrics and status by http: http://{address}/metrics\n"),
        Some(error) => format!("ATTENTION: no metrics at {address}, tried again and again: {error}\n"),
        None => String::new(),
    }
}

/// As whom the daemon runs, and what it may do.
fn rights(rights: Option<&RightsStatus>) -> String {
    rights.map(|rights| format!("The daemon runs as {}.\n", rights.line())).unwrap_or_default()
}

/// How packets came to their outcome, where that was worth counting.
fn details(status: &Status) -> String {
    let rows: Vec<_> = status
        .vips
        .iter()
        .flat_map(|vip| vip.details.iter().map(move |detail| (vip, detail)))
        .map(|(vip, detail)| [detail.detail.clone(), vip.name.clone(), unit::count(detail.packets)])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = [("DETAIL", Align::Left), ("VIP", Align::Left), ("PACKETS", Align::Right)];
    format!("\n{}", table::render("", columns, rows))
}

/// How full the maps are, and how many slots make flows be remembered.
fn maps(status: &Status) -> String {
    let row = |name: &str, map: &MapStatus| {
        [
            name.to_owned(),
            unit::count(map.used),
            unit::count(map.capacity),
            unit::share_of(map.used, map.capacity),
        ]
    };
    let MapsStatus { pins, embryonic, slots, .. } = &status.maps;
    let moving: u64 = status.pools.iter().map(|pool| u64::from(pool.transition.slots)).sum();
    let transition = MapStatus { used: moving, capacity: slots.used };
    table::render(
        "",
        [
            ("MEMORY", Align::Left),
            ("USED", Align::Right),
            ("CAPACITY", Align::Right),
            ("SHARE", Align::Right),
        ],
        [
            row("slots in transition", &transition),
            row("slots", slots),
            row("pins", pins),
            row("embryonic flows", embryonic),
        ],
    )
}

/// How a line begins that somebody should act on.
pub const ATTENTION: &str = "ATTENTION: ";

/// One line, or one for each interface and backend that is missing.
pub fn verdict(status: &Status) -> String {
    let pools = &status.pools;
    let backends = || pools.iter().flat_map(|pool| pool.backends.iter().map(move |backend| (pool, backend)));
    let count = |wanted: BackendState| backends().filter(|(_, backend)| backend.state == wanted).count();
    let there = backends().count() - count(BackendState::Removed);
    let silent = |state: BackendState| {
        matches!(state, BackendState::Unresolved | BackendState::Down | BackendState::Waiting)
    };
    // Of what is up there is only something to say when it is kept though it fails, or is a backup.
    let kept = |pool: &PoolStatus| {
        let is_kept = |it: &&BackendStatus| it.state == BackendState::Up && it.detail.is_some() && !it.backup;
        pool.backends.iter().filter(is_kept).count()
    };
    let missing: Vec<_> = backends().filter(|(_, backend)| silent(backend.state)).collect();
    let deserted = |pool: &&PoolStatus| pool.backends.iter().all(|backend| backend.state != BackendState::Up);

    let mut text = String::new();
    if let Some(behind) = &status.desired.behind {
        text += &format!(
            "ATTENTION: the dataplane does not have revision {} since {} ({} attempts, one a second): {}\n",
            status.desired.revision, behind.since, behind.attempts, behind.error
        );
    }
    if status.detached {
        text += "ATTENTION: detached: nothing is steered until `anycast-ctl attach`\n";
    }
    for interface in &status.interfaces {
        if let Some(detail) = &interface.detail {
            text += &format!("ATTENTION: interface {}: {detail}\n", interface.name);
        } else if !interface.present {
            text +=
                &format!("ATTENTION: interface {} is gone, and nothing is steered there\n", interface.name);
        }
    }
    if !missing.is_empty() {
        text += &format!("ATTENTION: {} of {there} backends get no new flows:\n", missing.len());
    }
    for (pool, backend) in missing {
        let why = backend.detail.clone().unwrap_or_else(|| table::way(backend));
        text += &format!("  {}/{}: {why}\n", pool.name, backend.name);
    }
    for (pool, kept) in pools.iter().map(|pool| (pool, kept(pool))).filter(|(_, kept)| *kept > 0) {
        text += &format!(
            "ATTENTION: pool {} keeps {kept} backends that fail, as too many do at once: see `anycast-ctl health`\n",
            pool.name
        );
    }
    for pool in pools.iter().filter(deserted) {
        text += &format!("ATTENTION: pool {} has no backend left for new flows\n", pool.name);
    }
    if let Some(announcements) = status.announcements.as_ref().filter(|it| it.alarm) {
        text += &format!("ATTENTION: {}: see `anycast-ctl announce list`\n", announcements.summary);
    }
    if let Some(last) = status.drift.last {
        text += &format!(
            "Somebody changed the maps, last at {last}; repaired: {}\n",
            status.drift.last_drifted.join("; ")
        );
    }
    if text.is_empty() {
        let draining = match count(BackendState::Draining) {
            0 => String::new(),
            draining => format!(", {draining} draining"),
        };
        let announced =
            status.announcements.as_ref().map(|it| format!("; {}", it.summary)).unwrap_or_default();
        text = format!(
            "All is well: {} of {there} backends up{draining}{announced}.\n",
            count(BackendState::Up)
        );
    }
    text
}
