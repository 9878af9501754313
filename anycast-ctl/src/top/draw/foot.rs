//! The last line: the keys.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    palette::{Palette, Tone},
    put,
};
use crate::top::view::View;

/// The most important first: what does not fit is left out.
const KEYS: [&str; 9] = [
    "q quit",
    "? help",
    "Enter open",
    "1-5 lists",
    "/ filter",
    "<> sort",
    "r reverse",
    "Space pause",
    "+- interval",
];

/// The same where something was opened.
const KEYS_INSIDE: [&str; 8] =
    ["q quit", "? help", "Esc back", "Enter open", "/ filter", "<> sort", "r reverse", "Space pause"];

/// Draws the keys, or the filter that is typed.
pub fn draw(buffer: &mut Buffer, area: Rect, view: &View, palette: Palette) {
    if area.height == 0 {
        return;
    }
    if view.is_typing {
        let words = format!("/{}_", view.filter());
        let pieces =
            [(words.as_str(), Tone::Strong), ("Enter keep", Tone::Quiet), ("Esc clear", Tone::Quiet)];
        put::pieces(buffer, area, pieces, palette);
        return;
    }
    let keys: &[&str] = if view.depth() > 1 { &KEYS_INSIDE } else { &KEYS };
    put::pieces(buffer, area, keys.iter().map(|key| (*key, Tone::Plain)), palette);
}
