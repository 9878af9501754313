//! Array maps in this process's memory: published without a system call, each word in one piece.

use std::{
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use aya::maps::MapData;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::DataplaneError;

/// A `BPF_MAP_TYPE_ARRAY` with `BPF_F_MMAPABLE` (Linux 5.5), seen as 64-bit words.
pub struct MappedArray {
    start: NonNull<AtomicU64>,
    length: NonZeroUsize,
    words: usize,
    words_per_value: usize,
}

// SAFETY: the mapping is plain memory that belongs to this value alone; access goes through atomics.
unsafe impl Send for MappedArray {}

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
        Ok(Self { start: start.map_err(failed)?.cast(), length, words, words_per_value })
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

    /// Stores half-word `half` of the map.
    ///
    /// # Panics
    ///
    /// If there is no such half-word.
    pub fn store_half(&self, half: usize, value: u32) {
        self.half(half).store(value, Ordering::Release);
    }

    fn half(&self, half: usize) -> &AtomicU32 {
        assert!(half / 2 < self.words, "half-word {half} of a map of {} words", self.words);
        // SAFETY: inside the mapping, which is page-aligned and lives as long as `self`. No two threads of this process
        // access the map at a time: `Self` is not `Sync`.
        unsafe { self.start.cast::<AtomicU32>().add(half).as_ref() }
    }

    fn word(&self, word: usize) -> &AtomicU64 {
        assert!(word < self.words, "word {word} of a map of {} words", self.words);
        // SAFETY: inside the mapping, which is page-aligned and lives as long as `self`; the kernel side accesses it
        // in aligned words of 32 or 64 bits.
        unsafe { self.start.add(word).as_ref() }
    }
}

impl Drop for MappedArray {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made, of which no reference outlives `self`.
        if let Err(error) = unsafe { munmap(self.start.cast(), self.length.get()) } {
            tracing::warn!(%error, "unmapping a map");
        }
    }
}
