//! Backends as the maps have them: read word by word, so that what a packet does not need is not loaded.

use core::ptr::read_volatile;

use anycast_common::{backend::Backend, lookups::Lookups};

use crate::{deliver::Template, maps::TUNNELS};

/// A backend, to be read word by word: what is not looked at is not loaded.
#[derive(Clone, Copy)]
pub struct Way {
    index: u16,
    words: *const u64,
    /// The first word, in one load with the rest of what decides.
    first: u64,
}

impl Way {
    /// Index of the backend.
    #[inline(always)]
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Whether packets can be delivered to it.
    #[inline(always)]
    pub fn is_usable(&self) -> bool {
        (self.first >> 48) as u16 == Backend::USABLE
    }

    /// How often the index was given to another backend.
    #[inline(always)]
    pub fn generation(&self) -> u16 {
        (self.word(1) >> 48) as u16
    }

    /// Ethernet destination and source, as they lie in a frame: eight bytes, and four more.
    #[inline(always)]
    pub fn addresses(&self) -> ([u8; 8], [u8; 4]) {
        let source = self.word(1);
        let front = self.first & 0xffff_ffff_ffff | source << 48;
        (front.to_le_bytes(), ((source >> 16) as u32).to_le_bytes())
    }

    /// Kernel index of the interface frames leave by.
    #[inline(always)]
    pub fn ifindex(&self) -> u32 {
        self.word(2) as u32
    }

    /// First of its traffic counters.
    #[inline(always)]
    pub fn first_counter(&self) -> u32 {
        (self.word(2) >> 32) as u32
    }

    /// Path MTU, delivery, link tag, VLAN: what [`Backend`] has from `mtu` on, with these as its low bits first.
    #[inline(always)]
    pub fn manner(&self) -> Manner {
        Manner(self.word(3))
    }

    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        // SAFETY: a value of the map, aligned to 8 bytes; callers name one of its words.
        unsafe { read_volatile(self.words.wrapping_add(index)) }
    }
}

/// The last word of a [`Backend`]: how packets get there.
#[derive(Clone, Copy)]
pub struct Manner(u64);

impl Manner {
    /// Bytes of the largest IP packet that fits.
    #[inline(always)]
    pub fn mtu(self) -> u16 {
        self.0 as u16
    }

    /// Code of the [`anycast_common::backend::Delivery`].
    #[inline(always)]
    pub fn delivery(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Code of the [`anycast_common::backend::LinkTag`].
    #[inline(always)]
    pub fn link_tag(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// VLAN tag control information.
    #[inline(always)]
    pub fn vlan(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Bytes of the outer headers.
    #[inline(always)]
    pub fn overhead(self) -> usize {
        (self.0 >> 48) as usize
    }
}

/// The backend with that index.
#[inline(always)]
pub fn find(lookups: &Lookups, index: u16) -> Option<Way> {
    let words = (&raw const *lookups.backends.get(usize::from(index))?).cast::<u64>();
    // SAFETY: a row of the map, aligned to 8 bytes.
    Some(Way { index, words, first: unsafe { read_volatile(words) } })
}

/// The outer headers of a backend's packets.
#[inline(always)]
pub fn tunnel(index: u16) -> Option<Template> {
    Some(Template::at(TUNNELS.get_ptr(u32::from(index))?))
}
