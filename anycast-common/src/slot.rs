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

    /// Both indices in one word, as the arena stores them.
    #[inline(always)]
    pub const fn to_word(self) -> u32 {
        self.0
    }
}

/// One value of the slot arena: a cache line of slots.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct SlotLine {
    /// Consecutive slots of one table.
    pub slots: [Slot; SLOTS_PER_LINE],
}

/// Where a pool's table lies in the arena. Eight aligned bytes: the kernel copies them in one piece, so that one map update
/// switches a pool from one whole table to another.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Table {
    /// First arena line of the table.
    pub first_line: u32,
    /// Slots of the table; 0 while the pool has no usable backend.
    pub slots: u32,
}

impl Table {
    /// The slot a flow hash falls into: `hash * slots >> 32`.
    #[inline(always)]
    pub const fn slot_of(self, hash: u32) -> u32 {
        ((hash as u64 * self.slots as u64) >> 32) as u32
    }

    /// Arena lines a table of `slots` slots takes.
    pub const fn lines(slots: u32) -> u32 {
        slots.div_ceil(SLOTS_PER_LINE as u32)
    }
}

const _: () = assert!(size_of::<SlotLine>() == 64);
const _: () = assert!(size_of::<Table>() == 8);
