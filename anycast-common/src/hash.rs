//! Keyed hashing: the building blocks of the flow hash and of the slot tables.

/// Words of an expanded key.
pub const KEY_WORDS: usize = 6;

/// An expanded hash key. A trait, because the program reads each word of a read-only global when it needs it.
pub trait HashKey {
    /// Word `index` of the key; `index` is below [`KEY_WORDS`].
    fn word(&self, index: usize) -> u64;
}

impl HashKey for [u64; KEY_WORDS] {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        self.get(index).copied().unwrap_or_default()
    }
}

/// Expands a fleet's 64-bit seed into the flow hash's key: the first outputs of SplitMix64
/// (Steele, Lea, Flood, OOPSLA 2014) started at the seed.
pub fn expand_seed(seed: u64) -> [u64; KEY_WORDS] {
    let mut state = seed;
    core::array::from_fn(|_| {
        state = state.wrapping_add(GOLDEN_GAMMA);
        mix64(state)
    })
}

/// Increment of SplitMix64: 2^64 divided by the golden ratio, odd.
pub const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's finalizer, Stafford's variant 13: a bijection in which each input bit flips each output bit with
/// probability close to one half.
#[inline(always)]
pub const fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One step of NH: both halves of `word` are added to those of `key` modulo 2^32, the sums multiplied to 64 bits.
#[inline(always)]
pub(crate) const fn pair(word: u64, key: u64) -> u64 {
    let low = (word as u32).wrapping_add(key as u32);
    let high = ((word >> 32) as u32).wrapping_add((key >> 32) as u32);
    low as u64 * high as u64
}
