//! What keys do, over everything else.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    palette::{Palette, Tone},
    put,
};
use crate::top::view::HELP;

/// Columns of the keys.
const KEYS: u16 = 17;
/// Columns of all of it.
const WIDTH: u16 = 66;

/// Draws the help in the middle.
pub fn draw(buffer: &mut Buffer, area: Rect, palette: Palette) {
    let width = WIDTH.min(area.width);
    let height = u16::try_from(HELP.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let frame =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let blank = " ".repeat(width.into());
    for y in frame.y..frame.bottom() {
        buffer.set_stringn(frame.x, y, &blank, width.into(), Style::reset());
    }
    let line = |down: u16| Rect {
        x: frame.x + 1.min(width),
        y: frame.y + down,
        width: width.saturating_sub(2),
        height: 1.min(height.saturating_sub(down)),
    };
    put::text(buffer, line(0), "anycast-ctl top: keys", palette.style(Tone::Strong), palette);
    for (down, (keys, what)) in (1..height).zip(HELP) {
        let place = line(down);
        let taken = KEYS.min(place.width);
        put::text(buffer, Rect { width: taken, ..place }, keys, palette.style(Tone::Strong), palette);
        let rest = Rect { x: place.x + taken, width: place.width - taken, ..place };
        put::text(buffer, rest, what, palette.style(Tone::Plain), palette);
    }
}
