//! Backends as the program sees them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An Ethernet address.
pub type Mac = [u8; 6];

/// Where packets for one backend go, and how. Written and read as four aligned words, so that a packet that races with an
/// update never sees half an address. Two share a cache line.
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
    /// Bytes of the largest IP packet that fits the way to it: the path MTU, less the outer headers.
    pub mtu: u16,
    /// [`Delivery`], as its code.
    pub delivery: u8,
    /// [`LinkTag`] of frames with outer headers, as its code.
    pub link_tag: u8,
    /// VLAN tag control information of [`LinkTag::Set`], host order.
    pub vlan: u16,
    /// Bytes of the outer headers: [`Delivery::overhead`].
    pub overhead: u16,
}

/// How a packet gets to its backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Delivery {
    /// Its frame is readdressed.
    #[default]
    L2 = 0,
    /// It is this host's own.
    Local = 1,
    /// In an outer IPv4 header: RFC 2003, RFC 4213.
    IpipV4 = 2,
    /// In an outer IPv6 header: RFC 2473.
    IpipV6 = 3,
    /// In outer IPv4 and UDP headers: GUE variant 1 (draft-ietf-intarea-gue-09 section 4).
    GueV4 = 4,
    /// In outer IPv6 and UDP headers.
    GueV6 = 5,
}

impl Delivery {
    /// Every way, in the order of the codes.
    pub const ALL: [Self; 6] = [Self::L2, Self::Local, Self::IpipV4, Self::IpipV6, Self::GueV4, Self::GueV6];

    /// Its number in [`Backend::delivery`].
    #[inline(always)]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Bytes of the outer headers.
    #[inline(always)]
    pub const fn overhead(self) -> usize {
        match self {
            Self::L2 | Self::Local => 0,
            Self::IpipV4 => 20,
            Self::IpipV6 => 40,
            Self::GueV4 => 28,
            Self::GueV6 => 48,
        }
    }
}

/// What becomes of a frame's VLAN tags when its packet gets outer headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LinkTag {
    /// They are taken off.
    #[default]
    Strip = 0,
    /// They stay.
    Keep = 1,
    /// One takes their place, or is put on.
    Set = 2,
}

impl LinkTag {
    /// Its number in [`Backend::link_tag`].
    #[inline(always)]
    pub const fn code(self) -> u8 {
        self as u8
    }
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

const _: () = assert!(size_of::<Backend>() == 32);
