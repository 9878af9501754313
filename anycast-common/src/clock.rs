//! Coarse time: what stamps in maps are measured in.

/// A tick is 2^30 ns, 1.07 s: the program gets it from the kernel's coarse monotonic clock by a shift.
pub const TICK_SHIFT: u32 = 30;

/// Ticks since boot, modulo 2^32: 146 years.
#[inline(always)]
pub const fn ticks(monotonic_ns: u64) -> u32 {
    (monotonic_ns >> TICK_SHIFT) as u32
}

/// The least number of ticks that is not shorter than `seconds`.
pub const fn ticks_at_least(seconds: u32) -> u32 {
    ((seconds as u64 * 1_000_000_000).div_ceil(1 << TICK_SHIFT)) as u32
}

/// The least number a tick that comes to at least `per_second` a second.
pub const fn per_tick(per_second: u32) -> u32 {
    let number = ((per_second as u64) << TICK_SHIFT).div_ceil(1_000_000_000);
    if number > u32::MAX as u64 { u32::MAX } else { number as u32 }
}

/// Ticks from `then` to `now`; 0 when `then` lies ahead, as a stamp of another CPU may by one.
#[inline(always)]
pub const fn since(then: u32, now: u32) -> u32 {
    let elapsed = now.wrapping_sub(then);
    if elapsed > u32::MAX / 2 { 0 } else { elapsed }
}
