//! The lines above the list.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, bad_above_zero, palette::Tone, put, rate};
use crate::{
    api::types::{MapStatus, XdpMode},
    cli::unit,
    period,
    top::{
        place::{Place, Tab},
        view::View,
    },
};

/// Traffic of all VIPs; at the right whether the picture is true.
pub fn title(buffer: &mut Buffer, area: Rect, view: &View, scene: &Scene<'_>) {
    if area.height == 0 {
        return;
    }
    let (picture, palette) = (scene.picture, scene.palette);
    if let Some(away) = scene.away {
        let words =
            format!("DAEMON AWAY for {}, asking again: {}", unit::duration(away.since.as_secs()), away.error);
        put::text(buffer, area, &words, palette.style(Tone::Bad), palette);
        return;
    }
    let (words, tone) = if view.is_paused {
        (format!("PAUSED at {}", picture.at), Tone::Warn)
    } else {
        (format!("every {}", period::text(view.interval)), Tone::Quiet)
    };
    let right = if usize::from(area.width) >= words.chars().count() + 30 {
        put::at_right(buffer, area, &words, palette.style(tone), palette) + 2
    } else {
        0
    };
    let rates = picture.total.rates;
    let packets = format!("{} packets/s", rate(rates.map(|rates| rates.packets_per_second)));
    let bits = format!("{} bits/s", rate(rates.map(|rates| rates.bits_per_second)));
    let flows = format!("{} new flows/s", rate(rates.map(|rates| rates.new_flows_per_second)));
    let drops = format!("{} drops/s", rate(picture.drops_per_second));
    let pieces = [
        (packets.as_str(), Tone::Strong),
        (bits.as_str(), Tone::Strong),
        (flows.as_str(), Tone::Strong),
        (drops.as_str(), bad_above_zero(picture.drops_per_second)),
    ];
    put::pieces(buffer, Rect { width: area.width - right, ..area }, pieces, palette);
}

/// What somebody should look at; else that all is well.
pub fn alarms(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let (alarms, palette) = (&scene.picture.alarms, scene.palette);
    let room = usize::from(area.height);
    if alarms.is_empty() {
        if room > 0 {
            put::text(buffer, area, &scene.picture.summary, palette.style(Tone::Good), palette);
        }
        return;
    }
    for (y, (at, alarm)) in (area.y..area.bottom()).zip(alarms.iter().enumerate()) {
        let left = alarms.len() - at;
        let words = if at + 1 == room && left > 1 {
            format!("ALARM: {alarm} (and {} more: `anycast-ctl status`)", left - 1)
        } else {
            format!("ALARM: {alarm}")
        };
        put::text(buffer, Rect { y, height: 1, ..area }, &words, palette.style(Tone::Bad), palette);
    }
}

/// Slots on the move, how full the maps are, and the interfaces.
pub fn gauges(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    if area.height == 0 {
        return;
    }
    let picture = scene.picture;
    let maps = &picture.maps;
    let share = |map: &MapStatus| unit::share_of(map.used, map.capacity);
    let moving = picture.moving_slots();
    let since = picture.pools.iter().filter_map(|pool| pool.transition.since_seconds).max();
    let mut pieces = Vec::new();
    match since.filter(|_| moving > 0) {
        None => pieces.push(("no slot in transition".to_owned(), Tone::Quiet)),
        Some(since) => pieces.push((
            format!("{} slots in transition for {}", unit::count(moving), unit::duration(since)),
            Tone::Warn,
        )),
    }
    for (name, map) in [("pins", &maps.pins), ("embryonic", &maps.embryonic)] {
        let is_nearly_full =
            map.used.saturating_mul(10) >= map.capacity.saturating_mul(9) && map.capacity > 0;
        let tone = if is_nearly_full { Tone::Bad } else { Tone::Quiet };
        pieces.push((format!("{name} {}", share(map)), tone));
    }
    for interface in &picture.interfaces {
        let mode = match (interface.present, interface.mode) {
            (false, _) => ("gone", Tone::Bad),
            (true, XdpMode::Native) => ("native", Tone::Quiet),
            (true, XdpMode::Generic) => ("generic", Tone::Warn),
        };
        pieces.push((format!("{} {}", interface.name, mode.0), mode.1));
    }
    if let Some(daemon) = &picture.routing_daemon {
        let (word, tone) = if daemon.connected { ("driven", Tone::Quiet) } else { ("not driven", Tone::Bad) };
        pieces.push((format!("{} {word}", daemon.driver), tone));
    }
    pieces.push((format!("slots {}", share(&maps.slots)), Tone::Quiet));
    put::pieces(buffer, area, pieces.iter().map(|(piece, tone)| (piece.as_str(), *tone)), scene.palette);
}

/// Which list there is, or what was opened from it; at the right how it is sorted and filtered.
pub fn tabs(buffer: &mut Buffer, area: Rect, view: &View, scene: &Scene<'_>) {
    if area.height == 0 {
        return;
    }
    let palette = scene.palette;
    let sort = view.sort();
    let mut words = format!("by {} {}", sort.field.title(), palette.arrow(sort.is_descending));
    if !view.filter().is_empty() {
        let (shown, of) = (scene.list.len(), scene.list.without_filter());
        words = format!("{shown} of {of} with /{}  {words}", view.filter());
    }
    let path = path(view, scene);
    let tabs = (1..).zip(Tab::ALL).map(|(number, tab)| match &path {
        Some(path) => (tab, format!("{} > {path}", tab.title())),
        None => (tab, format!("{number} {}", tab.title())),
    });
    let tabs: Vec<(Tab, String)> = tabs.collect();
    let needed: usize = tabs.iter().map(|(_, title)| title.len() + 2).sum::<usize>() + words.chars().count();
    // What was opened takes the place of the other lists, as does a long filter.
    let has_room = path.is_none() && needed <= usize::from(area.width);
    let mut rest = area;
    for (tab, title) in tabs {
        let is_shown = tab == view.tab();
        if is_shown || has_room {
            let style = if is_shown { palette.chosen() } else { palette.style(Tone::Quiet) };
            let taken = (put::text(buffer, rest, &title, style, palette) + 2).min(rest.width);
            rest = Rect { x: rest.x + taken, width: rest.width - taken, ..rest };
        }
    }
    if usize::from(rest.width) >= words.chars().count() {
        put::at_right(buffer, rest, &words, palette.style(Tone::Plain), palette);
    }
}

/// The name of what was opened.
fn path(view: &View, scene: &Scene<'_>) -> Option<String> {
    match view.place() {
        Place::Tab(_) => None,
        Place::Vip(name) | Place::Pool(name) => Some(name.clone()),
        Place::Backend { pool, address } => {
            let found = scene.picture.backend(pool, *address);
            let name = found.map_or_else(|| address.to_string(), |found| found.status.name.clone());
            Some(format!("{pool}/{name}"))
        }
        Place::Reason(code) => {
            let found = scene.picture.reasons.iter().find(|reason| reason.code == *code);
            Some(found.map_or_else(|| code.to_string(), |reason| reason.reason.clone()))
        }
    }
}
