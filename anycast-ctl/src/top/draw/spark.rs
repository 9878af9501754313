//! Rates of the last minute as bars.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Scene,
    palette::{Palette, Tone},
    put, rate,
};
use crate::top::history::History;

/// Columns of the words beside the bars of all VIPs.
const CAPTION: u16 = 12;

/// Bars that fill an area, each as high as its share of the greatest of them. What is known to be nothing is a line.
pub fn bars(buffer: &mut Buffer, area: Rect, history: &History, palette: Palette) {
    let area = area.intersection(*buffer.area());
    let columns: Vec<Option<f32>> = history.columns(area.width.into()).collect();
    let most = greatest(&columns);
    let eighths = usize::from(area.height) * 8;
    for (x, column) in (area.x..area.right()).zip(&columns) {
        let Some(value) = column else { continue };
        let part = if most > 0.0 { value / most } else { 0.0 };
        let height = ((part * eighths as f32).ceil() as usize).clamp(1, eighths.max(1));
        for (from_bottom, y) in (area.y..area.bottom()).rev().enumerate() {
            let level = height.saturating_sub(from_bottom * 8).min(8);
            buffer.set_stringn(x, y, palette.bar(level), 1, palette.bars());
        }
    }
}

/// The last minute of all VIPs together.
pub fn minute(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    if area.height == 0 {
        return;
    }
    let history = &scene.picture.total.history;
    let columns: Vec<Option<f32>> = history.columns(area.width.saturating_sub(CAPTION).into()).collect();
    let most = columns.iter().any(Option::is_some).then(|| f64::from(greatest(&columns)));
    let caption =
        |down: u16| Rect { y: area.y + down, width: area.width.min(CAPTION - 1), height: 1, ..area };
    let quiet = scene.palette.style(Tone::Quiet);
    put::text(buffer, caption(0), "last minute", quiet, scene.palette);
    if area.height > 1 {
        put::text(buffer, caption(1), &format!("peak {}", rate(most)), quiet, scene.palette);
    }
    let taken = CAPTION.min(area.width);
    let rest = Rect { x: area.x + taken, width: area.width - taken, ..area };
    bars(buffer, rest, history, scene.palette);
}

fn greatest(columns: &[Option<f32>]) -> f32 {
    columns.iter().flatten().copied().fold(0.0, f32::max)
}
