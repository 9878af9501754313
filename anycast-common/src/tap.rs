//! Taps: which packets the traced program shows to somebody, as it saw them and as they left.
//!
//! ```text
//!  packet ─▶ facts ─▶ filter ─▶ sample ─▶ limit ─▶ ring buffer: one record for each side
//!                       │          │        │           │
//!                       └ matched  └ unsampled └ limited └ lost: it was full
//! ```

mod facts;
mod filter;

pub use facts::{Facts, FlowFacts, word};
pub use filter::{Atom, Filter, MAX_ATOMS, MAX_TERMS, Term, matches};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::walk::Walk;

/// Taps at a time.
pub const MAX_TAPS: usize = 4;

/// Most bytes of a packet that are shown.
pub const MAX_SNAP: usize = 2048;

/// Bytes of the ring buffer all taps share: a power of two.
pub const RING_BYTES: u32 = 8 << 20;

/// Which packets one tap shows. Written while no packet looks at it, see [`Switch`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Tap {
    /// What a packet has to be.
    pub filter: Filter,
    /// How often this tap was given to somebody: tells its records from those of whoever had it before.
    pub generation: u32,
    /// One of so many is shown; at least 1.
    pub sample: u32,
    /// Packets shown in a second; 0: as many as there are.
    pub per_second: u32,
    /// Most bytes shown of a packet; at most [`MAX_SNAP`].
    pub snap: u32,
    /// [`Tap::BEFORE`] and the other flags below.
    pub flags: u32,
    /// Keeps the size a multiple of 8 bytes.
    pub reserved: u32,
}

impl Tap {
    /// Packets are shown as they came.
    pub const BEFORE: u32 = 1;
    /// Packets that leave are shown as they do.
    pub const AFTER: u32 = 2;
    /// Of the flows, not of the packets, one of so many is shown.
    pub const BY_FLOW: u32 = 4;

    /// Number of words.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// Whether it has that flag.
    #[inline(always)]
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Its words, as the map stores them.
    pub fn to_words(self) -> [u64; Self::WORDS] {
        zerocopy::transmute!(self)
    }
}

/// Which taps are on, and until when, in one word, which is stored and read whole.
///
/// ```text
///  63                      32 31          16 15           0
/// +--------------------------+--------------+--------------+
/// | on until that tick       | bytes copied |  bit n: tap n|
/// +--------------------------+--------------+--------------+
/// ```
///
/// Whoever switches them on has to do so again and again: what is left of a process that was killed ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switch(u64);

impl Switch {
    /// `taps` has bit `n` for tap `n`; `snap` is the most bytes that one of them wants of a packet as it came.
    pub const fn new(taps: u16, snap: u16, until_tick: u32) -> Self {
        Self(taps as u64 | (snap as u64) << 16 | (until_tick as u64) << 32)
    }

    /// Its word.
    pub const fn to_word(self) -> u64 {
        self.0
    }

    /// From its word.
    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The taps that are on at that tick.
    #[inline(always)]
    pub const fn taps(self, now: u32) -> u32 {
        let until = (self.0 >> 32) as u32;
        // Ticks wrap around: what is less than half the range ahead lies in the future.
        let is_over = until.wrapping_sub(now).wrapping_sub(1) > u32::MAX / 2;
        if is_over { 0 } else { self.0 as u32 & 0xffff }
    }

    /// Bytes to copy of a packet as it came.
    #[inline(always)]
    pub const fn snap(self) -> u32 {
        (self.0 >> 16) as u32 & 0xffff
    }
}

/// What became of packets at one tap, per CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TapCounts {
    /// Packets that the filter let through.
    pub matched: u64,
    /// Those of them that sampling left out.
    pub unsampled: u64,
    /// Those of the rest that the limit left out.
    pub limited: u64,
    /// Records that found the ring buffer full.
    pub lost: u64,
    /// Records that found their place.
    pub shown: u64,
}

impl core::ops::AddAssign for TapCounts {
    fn add_assign(&mut self, other: Self) {
        self.matched = self.matched.wrapping_add(other.matched);
        self.unsampled = self.unsampled.wrapping_add(other.unsampled);
        self.limited = self.limited.wrapping_add(other.limited);
        self.lost = self.lost.wrapping_add(other.lost);
        self.shown = self.shown.wrapping_add(other.shown);
    }
}

impl core::ops::Sub for TapCounts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            matched: self.matched.wrapping_sub(earlier.matched),
            unsampled: self.unsampled.wrapping_sub(earlier.unsampled),
            limited: self.limited.wrapping_sub(earlier.limited),
            lost: self.lost.wrapping_sub(earlier.lost),
            shown: self.shown.wrapping_sub(earlier.shown),
        }
    }
}

/// Packets a tap showed in a second. A line of its own: all CPUs count in it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Window {
    /// The second, since boot.
    pub second: u32,
    /// Packets in it.
    pub packets: u32,
    /// Fills the line.
    pub reserved: [u64; 7],
}

/// On which side of the program a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// As it came.
    Before = 0,
    /// As it left.
    After = 1,
}

/// What the ring buffer has in front of a packet's bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Header {
    /// What the program did with it.
    pub walk: Walk,
    /// When it was done with it: ns since boot, without suspended time (`CLOCK_MONOTONIC`).
    pub monotonic_ns: u64,
    /// Same for both sides of a packet, and for no other packet of the same CPU and program: CPU in the upper 16 bits, below
    /// them the CPU's count of packets it showed.
    pub sequence: u64,
    /// Bytes that follow.
    pub captured: u32,
    /// Bytes of the whole frame on this side.
    pub length: u32,
    /// [`Tap::generation`].
    pub generation: u32,
    /// Number of the tap.
    pub tap: u8,
    /// [`Side`].
    pub side: u8,
    /// Keeps the size a multiple of 8 bytes.
    pub reserved: [u8; 2],
}

const _: () = assert!(size_of::<Header>() == size_of::<Walk>() + 32);
const _: () = assert!(size_of::<Window>() == 64);

#[cfg(test)]
mod tests {
    use super::Switch;

    #[test]
    fn a_switch_is_on_until_its_tick() {
        let switch = Switch::new(0b101, 256, 10);
        assert_eq!((switch.taps(6), switch.snap()), (0b101, 256));
        assert_eq!(switch.taps(9), 0b101);
        assert_eq!(switch.taps(10), 0);
        assert_eq!(switch.taps(11), 0);
        assert_eq!(Switch::default().taps(1), 0);
        // Over the wrap.
        assert_eq!(Switch::new(1, 0, 2).taps(u32::MAX), 1);
        assert_eq!(Switch::new(1, 0, u32::MAX).taps(1), 0);
        assert_eq!(Switch::from_word(switch.to_word()), switch);
    }
}
