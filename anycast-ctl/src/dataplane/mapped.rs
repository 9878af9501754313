//! Array maps in this process's memory: published without a system call, each word in one piece.

use std::{
    num::NonZeroUsize,
    ops::Range,
    os::fd::AsFd,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use aya::maps::MapData;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::DataplaneError;

/// Where in a value of that type a field lies, in bytes.
macro_rules! field {
    ($value:ty, $field:ident) => {{
        const fn size<T>(_: fn(&$value) -> &T) -> usize {
            size_of::<T>()
        }
        let start = std::mem::offset_of!($value, $field);
        start..start + size(|value| &value.$field)
    }};
}
pub(super) use field;

/// A `BPF_MAP_TYPE_ARRAY` with `BPF_F_MMAPABLE` (Linux 5.5), or an array inside its value, seen as 64-bit words.
#[derive(Clone)]
pub struct MappedArray {
    mapping: Arc<Mapping>,
    /// Its first word.
    first: usize,
    words: usize,
    words_per_value: usize,
}

struct Mapping {
    start: NonNull<AtomicU64>,
    length: NonZeroUsize,
}

// SAFETY: the mapping is plain memory; access goes through atomics of the size that the other side uses for that array.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl MappedArray {
    /// Maps all values of the map.
    pub fn new(name: &'static str, map: &MapData) -> Result<Self, DataplaneError> {
        let failed = |error| DataplaneError::Mmap { map: name, error };
        let info = map.info().map_err(super::while_doing("reading a map's size"))?;
        // The kernel rounds values up to 8 bytes (kernel/bpf/arraymap.c, array_map_alloc) and the whole to pages.
        let words_per_value = (info.value_size() as usize).div_ceil(size_of::<u64>());
        let words = words_per_value * info.max_entries() as usize;
        let length = NonZeroUsize::new(words * size_of::<u64>()).ok_or_else(|| failed(nix::Error::EINVAL))?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a fresh shared mapping, at an address of the kernel's choice, of a map that has that many bytes.
        let start = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, map.fd().as_fd(), 0) };
        let mapping = Arc::new(Mapping { start: start.map_err(failed)?.cast(), length });
        Ok(Self { mapping, first: 0, words, words_per_value })
    }

    /// An array of values of `value_size` bytes that lies in these bytes of this one.
    ///
    /// # Panics
    ///
    /// If that is no whole number of words, or reaches beyond this one.
    pub fn part(&self, bytes: Range<usize>, value_size: usize) -> Self {
        const WORD: usize = size_of::<u64>();
        assert!(bytes.end <= self.words * WORD, "bytes {bytes:?} of a map of {} words", self.words);
        assert!([bytes.start, bytes.end, value_size].iter().all(|it| it.is_multiple_of(WORD)), "{bytes:?}");
        Self {
            mapping: Arc::clone(&self.mapping),
            first: self.first + bytes.start / WORD,
            words: bytes.len() / WORD,
            words_per_value: value_size / WORD,
        }
    }

    /// Stores words from the start of value `index` on, the last one with release ordering.
    ///
    /// # Panics
    ///
    /// If they reach beyond the map.
    pub fn store(&self, index: usize, values: &[u64]) {
        self.store_from(index, 0, values);
    }

    /// As [`Self::store`], from word `offset` of value `index` on.
    ///
    /// # Panics
    ///
    /// If they reach beyond the map.
    pub fn store_from(&self, index: usize, offset: usize, values: &[u64]) {
        let first = index * self.words_per_value + offset;
        for (offset, value) in values.iter().enumerate() {
            self.word(first + offset).store(*value, Ordering::Release);
        }
    }

    /// Zeroes every word that is not zero.
    pub fn clear(&self) {
        for word in 0..self.words {
            let word = self.word(word);
            if word.load(Ordering::Relaxed) != 0 {
                word.store(0, Ordering::Release);
            }
        }
    }

    /// The first word of value `index`.
    ///
    /// # Panics
    ///
    /// If there is no such value.
    pub fn load(&self, index: usize) -> u64 {
        self.load_word(index * self.words_per_value)
    }

    /// Word `word` of the map.
    ///
    /// # Panics
    ///
    /// If there is no such word.
    pub fn load_word(&self, word: usize) -> u64 {
        self.word(word).load(Ordering::Acquire)
    }

    /// Stores word `word` of the map.
    ///
    /// # Panics
    ///
    /// If there is no such word.
    pub fn store_word(&self, word: usize, value: u64) {
        self.word(word).store(value, Ordering::Release);
    }

    /// Half-word `half` of the map, in the order of their addresses.
    ///
    /// # Panics
    ///
    /// If there is no such half-word.
    pub fn load_half(&self, half: usize) -> u32 {
        self.half(half).load(Ordering::Acquire)
    }

    fn half(&self, half: usize) -> &AtomicU32 {
        assert!(half / 2 < self.words, "half-word {half} of a map of {} words", self.words);
        // SAFETY: inside the mapping, which is page-aligned and lives as long as `self`. What is accessed in halves is so by
        // the kernel's side, and by one thread of this process at a time.
        unsafe { self.mapping.start.cast::<AtomicU32>().add(2 * self.first + half).as_ref() }
    }

    fn word(&self, word: usize) -> &AtomicU64 {
        assert!(word < self.words, "word {word} of a map of {} words", self.words);
        // SAFETY: inside the mapping, which is page-aligned and lives as long as `self`; the kernel side accesses it
        // in aligned words of 32 or 64 bits.
        unsafe { self.mapping.start.add(self.first + word).as_ref() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made, of which no reference outlives `self`.
        if let Err(error) = unsafe { munmap(self.start.cast(), self.length.get()) } {
            tracing::warn!(%error, "unmapping a map");
        }
    }
}
