//! Every map of the dataplane. `docs/maps.md` is the reference.
//!
//! The arrays the controller writes can be mapped into its memory: it fills what no packet reads yet and then publishes it
//! with one store. What such a store can change under a running program is read here, in one load.

use core::ptr::{read_volatile, write_volatile};

use anycast_common::{
    counter::{DETAIL_COUNTERS, REASON_COUNTERS, Spent, Traffic},
    fragment::{Datagram, FragmentKey},
    identity::Identity,
    limits::{
        DEFAULT_ARENA_LINES, DEFAULT_EMBRYONIC, DEFAULT_PINS, DEFAULT_TRAFFIC_COUNTERS, FRAGMENTED_DATAGRAMS,
        MAX_BACKENDS, SLOTS_PER_LINE,
    },
    lookups::Lookups,
    pin::{Filter, FlowKey, Record},
    slot::{Slot, SlotLine, StampLine},
    tunnel::Tunnel,
    walk::Effect,
};
use aya_ebpf::{
    Global,
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, DevMapHash, LruHashMap, PerCpuArray},
};

use crate::trace;

/// Whose maps these are. No packet asks.
///
/// Writer: the controller, once
/// Reader: the controller
#[map]
pub static IDENTITY: Array<Identity> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// VIPs, services, tables, backends: all that a packet looks up by number. One value, found once.
///
/// Writer: the controller
/// Reader: both
#[map]
pub static LOOKUPS: Array<Lookups> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// The slot arena: tables of all pools, in use and to be filled.
///
/// Writer: the controller
/// Reader: both
#[map]
pub static SLOTS: Array<SlotLine> = Array::with_max_entries(DEFAULT_ARENA_LINES, BPF_F_MMAPABLE);

/// Backend index to the outer headers of its packets, if it has any.
///
/// Writer: the controller
/// Reader: the program
#[map]
pub static TUNNELS: Array<Tunnel> = Array::with_max_entries(MAX_BACKENDS as u32, BPF_F_MMAPABLE);

/// Per slot of the arena: tick at which its base owner was last used.
///
/// Writer: both
/// Reader: the controller
#[map]
pub static STAMPS: Array<StampLine> = Array::with_max_entries(DEFAULT_ARENA_LINES, BPF_F_MMAPABLE);

/// A map of remembered flows, and which of the two it is.
#[repr(transparent)]
pub struct Flows<const EMBRYONIC: bool>(pub LruHashMap<FlowKey, Record>);

/// Flows that were born during a transition of their slot.
///
/// Writer: the program; the sweep deletes
/// Reader: both
/// Evicts: roughly the one that was silent longest
#[map]
pub static PINS: Flows<false> = Flows(LruHashMap::with_max_entries(DEFAULT_PINS, 0));

/// Flows as in `PINS`, as long as only their opening packet was seen. A flood of these churns this map and no other.
///
/// Writer: the program; the sweep deletes
/// Reader: both
/// Evicts: roughly the one that was silent longest
#[map]
pub static EMBRYONIC: Flows<true> = Flows(LruHashMap::with_max_entries(DEFAULT_EMBRYONIC, 0));

/// Where the first fragments of datagrams went.
///
/// Writer: the program
/// Reader: the program
/// Evicts: roughly the one that was silent longest
#[map]
pub static FRAGMENTS: LruHashMap<FragmentKey, Datagram> =
    LruHashMap::with_max_entries(FRAGMENTED_DATAGRAMS, 0);

/// Which flows may be in `PINS` or `EMBRYONIC`.
///
/// Writer: the program sets, the controller clears
/// Reader: the program
#[map]
pub static FILTER: Array<Filter> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Interfaces packets may be redirected to, by kernel index.
///
/// Writer: the controller
/// Reader: the program
#[map]
pub static DEVICES: DevMapHash = DevMapHash::with_max_entries(256, 0);

/// Delivered packets per (VIP, backend).
///
/// Writer: the program; the controller clears
/// Reader: the controller
#[map]
pub static TRAFFIC: PerCpuArray<Traffic> = PerCpuArray::with_max_entries(DEFAULT_TRAFFIC_COUNTERS, 0);

/// Packets that were not delivered, per VIP and reason.
///
/// Writer: the program
/// Reader: the controller
#[map]
pub static REASONS: PerCpuArray<u64> = PerCpuArray::with_max_entries(REASON_COUNTERS, 0);

/// Details of packets, per VIP.
///
/// Writer: the program
/// Reader: the controller
#[map]
pub static DETAILS: PerCpuArray<u64> = PerCpuArray::with_max_entries(DETAIL_COUNTERS, 0);

/// What this CPU has spent of the ICMP errors it may send.
///
/// Writer: the program
/// Reader: the program
#[map]
pub static ERRORS: PerCpuArray<Spent> = PerCpuArray::with_max_entries(1, 0);

/// A word that the verifier forgets when it is read back.
///
/// Writer: the program
/// Reader: the program
#[map]
static SCRATCH: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// This CPU's word of it.
#[inline(always)]
pub fn scratch() -> Option<*mut u64> {
    SCRATCH.get_ptr_mut(0)
}

/// Whether packets may span several buffers: 1 if the kernel took the program that says so (Linux 5.18). Set by the controller
/// when it loads the program; at 0 the verifier drops what older kernels lack.
#[unsafe(no_mangle)]
static MULTI_BUFFER: Global<u32> = Global::new(1);

/// Whether packets may span several buffers.
#[inline(always)]
pub fn multi_buffer() -> bool {
    MULTI_BUFFER.load() != 0
}

/// The value of [`LOOKUPS`].
#[inline(always)]
pub fn lookups() -> Option<&'static Lookups> {
    LOOKUPS.get(0)
}

/// Slot `index` of a line, in one load.
#[inline(always)]
pub fn slot(line: u32, index: u32) -> Option<Slot> {
    let line = SLOTS.get_ptr(line)?;
    // SAFETY: inside the value that `get_ptr` returned.
    let slots = unsafe { &raw const (*line).slots };
    let slot = slots.cast::<Slot>().wrapping_add(index as usize % SLOTS_PER_LINE);
    // SAFETY: the index is below the line's length; stores to it are whole words.
    Some(unsafe { read_volatile(slot) })
}

/// Notes that the base owner of a slot was used. At most one store a tick: the line is shared by all CPUs.
#[inline(always)]
pub fn stamp(line: u32, index: u32, now: u32) {
    let Some(line) = STAMPS.get_ptr_mut(line) else { return };
    // SAFETY: inside the value that `get_ptr_mut` returned.
    let stamps = unsafe { &raw mut (*line).stamps };
    let stamp = stamps.cast::<u32>().wrapping_add(index as usize % SLOTS_PER_LINE);
    // SAFETY: the index is below the line's length; a stamp is read and written in whole words.
    unsafe {
        if read_volatile(stamp) != now {
            trace::make(Effect::BaseSeen, || write_volatile(stamp, now));
        }
    }
}

/// Whether the filter's cell of a flow hash is set.
#[inline(always)]
pub fn is_filter_set(hash: u64) -> bool {
    // SAFETY: see `filter_cell`.
    filter_cell(hash).is_none_or(|cell| unsafe { read_volatile(cell) } != 0)
}

/// Sets the filter's cell of a flow hash. Stores once: the line is shared by all CPUs.
#[inline(always)]
pub fn set_filter(hash: u64) {
    let Some(cell) = filter_cell(hash) else { return };
    // SAFETY: see `filter_cell`.
    unsafe {
        if read_volatile(cell) == 0 {
            trace::make(Effect::FilterSet, || write_volatile(cell, 1));
        }
    }
}

/// A byte inside the map's value.
#[inline(always)]
fn filter_cell(hash: u64) -> Option<*mut u8> {
    Some(FILTER.get_ptr_mut(0)?.cast::<u8>().wrapping_add(Filter::cell_of(hash)))
}
