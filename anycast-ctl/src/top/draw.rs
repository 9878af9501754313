//! Draws all of it into a buffer of any size. What does not fit is left out, the least important first.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{list::List, picture::Picture, view::View};
use crate::api::types::BackendHealth;

mod cell;
mod detail;
mod foot;
mod head;
mod help;
pub mod palette;
mod put;
mod spark;
mod table;
#[cfg(test)]
mod tests;

pub use cell::phase;
use palette::{Palette, Tone};

/// What is drawn.
pub struct Scene<'a> {
    /// How things are.
    pub picture: &'a Picture,
    /// The rows of the view's place.
    pub list: &'a List,
    /// What the checks of the backend say that is looked at, with all results that are kept.
    pub health: Option<&'a BackendHealth>,
    /// Since when the daemon does not answer; `None` while it does.
    pub away: Option<Away<'a>>,
    /// Colours and signs.
    pub palette: Palette,
}

/// A daemon that does not answer.
#[derive(Clone, Copy, Debug)]
pub struct Away<'a> {
    /// For how long.
    pub since: Duration,
    /// Why.
    pub error: &'a str,
}

/// Draws the scene as the view has it.
pub fn draw(buffer: &mut Buffer, area: Rect, view: &mut View, scene: &Scene<'_>) {
    let lines = detail::lines(view.place(), scene);
    let areas = Areas::of(area, scene.picture.alarms.len(), lines.len());
    head::alarms(buffer, areas.alarms, scene);
    head::gauges(buffer, areas.gauges, scene);
    spark::minute(buffer, areas.minute, scene);
    head::tabs(buffer, areas.tabs, view, scene);
    detail::draw(buffer, areas.detail, &lines, scene.palette);
    table::draw(buffer, areas.table, view, scene);
    if scene.away.is_some() {
        buffer.set_style(area, scene.palette.stale());
    }
    head::title(buffer, areas.title, view, scene);
    foot::draw(buffer, areas.foot, view, scene.palette);
    if view.is_help {
        help::draw(buffer, area, scene.palette);
    }
}

/// Where everything goes; what does not fit has no height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Areas {
    title: Rect,
    alarms: Rect,
    gauges: Rect,
    minute: Rect,
    tabs: Rect,
    detail: Rect,
    table: Rect,
    foot: Rect,
}

impl Areas {
    fn of(area: Rect, alarms: usize, detail: usize) -> Self {
        let height = area.height;
        let lines = |lines: usize, most: u16| u16::try_from(lines).unwrap_or(most).min(most);
        let when = |is_room: bool, lines: u16| if is_room { lines } else { 0 };
        let alarms = match height {
            0..6 => 0,
            6..10 => lines(alarms, 1),
            10..14 => lines(alarms.max(1), 2),
            _ => lines(alarms.max(1), 4),
        };
        let detail = when(height >= 8, lines(detail, height / 3));
        let mut rest = area;
        let mut take = |lines: u16| {
            let lines = lines.min(rest.height);
            let taken = Rect { height: lines, ..rest };
            rest = Rect { y: rest.y.saturating_add(lines), height: rest.height - lines, ..rest };
            taken
        };
        let title = take(when(height >= 3, 1));
        let alarms = take(alarms);
        let gauges = take(when(height >= 14, 1));
        let minute = take(when(height >= 18 && detail == 0, 2));
        let tabs = take(when(height >= 4, 1));
        let detail = take(detail);
        let foot = when(height >= 5, 1);
        let table = take(rest_without(area, foot, &[title, alarms, gauges, minute, tabs, detail]));
        Self { title, alarms, gauges, minute, tabs, detail, table, foot: take(foot) }
    }
}

fn rest_without(area: Rect, foot: u16, taken: &[Rect]) -> u16 {
    let taken: u16 = taken.iter().map(|rect| rect.height).sum();
    area.height.saturating_sub(taken).saturating_sub(foot)
}

/// How a number of things a second is written; unknown ones as a dash.
pub fn rate(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate > 0.0 && rate < 9.95 => format!("{rate:.1}"),
        Some(rate) => crate::cli::unit::count(rate.round() as u64),
    }
}

/// The tone of something that should not happen.
fn bad_above_zero(rate: Option<f64>) -> Tone {
    if rate.is_some_and(|rate| rate > 0.0) { Tone::Bad } else { Tone::Quiet }
}
