//! Tables without borders: columns two spaces apart, numbers to the right.

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::unit;
use crate::{
    api::types::{BackendState, BackendStatus, DrainStatus, PoolStatus, Traffic},
    model::Delivery,
};

/// Where the cells of a column stand.
#[derive(Clone, Copy)]
pub enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// The lines of a table, each after `indent`, without spaces at their ends.
pub fn render<const N: usize>(
    indent: &str,
    columns: [(&str, Align); N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let cell = |text: String, align: Align| {
        Cell::new(text).set_alignment(match align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        })
    };
    let aligns = columns.map(|(_, align)| align);
    table.set_header(columns.map(|(title, align)| cell(title.to_owned(), align)));
    for row in rows {
        table.add_row(row.into_iter().zip(aligns).map(|(text, align)| cell(text, align)).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{indent}{}\n", line.trim_end())).collect()
}

/// A pool's line and the table of its backends.
pub fn pool(pool: &PoolStatus) -> String {
    let title = format!("POOL {}: {}, {} slots\n", pool.name, up(pool), pool.slots);
    if pool.backends.is_empty() {
        return title;
    }
    let columns = [
        ("BACKEND", Align::Left),
        ("ADDRESS", Align::Left),
        ("STATE", Align::Left),
        ("DELIVERY", Align::Left),
        ("MTU", Align::Right),
        ("WEIGHT", Align::Right),
        ("SLOTS", Align::Right),
        ("SHARE", Align::Right),
        ("PACKETS", Align::Right),
        ("BYTES", Align::Right),
        ("NEW FLOWS", Align::Right),
        ("NEXT HOP", Align::Left),
    ];
    let rows = pool.backends.iter().map(|backend| {
        let [packets, bytes, new_flows] = traffic(&backend.traffic);
        [
            backend.name.clone(),
            backend.address.to_string(),
            standing(backend),
            backend.delivery.to_string(),
            mtu(backend),
            backend.weight.to_string(),
            backend.slots.to_string(),
            unit::share(backend.slots, pool.slots),
            packets,
            bytes,
            new_flows,
            way(backend),
        ]
    });
    title + &render("  ", columns, rows) + &drains(pool)
}

/// `2 of 2 backends up, 1 of 3 backups`.
pub fn up(pool: &PoolStatus) -> String {
    let count = |backup: bool| {
        let alike = pool.backends.iter().filter(|backend| backend.backup == backup);
        alike.fold((0, 0), |(up, there), backend| match backend.state {
            BackendState::Up => (up + 1, there + 1),
            BackendState::Removed => (up, there),
            BackendState::Draining
            | BackendState::Disabled
            | BackendState::Down
            | BackendState::Waiting
            | BackendState::Unresolved => (up, there + 1),
        })
    };
    let ((up, there), (backups_up, backups)) = (count(false), count(true));
    let backups = if backups == 0 { String::new() } else { format!(", {backups_up} of {backups} backups") };
    format!("{up} of {there} backends up{backups}")
}

/// A line for each backend that is draining: what is left of its flows, and what becomes of it.
pub fn drains(pool: &PoolStatus) -> String {
    let draining = pool.backends.iter().filter_map(|backend| Some((backend, backend.drain?)));
    draining.map(|(backend, drain)| format!("  {} is draining: {}\n", backend.name, left(&drain))).collect()
}

fn left(drain: &DrainStatus) -> String {
    let DrainStatus { remaining_seconds: _, flows, slots, empty, removes, last } = drain;
    let then = match (removes, last, empty) {
        (true, _, true) => "; it is removed soon",
        (true, _, false) => "; it is removed then",
        (false, true, _) => "; it stays, as the last backend of its pool",
        (false, false, _) => "",
    };
    if *empty {
        return format!("no flow of it is left{then}");
    }
    format!("{} flows of it are remembered, {slots} slots wait for others{then}", unit::count(*flows))
}

/// Packets, bytes and new flows.
pub fn traffic(traffic: &Traffic) -> [String; 3] {
    [unit::count(traffic.packets), unit::bytes(traffic.bytes), unit::count(traffic.new_flows)]
}

/// The word for a state.
pub const fn state(state: BackendState) -> &'static str {
    match state {
        BackendState::Up => "up",
        BackendState::Draining => "draining",
        BackendState::Disabled => "disabled",
        BackendState::Down => "down",
        BackendState::Waiting => "waiting",
        BackendState::Unresolved => "unresolved",
        BackendState::Removed => "removed",
    }
}

/// The state of a backend, with what is left of a drain, and whether it is a backup.
pub fn standing(backend: &BackendStatus) -> String {
    let state = match backend.drain {
        Some(DrainStatus { empty: true, .. }) if backend.state == BackendState::Draining => {
            "draining, empty".to_owned()
        }
        Some(DrainStatus { remaining_seconds: Some(seconds), .. })
            if backend.state == BackendState::Draining =>
        {
            format!("draining, {} left", unit::duration(seconds))
        }
        Some(_) | None => state(backend.state).to_owned(),
    };
    if backend.backup { format!("{state}, backup") } else { state }
}

/// Bytes of the largest packet that fits the way to a backend, if that is known and bounded.
pub fn mtu(backend: &BackendStatus) -> String {
    backend.mtu.map_or_else(|| "-".to_owned(), |mtu| mtu.to_string())
}

/// Where frames for a backend go, or why nowhere.
pub fn way(backend: &BackendStatus) -> String {
    let is_kept_out = matches!(backend.state, BackendState::Down | BackendState::Waiting);
    match (&backend.next_hop, &backend.detail) {
        (Some(_), Some(detail)) if is_kept_out => detail.clone(),
        (Some(hop), _) if hop.neighbour == backend.address => format!("{} on {}", hop.mac, hop.interface),
        (Some(hop), _) => format!("{} on {} (gateway {})", hop.mac, hop.interface, hop.neighbour),
        (None, Some(detail)) => detail.clone(),
        (None, None) if backend.delivery == Delivery::Local && backend.state != BackendState::Removed => {
            "this host".into()
        }
        (None, None) => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_lines_end_with_text() {
        let columns = [("NAME", Align::Left), ("N", Align::Right), ("REST", Align::Left)];
        let rows = [["a", "1", ""], ["long-name", "1000", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            render("  ", columns, rows),
            "  NAME          N  REST\n  a             1\n  long-name  1000  x\n"
        );
    }
}
