//! The columns of lists: which there are, how wide, and which make room for the others.

use super::{field::Field, place::Kind};

/// A field and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What it shows.
    pub field: Field,
    /// Its width in characters; 0: all that is left.
    pub width: u16,
    /// The higher, the sooner it makes room for the others.
    pub spare: u8,
}

/// Least width of a column that takes what is left.
pub const LEAST_REST: u16 = 11;
/// The same while only one other is left.
pub const LEAST_OF_TWO: u16 = 8;

const fn column(field: Field, width: u16, spare: u8) -> Column {
    Column { field, width, spare }
}

/// The columns of a list, from the left. The first is never left out.
pub const fn columns(kind: Kind) -> &'static [Column] {
    const NAME: Column = column(Field::Name, 0, 0);
    const PACKETS: Column = column(Field::Packets, 9, 1);
    const BITS: Column = column(Field::Bits, 6, 3);
    const FLOWS: Column = column(Field::Flows, 7, 4);
    match kind {
        Kind::Vips => {
            const {
                &[
                    NAME,
                    PACKETS,
                    BITS,
                    FLOWS,
                    column(Field::Drops, 7, 5),
                    column(Field::Minute, 11, 2),
                    column(Field::Up, 5, 6),
                    column(Field::Route, 13, 7),
                    column(Field::Address, 15, 8),
                    column(Field::Pool, 12, 9),
                ]
            }
        }
        Kind::Backends | Kind::VipOutcomes | Kind::PoolBackends => {
            const {
                &[
                    NAME,
                    column(Field::State, 10, 2),
                    PACKETS,
                    BITS,
                    FLOWS,
                    column(Field::Minute, 8, 5),
                    column(Field::Share, 11, 6),
                    column(Field::Health, 6, 7),
                    column(Field::Pins, 6, 8),
                    column(Field::Address, 15, 9),
                ]
            }
        }
        Kind::Reasons | Kind::ReasonVips => {
            const {
                &[
                    NAME,
                    column(Field::State, 7, 4),
                    PACKETS,
                    column(Field::Minute, 20, 2),
                    column(Field::Total, 7, 3),
                ]
            }
        }
        Kind::Pools => {
            const {
                &[
                    NAME,
                    column(Field::Up, 5, 3),
                    PACKETS,
                    BITS,
                    column(Field::Minute, 8, 6),
                    column(Field::Slots, 6, 7),
                    column(Field::Moving, 6, 2),
                    column(Field::Since, 7, 4),
                    column(Field::Owners, 16, 5),
                ]
            }
        }
        Kind::Routes => {
            const {
                &[
                    column(Field::Name, 14, 0),
                    column(Field::Route, 13, 1),
                    column(Field::Since, 7, 3),
                    column(Field::Up, 5, 4),
                    column(Field::Prefix, 18, 5),
                    column(Field::Why, 0, 2),
                ]
            }
        }
        Kind::BackendVips => {
            const {
                &[
                    NAME,
                    PACKETS,
                    BITS,
                    FLOWS,
                    column(Field::Minute, 20, 2),
                    column(Field::Route, 13, 6),
                    column(Field::Address, 15, 7),
                ]
            }
        }
    }
}

/// How a list is sorted before somebody says otherwise.
pub const fn first_sort(kind: Kind) -> Field {
    match kind {
        Kind::Pools | Kind::Routes | Kind::PoolBackends | Kind::Backends => Field::Name,
        Kind::Vips | Kind::Reasons | Kind::VipOutcomes | Kind::BackendVips | Kind::ReasonVips => {
            Field::Packets
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_begins_with_names_and_sorts_by_a_column_it_has() {
        let kinds = [
            Kind::Vips,
            Kind::Backends,
            Kind::Reasons,
            Kind::Pools,
            Kind::Routes,
            Kind::VipOutcomes,
            Kind::BackendVips,
            Kind::ReasonVips,
            Kind::PoolBackends,
        ];
        for kind in kinds {
            let columns = columns(kind);
            assert_eq!(columns[0].field, Field::Name, "{kind:?}");
            assert!(columns.iter().any(|column| column.field == first_sort(kind)), "{kind:?}");
            assert_eq!(columns.iter().filter(|column| column.width == 0).count(), 1, "{kind:?}");
            for column in columns.iter().filter(|column| column.width > 0) {
                assert!(usize::from(column.width) >= column.field.title().len(), "{column:?}");
            }
        }
    }
}
