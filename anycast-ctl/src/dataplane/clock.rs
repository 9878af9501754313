//! The program's clock, read from here.

use anycast_common::clock::ticks;
use nix::time::{ClockId, clock_gettime};

/// Ticks since boot, as the program counts them: `bpf_ktime_get_coarse_ns` reads `CLOCK_MONOTONIC_COARSE`.
pub fn now_ticks() -> u32 {
    // The clock always exists (clock_gettime(2), Linux 2.6.32): only a pointer could be wrong.
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).map_or_else(|_| Default::default(), Into::into);
    let time: std::time::Duration = time;
    ticks(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
