//! Puts texts into a buffer without ever leaving their area.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::palette::{Palette, Tone};

/// Puts a text into the first line of an area, cut at its end. Answers the columns that it takes.
pub fn text(buffer: &mut Buffer, area: Rect, text: &str, style: Style, palette: Palette) -> u16 {
    let area = area.intersection(*buffer.area());
    if area.is_empty() {
        return 0;
    }
    let (end, _) = buffer.set_stringn(area.x, area.y, text, area.width.into(), style);
    if text.chars().count() > usize::from(area.width) {
        buffer.set_stringn(area.right() - 1, area.y, palette.cut(), 1, style);
    }
    end.saturating_sub(area.x)
}

/// The same, cut at its beginning: of names that begin alike the ends differ.
pub fn end_of_text(buffer: &mut Buffer, area: Rect, words: &str, style: Style, palette: Palette) {
    let width = usize::from(area.width);
    let too_many = words.chars().count().saturating_sub(width);
    if too_many == 0 {
        text(buffer, area, words, style, palette);
        return;
    }
    let end: String = words.chars().skip(too_many + 1).collect();
    text(buffer, area, &format!("{}{end}", palette.cut()), style, palette);
}

/// The same at the right end.
pub fn at_right(buffer: &mut Buffer, area: Rect, words: &str, style: Style, palette: Palette) -> u16 {
    let length = u16::try_from(words.chars().count()).unwrap_or(u16::MAX);
    let free = area.width.saturating_sub(length);
    let place = Rect { x: area.x.saturating_add(free), width: area.width - free, ..area };
    text(buffer, place, words, style, palette)
}

/// Puts as many of these into the first line of an area as fit whole, two spaces apart; the first in any case.
pub fn pieces<'a>(
    buffer: &mut Buffer,
    area: Rect,
    pieces: impl IntoIterator<Item = (&'a str, Tone)>,
    palette: Palette,
) -> u16 {
    let mut taken = 0_u16;
    for (piece, tone) in pieces {
        let length = u16::try_from(piece.chars().count()).unwrap_or(u16::MAX);
        let gap = if taken == 0 { 0 } else { 2 };
        let start = taken.saturating_add(gap);
        if taken > 0 && start.saturating_add(length) > area.width {
            break;
        }
        let place = Rect { x: area.x.saturating_add(start), width: area.width.saturating_sub(start), ..area };
        taken = start + text(buffer, place, piece, palette.style(tone), palette);
    }
    taken
}
