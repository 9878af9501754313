//! Backends as the program sees them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An Ethernet address.
pub type Mac = [u8; 6];

/// Where packets for one backend go. Written and read as three aligned words, so that a packet that races with an
/// update never sees half an address.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Backend {
    /// Ethernet destination: the backend's address, or its gateway's.
    pub destination: Mac,
    /// [`Backend::USABLE`] or 0.
    pub state: u16,
    /// Ethernet source: the address of the interface frames leave by.
    pub source: Mac,
    /// How often the index was given to another backend: a pin of an earlier one no longer counts.
    pub generation: u16,
    /// Kernel index of the interface frames leave by.
    pub ifindex: u32,
    /// First of the backend's traffic counters; a VIP's is this plus the VIP's ordinal.
    pub first_counter: u32,
}

impl Backend {
    /// State of a backend whose next hop is known.
    pub const USABLE: u16 = 1;

    /// Number of words.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// A backend from its words.
    #[inline(always)]
    pub fn from_words(words: [u64; Self::WORDS]) -> Self {
        zerocopy::transmute!(words)
    }

    /// Its words, as the map stores them.
    pub fn to_words(self) -> [u64; Self::WORDS] {
        zerocopy::transmute!(self)
    }

    /// Whether packets can be delivered to it.
    #[inline(always)]
    pub const fn is_usable(&self) -> bool {
        self.state == Self::USABLE
    }
}

const _: () = assert!(size_of::<Backend>() == 24);
