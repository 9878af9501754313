//! The maps of the program; `anycast-ctl receive` writes the first two and reads the others.

use core::ptr::read_volatile;

use anycast_common::receive::{Config, MAX_OUTCOMES, Outcome, SENDER_ENTRIES, SenderKey};
use aya_ebpf::{
    macros::map,
    maps::{Array, LpmTrie, PerCpuArray, lpm_trie::Key},
};

/// Who may send tunnel packets: prefixes of outer source addresses. The value means nothing.
///
/// Writer: `anycast-ctl receive`
/// Reader: the program
#[map]
pub static SENDERS: LpmTrie<SenderKey, u32> = LpmTrie::with_max_entries(SENDER_ENTRIES, 0);

/// The settings.
///
/// Writer: `anycast-ctl receive`
/// Reader: both
#[map]
pub static CONFIG: Array<Config> = Array::with_max_entries(1, 0);

/// Packets per outcome, by its code.
///
/// Writer: the program
/// Reader: `anycast-ctl receive status`
#[map]
pub static OUTCOMES: PerCpuArray<u64> = PerCpuArray::with_max_entries(MAX_OUTCOMES, 0);

/// The last unknown sender each CPU saw: what is dropped here, no capture on this host shows.
///
/// Writer: the program
/// Reader: `anycast-ctl receive status`
#[map]
pub static STRANGERS: PerCpuArray<SenderKey> = PerCpuArray::with_max_entries(1, 0);

/// Whether tunnel packets of that source are taken.
#[inline(always)]
pub fn is_sender(source: &SenderKey) -> bool {
    SENDERS.get(Key::new(SenderKey::BITS, *source)).is_some()
}

/// Whether that UDP port, in network order, is GUE's.
#[inline(always)]
pub fn is_gue(port: [u8; 2]) -> bool {
    let port = u32::from(u16::from_be_bytes(port));
    let Some(config) = CONFIG.get_ptr(0) else { return false };
    // SAFETY: a value of the map; the controller stores the field as an aligned word.
    let gue_port = unsafe { read_volatile(&raw const (*config).gue_port) };
    port != 0 && port == gue_port
}

/// Notes an unknown sender.
#[inline(always)]
pub fn note_stranger(source: &SenderKey) {
    let Some(last) = STRANGERS.get_ptr_mut(0) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    unsafe { *last = *source };
}

/// Counts a packet.
#[inline(always)]
pub fn count(outcome: Outcome) {
    let Some(packets) = OUTCOMES.get_ptr_mut(outcome.code()) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    unsafe { *packets += 1 };
}

/// A word that the verifier forgets when it is read back: this program has no need of one.
#[inline(always)]
pub fn scratch() -> Option<*mut u64> {
    None
}

/// Whether packets may span several buffers: the entry point for kernels without such packets never asks.
#[inline(always)]
pub fn multi_buffer() -> bool {
    true
}
