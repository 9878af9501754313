//! Pins: flows that are remembered, because they were born while their slot was in transition.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{address::Address, flow::Flow, limits::FILTER_CELLS};

/// The key under which a flow is remembered. One word: the kernel hashes and compares keys at a price by their length.
///
/// ```text
///  63            48 47            32 31 30                    0
/// +----------------+----------------+--+-----------------------+
/// |  source port   |   dest. port   |U |       flow hash       |   U: UDP, else TCP; flow hash: its low 31 bits of 64
/// +----------------+----------------+--+-----------------------+
/// ```
///
/// Flows with other addresses may have the same key; the record says whose it is. Of those with the same ports one in 2^31
/// does, and then takes the other's place, as it may take anybody's in a map that evicts.
#[repr(transparent)]
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct FlowKey(u64);

impl FlowKey {
    const UDP: u64 = 1 << 31;

    /// The key of a TCP or UDP flow with that [`Flow::wide_hash`]. No others are remembered.
    #[inline(always)]
    pub const fn new(flow: &Flow, hash: u64) -> Self {
        let udp = if flow.protocol == UDP { Self::UDP } else { 0 };
        let ports = (flow.source_port as u64) << 48 | (flow.destination_port as u64) << 32;
        Self(ports | udp | hash & (Self::UDP - 1))
    }

    /// IANA protocol number.
    pub const fn protocol(self) -> u8 {
        if self.0 & Self::UDP != 0 { UDP } else { TCP }
    }
}

/// IANA protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// What is remembered of a flow, beside its key.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Record {
    /// Source address.
    pub source: Address,
    /// Destination address: the VIP.
    pub destination: Address,
    /// Where it goes. The one word that changes in place.
    pub pin: Pin,
}

impl Record {
    /// A flow's record.
    #[inline(always)]
    pub const fn new(flow: &Flow, pin: Pin) -> Self {
        Self { source: flow.source, destination: flow.destination, pin }
    }

    /// The flow whose record this is, under that key.
    pub const fn flow(&self, key: FlowKey) -> Flow {
        Flow {
            source: self.source,
            destination: self.destination,
            source_port: (key.0 >> 48) as u16,
            destination_port: (key.0 >> 32) as u16,
            protocol: key.protocol(),
        }
    }
}

/// The value of the filter: a cell is 1 if a flow that falls into it may be remembered as one that had an opening packet.
/// Bytes, and not bits: CPUs that set neighbours at a time do not undo each other's stores.
#[repr(C)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Filter {
    /// The cells.
    pub cells: [u8; FILTER_CELLS],
}

impl Filter {
    /// The cell of a flow with that 64-bit hash. It shares no bit with the slot: flows of one slot lie in all cells.
    #[inline(always)]
    pub const fn cell_of(hash: u64) -> usize {
        (hash as u32 >> 12) as usize % FILTER_CELLS
    }
}

/// Where a remembered flow goes. One word, so that it is read and stamped in one piece.
///
/// ```text
///  63            32 31            16 15             0
/// +----------------+----------------+----------------+
/// |   last seen    |   generation   |     backend    |   last seen: ticks
/// +----------------+----------------+----------------+
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Pin(u64);

impl Pin {
    /// A pin to a backend, seen at that tick.
    #[inline(always)]
    pub const fn new(backend: u16, generation: u16, last_seen: u32) -> Self {
        Self((last_seen as u64) << 32 | (generation as u64) << 16 | backend as u64)
    }

    /// Index of the backend.
    #[inline(always)]
    pub const fn backend(self) -> u16 {
        self.0 as u16
    }

    /// Generation of that index when the flow was pinned: an index is reused, a generation is not.
    #[inline(always)]
    pub const fn generation(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Tick of the flow's last packet.
    #[inline(always)]
    pub const fn last_seen(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The same pin, seen later.
    #[inline(always)]
    pub const fn seen(self, now: u32) -> Self {
        Self::new(self.backend(), self.generation(), now)
    }

    /// A pin from its word.
    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The word as the map stores it.
    #[inline(always)]
    pub const fn to_word(self) -> u64 {
        self.0
    }
}

const _: () = assert!(size_of::<Record>() == 40);

#[cfg(test)]
mod tests;
