//! Fragments: the first one's decision, remembered for the later ones, which have no ports.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{address::Address, parse::protocol, pin::Pin};

/// What all fragments of one datagram share: RFC 791 section 3.2, RFC 8200 section 4.5.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct FragmentKey {
    /// Source address.
    pub source: Address,
    /// Destination address: the VIP.
    pub destination: Address,
    /// IPv4 protocol, or the number of IPv6's fragment header: the next header of later fragments means nothing.
    ///
    /// ```text
    ///  63                            32 31    8 7         0
    /// +--------------------------------+-------+-----------+
    /// |         identification         |   0   | protocol  |
    /// +--------------------------------+-------+-----------+
    /// ```
    pub identification_and_protocol: u64,
}

impl FragmentKey {
    /// The key of an IPv4 fragment.
    #[inline(always)]
    pub const fn v4(source: Address, destination: Address, identification: u16, protocol: u8) -> Self {
        let word = (identification as u64) << 32 | protocol as u64;
        Self { source, destination, identification_and_protocol: word }
    }

    /// The key of an IPv6 fragment.
    #[inline(always)]
    pub const fn v6(source: Address, destination: Address, identification: u32) -> Self {
        let word = (identification as u64) << 32 | protocol::FRAGMENT as u64;
        Self { source, destination, identification_and_protocol: word }
    }
}

/// A datagram whose first fragment was seen.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Datagram {
    /// Where the first fragment went, and when.
    pub pin: Pin,
    /// What came of it.
    pub received: Received,
    /// Hash of its flow, for outer headers that tell flows apart.
    pub hash: u64,
}

impl Datagram {
    /// Ticks for which a datagram is remembered: hosts give up on reassembly after 30 to 60 s (RFC 8200 section 4.5).
    pub const LIFETIME: u32 = 60;
}

/// What came of a datagram, in steps of 8 bytes, as far as two stretches can say: one from the start, and one behind a gap. For
/// counting only: CPUs that meet fragments of one datagram at the same moment may lose a stretch.
///
/// ```text
///  63      48 47          32 31            16 15           0
/// +----------+--------------+----------------+--------------+
/// |     0    |  island end  |  island start  |      end     |   island end 0: no island
/// +----------+--------------+----------------+--------------+
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Received(u64);

/// How a fragment fits those that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Right behind, or into a gap.
    Fits,
    /// It leaves a gap.
    LeavesGap,
    /// Some of it came before.
    Overlaps,
}

impl Received {
    /// The first fragment, of so many steps.
    #[inline(always)]
    pub const fn first(steps: u16) -> Self {
        Self::new(steps, 0, 0)
    }

    #[inline(always)]
    const fn new(end: u16, island_start: u16, island_end: u16) -> Self {
        Self((island_end as u64) << 32 | (island_start as u64) << 16 | end as u64)
    }

    /// With the fragment from `start` to `stop`.
    #[inline(always)]
    pub const fn with(self, start: u16, stop: u16) -> (Self, Arrival) {
        let (end, island_start, island_end) = (self.0 as u16, (self.0 >> 16) as u16, (self.0 >> 32) as u16);
        let has_island = island_end != 0;
        if start < end || (has_island && start < island_end && stop > island_start) {
            (self, Arrival::Overlaps)
        } else if start == end && has_island && stop == island_start {
            (Self::first(island_end), Arrival::Fits)
        } else if start == end {
            (Self::new(stop, island_start, island_end), Arrival::Fits)
        } else if !has_island {
            (Self::new(end, start, stop), Arrival::LeavesGap)
        } else if start == island_end {
            (Self::new(end, island_start, stop), Arrival::Fits)
        } else if stop == island_start {
            (Self::new(end, start, island_end), Arrival::LeavesGap)
        } else {
            // A third stretch is not kept.
            (self, Arrival::LeavesGap)
        }
    }
}

const _: () = assert!(size_of::<FragmentKey>() == 40);
const _: () = assert!(size_of::<Datagram>() == 24);

#[cfg(test)]
mod tests {
    use super::{Arrival, Received};

    fn arrivals(fragments: &[(u16, u16)]) -> impl Iterator<Item = Arrival> {
        let mut received = Received::first(10);
        fragments.iter().map(move |&(start, stop)| {
            let (next, arrival) = received.with(start, stop);
            received = next;
            arrival
        })
    }

    #[test]
    fn fragments_in_order_fit() {
        assert!(arrivals(&[(10, 20), (20, 30), (30, 31)]).eq([Arrival::Fits; 3]));
    }

    #[test]
    fn a_gap_is_noticed_once_and_closed() {
        let row = [(20, 30), (30, 40), (10, 20), (40, 50)];
        assert!(arrivals(&row).eq([Arrival::LeavesGap, Arrival::Fits, Arrival::Fits, Arrival::Fits]));
    }

    #[test]
    fn an_island_that_is_reached_leaves_room_for_another() {
        let row = [(20, 30), (10, 20), (40, 50), (50, 60)];
        assert!(arrivals(&row).eq([Arrival::LeavesGap, Arrival::Fits, Arrival::LeavesGap, Arrival::Fits]));
    }

    #[test]
    fn the_island_grows_downwards() {
        let row = [(30, 40), (20, 30), (10, 20), (40, 41)];
        assert!(arrivals(&row).eq([Arrival::LeavesGap, Arrival::LeavesGap, Arrival::Fits, Arrival::Fits]));
    }

    #[test]
    fn overlaps_are_noticed_on_both_stretches() {
        for row in
            [&[(9, 12)][..], &[(0, 10)], &[(20, 30), (25, 35)], &[(20, 30), (10, 21)], &[(20, 30), (20, 30)]]
        {
            assert_eq!(arrivals(row).last(), Some(Arrival::Overlaps), "{row:?}");
        }
    }
}
