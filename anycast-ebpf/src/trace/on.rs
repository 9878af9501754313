//! Every step is noted, in this CPU's [`Walk`].

use anycast_common::walk::{Effect, Walk};
use aya_ebpf::{
    Global, helpers::generated::bpf_xdp_get_buff_len, macros::map, maps::PerCpuArray, programs::XdpContext,
};

use crate::maps;

/// The walk of the packet that this CPU has in hand, or had last.
///
/// Writer: the program
/// Reader: the controller
#[map]
pub static WALK: PerCpuArray<Walk> = PerCpuArray::with_max_entries(1, 0);

/// 1: no map but [`WALK`] is written, and what would be is noted. Set by the controller when it loads the program, before
/// the kernel freezes it: the verifier drops what follows such a write's condition, so that the program has none.
#[unsafe(no_mangle)]
static DRY: Global<u32> = Global::new(0);

/// Begins with a packet.
#[inline(always)]
pub fn begin(ctx: &XdpContext) {
    note(|walk| {
        *walk = Walk {
            ingress_ifindex: ctx.ingress_ifindex() as u32,
            frame_bytes: length(ctx),
            ..Walk::default()
        };
    });
}

/// Ends with it.
#[inline(always)]
pub fn end(ctx: &XdpContext, verdict: u32) {
    note(|walk| {
        walk.verdict = verdict;
        walk.left_bytes = length(ctx);
    });
}

/// Notes a step.
#[inline(always)]
pub fn note(step: impl FnOnce(&mut Walk)) {
    let Some(walk) = WALK.get_ptr_mut(0) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU touches.
    step(unsafe { &mut *walk });
}

/// Makes a change of the maps, unless no map is written, and notes it. In this order: what the change is made of need not
/// be kept on the stack while it is noted.
#[inline(always)]
pub fn make(effect: Effect, change: impl FnOnce()) {
    if !is_dry() {
        change();
    }
    note(|walk| walk.effects |= effect.bit());
}

/// Whether counters are to be left alone.
#[inline(always)]
pub fn is_dry() -> bool {
    DRY.load() != 0
}

/// Bytes of the frame.
#[inline(always)]
fn length(ctx: &XdpContext) -> u32 {
    if maps::multi_buffer() {
        // SAFETY: the context is this run's own.
        unsafe { bpf_xdp_get_buff_len(ctx.ctx) as u32 }
    } else {
        (ctx.data_end() - ctx.data()) as u32
    }
}
