//! One cell of a list.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    bad_above_zero,
    palette::{Palette, Tone},
    put, rate, spark,
};
use crate::{
    announce::machine::Phase,
    api::types::{BackendState, VipAnnouncement},
    cli::unit,
    top::{
        field::{self, Field},
        picture::BackendRow,
        place::Kind,
        row::Subject,
    },
};

/// Columns of a share's number, and the gap before it.
const PERCENT: u16 = 7;

/// Draws what a column has of a row into its place.
pub fn draw(
    buffer: &mut Buffer,
    place: Rect,
    field: Field,
    kind: Kind,
    subject: &Subject<'_>,
    palette: Palette,
) {
    let rates = subject.meter().and_then(|meter| meter.rates);
    let route = subject.vip().and_then(|vip| vip.announcement.as_ref());
    let pool = field::pool(subject);
    let dash = || "-".to_owned();
    let (text, tone) = match field {
        Field::Minute => {
            let history = subject.meter().map(|meter| &meter.history);
            if let Some(history) = history.or_else(|| subject.reason().map(|reason| &reason.history)) {
                spark::bars(buffer, place, history, palette);
            }
            return;
        }
        Field::Share => {
            if let Some(backend) = subject.backend() {
                share(buffer, place, backend, palette);
            }
            return;
        }
        Field::Health => {
            if let Some(backend) = subject.backend() {
                strip(buffer, place, backend, palette);
            }
            return;
        }
        Field::Name => name(kind, subject),
        Field::State => state(subject),
        Field::Packets => (rate(field::packets(subject)), Tone::Plain),
        Field::Bits => (rates.map_or_else(String::new, |it| rate(Some(it.bits_per_second))), Tone::Plain),
        Field::Flows => {
            (rates.map_or_else(String::new, |it| rate(Some(it.new_flows_per_second))), Tone::Plain)
        }
        Field::Drops => {
            let drops = subject.vip().and_then(|vip| vip.drops_per_second);
            (rate(drops), bad_above_zero(drops))
        }
        Field::Up => field::up(subject).map_or_else(
            || (dash(), Tone::Quiet),
            |(up, of)| {
                let tone = if up == 0 {
                    Tone::Bad
                } else if up < of {
                    Tone::Warn
                } else {
                    Tone::Plain
                };
                (format!("{up}/{of}"), tone)
            },
        ),
        Field::Route => {
            route.map_or_else(|| (dash(), Tone::Quiet), |route| (phase(route).to_owned(), tone_of(route)))
        }
        Field::Since => (field::since(subject).map_or_else(dash, unit::duration), Tone::Plain),
        Field::Why => route.map_or_else(
            || (dash(), Tone::Quiet),
            |route| match &route.trouble {
                Some(trouble) => (trouble.clone(), Tone::Bad),
                None => (route.why.clone(), Tone::Plain),
            },
        ),
        Field::Prefix => (route.map_or_else(dash, |route| route.prefix.clone()), Tone::Plain),
        Field::Address => {
            let vip = subject.vip().map(|vip| vip.address);
            let address = subject.backend().map(|backend| backend.status.address).or(vip);
            (address.map_or_else(String::new, |address| address.to_string()), Tone::Quiet)
        }
        Field::Pool => (subject.vip().map(|vip| vip.pool.clone()).unwrap_or_default(), Tone::Quiet),
        Field::Total => (subject.reason().map_or_else(dash, |it| unit::count(it.packets)), Tone::Plain),
        Field::Slots => (pool.map_or_else(dash, |pool| unit::count(pool.slots.into())), Tone::Quiet),
        Field::Moving => {
            let slots = pool.map_or(0, |pool| pool.transition.slots);
            (unit::count(slots.into()), if slots > 0 { Tone::Warn } else { Tone::Quiet })
        }
        Field::Owners => {
            let owners = pool.into_iter().flat_map(|pool| &pool.transition.base_owners);
            (owners.map(|owner| owner.name.as_str()).collect::<Vec<_>>().join(", "), Tone::Warn)
        }
        Field::Pins => {
            (subject.backend().map_or_else(String::new, |it| unit::count(it.status.pins)), Tone::Quiet)
        }
    };
    let style = palette.style(tone);
    if field.is_number() {
        put::at_right(buffer, place, &text, style, palette);
    } else if field == Field::Name && kind == Kind::Backends {
        put::end_of_text(buffer, place, &text, style, palette);
    } else {
        put::text(buffer, place, &text, style, palette);
    }
}

/// Names of one pool need not say it.
fn name(kind: Kind, subject: &Subject<'_>) -> (String, Tone) {
    let tone = match subject {
        Subject::Reason(_) if kind == Kind::VipOutcomes => Tone::Warn,
        Subject::Reason(reason) if reason.packets == 0 => Tone::Quiet,
        Subject::Backend(backend) if !backend.is_there() => Tone::Quiet,
        Subject::Part(_, None) => Tone::Quiet,
        Subject::Vip(_)
        | Subject::Backend(_)
        | Subject::Part(..)
        | Subject::VipPart(..)
        | Subject::Reason(_)
        | Subject::VipReason(..)
        | Subject::Pool(_) => Tone::Plain,
    };
    match subject {
        Subject::Backend(backend) if kind == Kind::Backends => {
            (format!("{}/{}", backend.pool, backend.status.name), tone)
        }
        Subject::Backend(_)
        | Subject::Vip(_)
        | Subject::Part(..)
        | Subject::VipPart(..)
        | Subject::Reason(_)
        | Subject::VipReason(..)
        | Subject::Pool(_) => (subject.name().to_owned(), tone),
    }
}

fn state(subject: &Subject<'_>) -> (String, Tone) {
    if let Some(reason) = subject.reason() {
        let is_drop = reason.verdict == "drop" && reason.packets_per_second.is_some_and(|it| it > 0.0);
        return (reason.verdict.clone(), if is_drop { Tone::Bad } else { Tone::Quiet });
    }
    let Some(backend) = subject.backend() else { return ("removed".to_owned(), Tone::Quiet) };
    let tone = match backend.status.state {
        BackendState::Up => Tone::Good,
        BackendState::Draining | BackendState::Waiting => Tone::Warn,
        BackendState::Down | BackendState::Unresolved => Tone::Bad,
        BackendState::Disabled | BackendState::Removed => Tone::Quiet,
    };
    (field::state(backend).to_owned(), tone)
}

/// The words for where an announcement is.
pub const fn phase(route: &VipAnnouncement) -> &'static str {
    match route.phase {
        Phase::Announced => "announced",
        Phase::Lingering => "lingering",
        Phase::ShuttingDown => "shutting down",
        Phase::Withdrawn => "withdrawn",
    }
}

/// What that means.
pub const fn tone_of(route: &VipAnnouncement) -> Tone {
    match (route.trouble.is_some(), route.phase) {
        (true, _) => Tone::Bad,
        (false, Phase::Announced) => Tone::Good,
        (false, Phase::Lingering | Phase::ShuttingDown | Phase::Withdrawn) => Tone::Warn,
    }
}

/// A bar and its number.
fn share(buffer: &mut Buffer, place: Rect, backend: &BackendRow, palette: Palette) {
    let (part, whole) = (backend.status.slots, backend.pool_slots);
    let text = unit::share(part, whole);
    put::at_right(buffer, place, &text, palette.style(Tone::Plain), palette);
    let width = usize::from(place.width.saturating_sub(PERCENT));
    let filled = (f64::from(part) / f64::from(whole.max(1)) * width as f64 * 8.0).round() as usize;
    for (x, column) in (place.x..place.right()).zip(0..width) {
        let level = filled.saturating_sub(column * 8).min(8);
        buffer.set_stringn(x, place.y, palette.lying_bar(level), 1, palette.bars());
    }
}

/// The last results of the checks, the newest at the right.
fn strip(buffer: &mut Buffer, place: Rect, backend: &BackendRow, palette: Palette) {
    let Some(health) = &backend.health else { return };
    let signs: Vec<char> = health.strip.chars().collect();
    let from = signs.len().saturating_sub(place.width.into());
    for (x, sign) in (place.x..place.right()).zip(signs.get(from..).unwrap_or_default()) {
        let tone = match sign {
            'x' => Tone::Bad,
            'd' | '?' => Tone::Warn,
            _ => Tone::Good,
        };
        let sign = palette.sign(*sign).to_string();
        buffer.set_stringn(x, place.y, sign, 1, palette.style(tone));
    }
}
