//! Slots, and the tables they make up.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::limits::SLOTS_PER_LINE;

/// A slot of a pool's table: the backend that owns it, and the one that owned it before a transition.
///
/// One word, so that every reader sees both from the same moment.
///
/// ```text
///  31            16 15             0
/// +----------------+----------------+
/// |      base      |    current     |   backend indices; 0xffff is none
/// +----------------+----------------+
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Slot(u32);

/// The backend index that names no backend.
pub const NO_BACKEND: u16 = u16::MAX;

impl Slot {
    /// A slot nobody owns.
    pub const EMPTY: Self = Self::stable(NO_BACKEND);

    /// A slot outside a transition: every flow of it belongs to `current`.
    #[inline(always)]
    pub const fn stable(current: u16) -> Self {
        Self::in_transition(current, NO_BACKEND)
    }

    /// A slot that moved to `current` while flows of `base` may live on.
    #[inline(always)]
    pub const fn in_transition(current: u16, base: u16) -> Self {
        Self((base as u32) << 16 | current as u32)
    }

    /// Index of the backend that owns the slot, or [`NO_BACKEND`].
    #[inline(always)]
    pub const fn current(self) -> u16 {
        self.0 as u16
    }

    /// Index of the backend that owned the slot before its transition; [`NO_BACKEND`] when the slot is stable.
    #[inline(always)]
    pub const fn base(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Whether no transition is under way.
    #[inline(always)]
    pub const fn is_stable(self) -> bool {
        self.base() == NO_BACKEND
    }

    /// A slot from its word.
    #[inline(always)]
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// Both indices in one word, as the arena stores them.
    #[inline(always)]
    pub const fn to_word(self) -> u32 {
        self.0
    }
}

/// One value of the slot arena: a cache line of slots. The arena starts on a page, so that lines do not straddle.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SlotLine {
    /// Consecutive slots of one table.
    pub slots: [Slot; SLOTS_PER_LINE],
}

/// One value of the stamp map: for each slot of a line, the tick (see [`crate::clock`]) at which its base owner was last
/// used, or its transition began.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct StampLine {
    /// Stamps, in the order of the slots.
    pub stamps: [u32; SLOTS_PER_LINE],
}

/// Where a pool's table lies in the arena. One word, so that one store switches a pool from one whole table to another.
///
/// ```text
///  63            32 31             0
/// +----------------+----------------+
/// |     slots      |   first line   |   slots: 0 while the pool has no usable backend
/// +----------------+----------------+
/// ```
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Table(u64);

impl Table {
    /// A table of `slots` slots that starts at that line of the arena.
    pub const fn new(first_line: u32, slots: u32) -> Self {
        Self((slots as u64) << 32 | first_line as u64)
    }

    /// First arena line of the table.
    #[inline(always)]
    pub const fn first_line(self) -> u32 {
        self.0 as u32
    }

    /// Slots of the table.
    #[inline(always)]
    pub const fn slots(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether the table has no slots.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.slots() == 0
    }

    /// The slot a flow hash falls into: `hash * slots >> 32`.
    #[inline(always)]
    pub const fn slot_of(self, hash: u32) -> u32 {
        ((hash as u64 * self.slots() as u64) >> 32) as u32
    }

    /// A table from its word.
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The word as the map stores it.
    pub const fn to_word(self) -> u64 {
        self.0
    }

    /// Arena lines a table of `slots` slots takes.
    pub const fn lines(slots: u32) -> u32 {
        slots.div_ceil(SLOTS_PER_LINE as u32)
    }
}

const _: () = assert!(size_of::<SlotLine>() == 64);
