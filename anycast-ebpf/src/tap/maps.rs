//! What taps are told, and where they show packets. These maps go with the process that loaded the program.

use anycast_common::tap::{Facts, Header, MAX_SNAP, MAX_TAPS, RING_BYTES, Tap, TapCounts, Window};
use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, PerCpuArray, RingBuf},
};

/// Which taps are on: a word of [`anycast_common::tap::Switch`].
///
/// Writer: the controller, every second
/// Reader: the program
#[map(name = "TAP_SWITCH")]
pub static SWITCH: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// What each of them shows.
///
/// Writer: the controller, while the tap is off and after a grace period
/// Reader: the program
#[map]
pub static TAPS: Array<Tap> = Array::with_max_entries(MAX_TAPS as u32, BPF_F_MMAPABLE);

/// What each of them showed in this second.
///
/// Writer: the program
/// Reader: the program
#[map(name = "TAP_WINDOWS")]
pub static WINDOWS: Array<Window> = Array::with_max_entries(MAX_TAPS as u32, 0);

/// What became of packets at each of them.
///
/// Writer: the program
/// Reader: the controller
#[map(name = "TAP_COUNTS")]
pub static COUNTS: PerCpuArray<TapCounts> = PerCpuArray::with_max_entries(MAX_TAPS as u32, 0);

/// Packets, each a [`Header`] and the packet's first bytes.
///
/// Writer: the program; a record that finds no room is counted and gone
/// Reader: the controller
#[map(name = "TAP_RECORDS")]
pub static RECORDS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// The packet that this CPU has in hand.
///
/// Writer: the program
/// Reader: the program
#[map(name = "TAP_SCRATCH")]
pub static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// A packet that may be shown.
#[repr(C)]
pub struct Scratch {
    /// What filters can ask.
    pub facts: Facts,
    /// Its time and number.
    pub mark: Mark,
    /// Packets of this CPU that got a number.
    pub numbered: u64,
    /// Bit `n`: tap `n` is on.
    pub taps: u32,
    /// Bytes of it that were copied as it came.
    pub copied: u32,
    /// Whether it has its number: 1 or 0.
    pub is_numbered: u64,
    /// As it came.
    pub before: Frame,
    /// As it leaves.
    pub after: Frame,
}

/// What both sides of a packet share.
#[repr(C)]
pub struct Mark {
    /// When it was shown: `CLOCK_MONOTONIC`.
    pub monotonic_ns: u64,
    /// See [`Header::sequence`].
    pub sequence: u64,
}

/// A record, as it goes into the ring buffer.
#[repr(C)]
pub struct Frame {
    /// In front of the bytes.
    pub header: Header,
    /// The packet's first bytes.
    pub bytes: [u8; MAX_SNAP],
}
