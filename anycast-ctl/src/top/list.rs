//! The rows of a place that a filter lets through, in order.

use super::{
    field::Field,
    picture::Picture,
    place::Place,
    row::{self, Row, Subject},
};

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column.
    pub field: Field,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

impl Sort {
    /// By that column, in the direction that is mostly wanted.
    pub const fn by(field: Field) -> Self {
        Self { field, is_descending: field.is_greatest_first() }
    }
}

/// Rows of one picture. It is made once for a picture, a place, a filter and a sort; whoever draws takes the rows he shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    rows: Vec<Row>,
    /// Rows there are without the filter.
    of: usize,
}

impl List {
    /// The rows of a place.
    pub fn of(picture: &Picture, place: &Place, filter: &str, sort: Sort) -> Self {
        let rows = row::all(picture, place);
        let of = rows.len();
        let filter = filter.to_ascii_lowercase();
        let found = rows.into_iter().filter_map(|row| Some((row, row.of(picture)?)));
        let mut found: Vec<(Row, Subject<'_>)> =
            found.filter(|(_, subject)| filter.is_empty() || subject.matches(&filter)).collect();
        found.sort_by(|(_, one), (_, other)| {
            let ordering = sort.field.compare(one, other);
            let ordering = if sort.is_descending { ordering.reverse() } else { ordering };
            // What is alike stays where it is from one picture to the next.
            ordering.then_with(|| Field::Name.compare(one, other))
        });
        Self { rows: found.into_iter().map(|(row, _)| row).collect(), of }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many there were without the filter.
    pub fn without_filter(&self) -> usize {
        self.of
    }

    /// One of them.
    pub fn get(&self, at: usize) -> Option<Row> {
        self.rows.get(at).copied()
    }

    /// So many of them, from that one on.
    pub fn shown(&self, first: usize, height: usize) -> &[Row] {
        let last = first.saturating_add(height).min(self.rows.len());
        self.rows.get(first..last).unwrap_or_default()
    }

    /// Where the row is that opens that place.
    pub fn find(&self, picture: &Picture, place: &Place) -> Option<usize> {
        self.rows.iter().position(|row| row.place(picture).as_ref() == Some(place))
    }
}
