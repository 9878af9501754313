//! Nothing is noted: the program that packets meet. What is here costs no instruction.

use anycast_common::walk::{Effect, Walk};
use aya_ebpf::programs::XdpContext;

/// Begins with a packet.
#[inline(always)]
pub fn begin(_ctx: &XdpContext) {}

/// Ends with it.
#[inline(always)]
pub fn end(_ctx: &XdpContext, _verdict: u32) {}

/// Notes a step.
#[inline(always)]
pub fn note(_step: impl FnOnce(&mut Walk)) {}

/// Makes a change of the maps.
#[inline(always)]
pub fn make(_effect: Effect, change: impl FnOnce()) {
    change();
}

/// Whether counters are to be left alone.
#[inline(always)]
pub fn is_dry() -> bool {
    false
}
