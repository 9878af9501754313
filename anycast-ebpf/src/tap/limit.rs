//! How many packets a tap shows in a second.

use core::ptr::{read_volatile, write_volatile};

use aya_ebpf::helpers::generated::bpf_ktime_get_coarse_ns;

use super::maps::WINDOWS;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Whether one more may be shown in this second.
///
/// CPUs share the count without a lock: when two of them begin a second together, a few packets more are shown. What is over the
/// limit writes nothing, so that a flood leaves the line where it is.
#[inline(always)]
pub fn admits(number: u32, per_second: u32) -> bool {
    if per_second == 0 {
        return true;
    }
    let Some(window) = WINDOWS.get_ptr_mut(number) else { return false };
    // SAFETY: a helper without arguments.
    let second = (unsafe { bpf_ktime_get_coarse_ns() } / NS_PER_SECOND) as u32;
    // SAFETY: a value of the map, which other CPUs change in whole words.
    unsafe {
        if read_volatile(&raw const (*window).second) != second {
            write_volatile(&raw mut (*window).second, second);
            write_volatile(&raw mut (*window).packets, 0);
        }
        let packets = read_volatile(&raw const (*window).packets);
        if packets >= per_second {
            return false;
        }
        write_volatile(&raw mut (*window).packets, packets + 1);
    }
    true
}
