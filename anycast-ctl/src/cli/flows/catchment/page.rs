//! A catchment, for people.

use crate::{
    api::types::{CatchmentFigures, CatchmentPrefix, CatchmentStatus, SpreadStatus},
    cli::{
        flows::top::{percent, rate},
        table::{Align, render},
        unit,
    },
};

/// Networks in the table; files and JSON have all of them.
const ROWS: usize = 40;

pub fn page(catchment: &CatchmentStatus) -> String {
    let CatchmentStatus { who, began, milliseconds, sample, total, handshakes, prefixes, .. } = catchment;
    let sampled = match sample {
        1 => "every flow".to_owned(),
        sample => format!("one flow in {sample}"),
    };
    let mut page = format!(
        "Catchment of {began}, for {}, {sampled}, by {who}.\n{} packets/s, {} new flows/s; {} of {} handshakes measured.\n",
        unit::milliseconds(*milliseconds),
        rate(total.packets_per_second),
        rate(total.new_flows_per_second),
        unit::count(handshakes.measured),
        unit::count(handshakes.opened)
    );
    if catchment.lost_packets > 0 {
        page += &format!(
            "{} packets came too fast to be looked at: fewer handshakes are measured; a larger --sample looks at fewer.\n",
            unit::count(catchment.lost_packets)
        );
    }
    if prefixes.is_empty() {
        return page + "\nNothing came to a VIP by TCP or UDP.\n";
    }
    let columns = [
        ("NETWORK", Align::Left),
        ("SHARE", Align::Right),
        ("PACKETS/S", Align::Right),
        ("BIT/S", Align::Right),
        ("NEW FLOWS/S", Align::Right),
        ("HANDSHAKES", Align::Right),
        ("HOPS", Align::Right),
        ("RTT", Align::Right),
    ];
    let networks = prefixes.iter().take(ROWS).map(|CatchmentPrefix { prefix, rest, figures }| {
        row(if *rest { format!("rest of {prefix}") } else { prefix.to_string() }, figures)
    });
    page += "\n";
    page += &render("", columns, networks.chain([row("all".to_owned(), total)]));
    page += "\nHOPS and RTT: least / median / most.\n";
    if let Some(spread) = total.reply_rtt_us {
        page += &format!("Replies pass this edge: from them on it is {}.\n", times(spread));
    }
    if prefixes.len() > ROWS {
        page += &format!("{} more networks: --json, --csv and --svg have them.\n", prefixes.len() - ROWS);
    }
    page
}

fn row(name: String, figures: &CatchmentFigures) -> [String; 8] {
    let none = || "-".to_owned();
    [
        name,
        percent(figures.share),
        rate(figures.packets_per_second),
        rate(figures.bits_per_second),
        rate(figures.new_flows_per_second),
        unit::count(figures.handshakes),
        figures
            .hops
            .map_or_else(none, |SpreadStatus { min, median, max }| format!("{min} / {median} / {max}")),
        figures.rtt_us.map_or_else(none, times),
    ]
}

fn times(SpreadStatus { min, median, max }: SpreadStatus) -> String {
    [min, median, max].map(|us| unit::microseconds(us.into())).join(" / ")
}
