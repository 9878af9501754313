//! Whose maps these are: read before anything else of them is.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    LAYOUT_VERSION,
    hash::{GOLDEN_GAMMA, KEY_WORDS, mix64},
};

/// What a set of maps says of itself. All zero: it is being made.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Identity {
    /// [`LAYOUT_VERSION`] of whoever made the maps.
    pub layout: u64,
    /// Drawn when they were made: numbers that were written down are about these maps and no others.
    pub identity: u64,
    /// What the flow hash's key comes to: flows are remembered, and slots counted, by that key alone.
    pub key: u64,
}

impl Identity {
    /// That of maps of this layout.
    pub fn new(identity: u64, key: &[u64; KEY_WORDS]) -> Self {
        Self { layout: u64::from(LAYOUT_VERSION), identity, key: fingerprint(key) }
    }

    /// Words of the map's value.
    pub const WORDS: usize = 3;

    /// As words.
    pub const fn to_words(self) -> [u64; Self::WORDS] {
        [self.layout, self.identity, self.key]
    }

    /// From words.
    pub const fn from_words([layout, identity, key]: [u64; Self::WORDS]) -> Self {
        Self { layout, identity, key }
    }

    /// Whether the flow hash has that key.
    pub fn has_key(&self, key: &[u64; KEY_WORDS]) -> bool {
        self.key == fingerprint(key)
    }
}

/// Tells keys apart; who may read the map may read the program, and the key in it, too.
fn fingerprint(key: &[u64; KEY_WORDS]) -> u64 {
    key.iter().fold(GOLDEN_GAMMA, |sum, word| mix64(sum ^ word))
}
