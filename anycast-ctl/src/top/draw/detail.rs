//! What there is to say of the one thing that was opened.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Scene, cell,
    palette::{Palette, Tone},
    put,
};
use crate::{
    api::types::{BackendHealth, CheckResult},
    cli::{table, unit},
    top::{
        picture::{BackendRow, PoolRow, VipRow},
        place::Place,
    },
};

/// A line and what it means.
pub type Line = (String, Tone);

/// The lines about a place; none about a list.
pub fn lines(place: &Place, scene: &Scene<'_>) -> Vec<Line> {
    let picture = scene.picture;
    let gone = |what: &str| vec![(format!("{what} is gone; Esc goes back"), Tone::Warn)];
    match place {
        Place::Tab(_) => Vec::new(),
        Place::Vip(name) => picture.vip(name).map_or_else(|| gone(&format!("VIP {name}")), vip),
        Place::Backend { pool, address } => picture.backend(pool, *address).map_or_else(
            || gone(&format!("backend {address} of pool {pool}")),
            |found| backend(found, scene.health.or(found.health.as_ref()), scene.palette),
        ),
        Place::Pool(name) => picture.pool(name).map_or_else(|| gone(&format!("pool {name}")), pool),
        Place::Reason(code) => {
            let found = picture.reasons.iter().find(|reason| reason.code == *code);
            found.map_or_else(Vec::new, |reason| {
                let packets = unit::count(reason.packets);
                vec![(
                    format!(
                        "REASON {} (verdict {}): {packets} packets in all",
                        reason.reason, reason.verdict
                    ),
                    Tone::Strong,
                )]
            })
        }
    }
}

/// Draws as many of them as there is room for.
pub fn draw(buffer: &mut Buffer, area: Rect, lines: &[Line], palette: Palette) {
    for (y, (words, tone)) in (area.y..area.bottom()).zip(lines) {
        put::text(buffer, Rect { y, height: 1, ..area }, words, palette.style(*tone), palette);
    }
}

fn vip(vip: &VipRow) -> Vec<Line> {
    let VipRow { name, address, services, pool, up, of, .. } = vip;
    let services = services.join(" ");
    let mut lines = vec![(
        format!("VIP {name} {address} {services}: pool {pool}, {up} of {of} backends up"),
        Tone::Strong,
    )];
    if let Some(route) = &vip.announcement {
        let (phase, tone) = (cell::phase(route), cell::tone_of(route));
        let since = unit::duration(route.since_seconds);
        lines.push((format!("{phase} for {since} as {}: {}", route.prefix, route.why), tone));
        lines.extend(route.trouble.iter().map(|trouble| (format!("trouble: {trouble}"), Tone::Bad)));
    }
    lines
}

fn backend(backend: &BackendRow, health: Option<&BackendHealth>, palette: Palette) -> Vec<Line> {
    let status = &backend.status;
    let mut lines = vec![
        (
            format!(
                "BACKEND {}/{} {}: {}, weight {}, {} to {}",
                backend.pool,
                status.name,
                status.address,
                table::standing(status),
                status.weight,
                status.delivery,
                table::way(status)
            ),
            Tone::Strong,
        ),
        (
            format!(
                "{} slots ({}), entitled to {}; {} flows remembered; {} slots of others wait for its flows",
                status.slots,
                unit::share(status.slots, backend.pool_slots),
                status.slots_wanted,
                unit::count(status.pins),
                backend.base_slots
            ),
            if backend.base_slots > 0 { Tone::Warn } else { Tone::Plain },
        ),
    ];
    lines.extend(status.detail.iter().map(|detail| (detail.clone(), Tone::Warn)));
    let Some(health) = health else {
        lines.push(("it has no checks".to_owned(), Tone::Quiet));
        return lines;
    };
    let strip: String = health.strip.chars().map(|sign| palette.sign(sign)).collect();
    lines.push((
        format!(
            "checks: {} for {}  {strip}  {}",
            health.verdict,
            unit::duration(health.held_seconds),
            health.check
        ),
        if health.in_service { Tone::Good } else { Tone::Bad },
    ));
    lines.extend(health.reason.iter().chain(&health.trouble).map(|why| (why.clone(), Tone::Bad)));
    lines.extend(health.results.iter().map(result));
    lines
}

fn result(result: &CheckResult) -> Line {
    let ago = unit::milliseconds(result.ago_ms);
    let latency = unit::microseconds(result.latency_us);
    let tone = if result.finding == "failed" { Tone::Bad } else { Tone::Quiet };
    (format!("{ago:>8} ago  {:<12} {latency:>8}  {}", result.finding, result.detail), tone)
}

fn pool(pool: &PoolRow) -> Vec<Line> {
    let PoolRow { name, slots, transition, up, of, .. } = pool;
    let mut lines = vec![(format!("POOL {name}: {up} of {of} backends up, {slots} slots"), Tone::Strong)];
    if let Some(panic) = pool.panic {
        let since = unit::duration(panic.seconds);
        let words =
            format!("PANIC for {since}: {} of {} fail at once, nobody is taken out", panic.bad, panic.of);
        lines.push((words, Tone::Bad));
    }
    lines.push(match transition.since_seconds {
        None => ("every slot is stable".to_owned(), Tone::Good),
        Some(since) => {
            let owners: Vec<String> = transition
                .base_owners
                .iter()
                .map(|owner| format!("{} {}", owner.name, owner.slots))
                .collect();
            let share = unit::share(transition.slots, *slots);
            let since = unit::duration(since);
            let words = format!(
                "{} slots ({share}) in transition for {since}, away from {}",
                transition.slots,
                owners.join(", ")
            );
            (words, Tone::Warn)
        }
    });
    lines
}
