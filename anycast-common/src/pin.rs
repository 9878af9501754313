//! Pins: flows that are remembered, because they were born while their slot was in transition.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{address::Address, flow::Flow, limits::FILTER_CELLS};

/// A flow as the key of a hash map.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct FlowKey {
    /// Source address.
    pub source: Address,
    /// Destination address: the VIP.
    pub destination: Address,
    /// Ports and protocol in one word, which the kernel's hash then finds stored in one piece:
    ///
    /// ```text
    ///  63            48 47            32 31    8 7         0
    /// +----------------+----------------+-------+-----------+
    /// |  source port   |   dest. port   |   0   | protocol  |
    /// +----------------+----------------+-------+-----------+
    /// ```
    pub ports_and_protocol: u64,
}

impl FlowKey {
    /// IANA protocol number.
    pub const fn protocol(&self) -> u8 {
        self.ports_and_protocol as u8
    }
}

impl From<&Flow> for FlowKey {
    #[inline(always)]
    fn from(flow: &Flow) -> Self {
        Self {
            source: flow.source,
            destination: flow.destination,
            ports_and_protocol: (flow.source_port as u64) << 48
                | (flow.destination_port as u64) << 32
                | flow.protocol as u64,
        }
    }
}

impl From<&FlowKey> for Flow {
    fn from(key: &FlowKey) -> Self {
        Self {
            source: key.source,
            destination: key.destination,
            source_port: (key.ports_and_protocol >> 48) as u16,
            destination_port: (key.ports_and_protocol >> 32) as u16,
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

const _: () = assert!(size_of::<FlowKey>() == 40);
