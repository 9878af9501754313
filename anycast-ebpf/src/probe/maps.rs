//! The maps of the program: the controller writes the first and reads the second.

use anycast_common::probe::{MAX_OUTCOMES, MAX_PROBES, Outcome, Probe};
use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{HashMap, PerCpuArray},
};

/// A socket's mark to the way to its backend. Only backends that are checked so take memory.
///
/// Writer: the controller
/// Reader: the program
#[map]
pub static PROBES: HashMap<u32, Probe> = HashMap::with_max_entries(MAX_PROBES, BPF_F_NO_PREALLOC);

/// Packets per outcome, by its code.
///
/// Writer: the program
/// Reader: the controller
#[map]
pub static OUTCOMES: PerCpuArray<u64> = PerCpuArray::with_max_entries(MAX_OUTCOMES, 0);

/// The way that a mark names.
#[inline(always)]
pub fn find(mark: u32) -> Option<&'static Probe> {
    // SAFETY: without preallocation, an update puts another entry in the old one's place, which stays as it is until every run
    // that may have found it is over.
    unsafe { PROBES.get(mark) }
}

/// Counts a packet.
#[inline(always)]
pub fn count(outcome: Outcome) {
    let Some(packets) = OUTCOMES.get_ptr_mut(outcome.code()) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    unsafe { *packets += 1 };
}
