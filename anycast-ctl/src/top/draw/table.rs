//! The list: as many columns as fit, and only the rows that are seen.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, cell, palette::Tone, put};
use crate::top::{
    column::{Column, LEAST_OF_TWO, LEAST_REST, columns},
    view::View,
};

/// Draws the list of the view's place.
pub fn draw(buffer: &mut Buffer, area: Rect, view: &mut View, scene: &Scene<'_>) {
    let area = area.intersection(*buffer.area());
    // Where nothing else fits, the rows are more than their headings.
    let heading = u16::from(area.height > 2);
    let rows = Rect { y: area.y + heading, height: area.height - heading, ..area };
    let first = view.scroll(rows.height.into(), scene.list);
    let kind = view.place().kind();
    let columns = fit(columns(kind), area.width);
    if heading > 0 {
        headings(buffer, area, &columns, view, scene);
    }
    for (y, (at, row)) in
        (rows.y..rows.bottom()).zip((first..).zip(scene.list.shown(first, rows.height.into())))
    {
        let Some(subject) = row.of(scene.picture) else { continue };
        let line = Rect { y, height: 1, ..rows };
        for (column, place) in places(&columns, line) {
            cell::draw(buffer, place, column.field, kind, &subject, scene.palette);
        }
        if at == view.cursor() {
            buffer.set_style(line, scene.palette.chosen());
        }
    }
    if scene.list.is_empty() && rows.height > 0 {
        let words = if view.filter().is_empty() {
            "nothing here"
        } else {
            "nothing contains that; Esc clears the filter"
        };
        put::text(buffer, rows, words, scene.palette.style(Tone::Quiet), scene.palette);
    }
}

fn headings(buffer: &mut Buffer, area: Rect, columns: &[Column], view: &View, scene: &Scene<'_>) {
    let sort = view.sort();
    for (column, place) in places(columns, Rect { height: 1, ..area }) {
        let tone = if column.field == sort.field { Tone::Strong } else { Tone::Quiet };
        let style = scene.palette.style(tone);
        if column.field.is_number() {
            put::at_right(buffer, place, column.field.title(), style, scene.palette);
        } else {
            put::text(buffer, place, column.field.title(), style, scene.palette);
        }
    }
}

/// The columns that fit, with their widths.
fn fit(columns: &[Column], width: u16) -> Vec<Column> {
    let mut kept = columns.to_vec();
    while kept.len() > 1 && needed(&kept) > usize::from(width) {
        let most = kept.iter().enumerate().max_by_key(|(_, column)| column.spare);
        let Some(at) = most.map(|(at, _)| at) else { break };
        kept.remove(at);
    }
    let free = usize::from(width).saturating_sub(needed(&kept));
    let rest = least(&kept) + u16::try_from(free).unwrap_or(u16::MAX);
    // The last one that is left has the whole line.
    let is_alone = kept.len() == 1;
    for column in &mut kept {
        if is_alone {
            column.width = width;
        } else if column.width == 0 {
            column.width = rest;
        }
    }
    kept
}

/// Width of these columns and the gaps between them.
fn needed(kept: &[Column]) -> usize {
    let gaps = kept.len().saturating_sub(1);
    let width = |column: &Column| if column.width == 0 { least(kept) } else { column.width };
    kept.iter().map(|column| usize::from(width(column))).sum::<usize>() + gaps
}

/// Least width of the one that takes what is left.
const fn least(kept: &[Column]) -> u16 {
    if kept.len() > 2 { LEAST_REST } else { LEAST_OF_TWO }
}

/// Where each column is in a line.
fn places(columns: &[Column], line: Rect) -> impl Iterator<Item = (Column, Rect)> {
    let mut x = line.x;
    columns.iter().map(move |column| {
        let place = Rect { x, width: column.width, ..line }.intersection(line);
        x = x.saturating_add(column.width).saturating_add(1);
        (*column, place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::{field::Field, place::Kind};

    fn fields(kind: Kind, width: u16) -> Vec<Field> {
        fit(columns(kind), width).iter().map(|column| column.field).collect()
    }

    #[test]
    fn the_least_important_columns_make_room() {
        use Field::{Bits, Drops, Flows, Minute, Name, Packets, Route, Up};
        assert_eq!(fields(Kind::Vips, 80), [Name, Packets, Bits, Flows, Drops, Minute, Up, Route]);
        assert_eq!(fields(Kind::Vips, 40), [Name, Packets, Bits, Minute]);
        assert_eq!(fields(Kind::Vips, 20), [Name, Packets]);
        assert_eq!(fields(Kind::Vips, 1), [Name]);
    }

    #[test]
    fn the_columns_that_are_left_fill_the_line() {
        for width in 18..200 {
            for kind in [Kind::Vips, Kind::Backends, Kind::Routes, Kind::Reasons] {
                let kept = fit(columns(kind), width);
                let taken = kept.iter().map(|column| column.width + 1).sum::<u16>() - 1;
                let has_rest = kept.len() == 1
                    || columns(kind)
                        .iter()
                        .any(|it| it.width == 0 && kept.iter().any(|kept| kept.field == it.field));
                assert!(taken == width || !has_rest && taken < width, "{kind:?} {width}: {kept:?}");
            }
        }
    }
}
