//! XDP programs for tests and benchmarks; none of them is part of the dataplane.

#![no_std]
#![no_main]
#![expect(missing_docs, reason = "the xdp macro exports functions of its own, without documentation")]

use anycast_common::bench::Workload;
use aya_ebpf::{
    bindings::xdp_action,
    macros::{map, xdp},
    maps::{Array, ProgramArray},
    programs::XdpContext,
};

/// Program 0 is the one that [`workload`] runs.
#[map]
static UNDER_TEST: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// What [`workload`] makes each packet into.
#[map]
static WORKLOAD: Array<Workload> = Array::with_max_entries(1, 0);

/// Packets that [`workload`] has made.
#[map]
static MADE: Array<u64> = Array::with_max_entries(1, 0);

/// Passes everything. A veth takes frames sent by XDP only when its peer runs a program too.
#[xdp(frags)]
pub fn pass(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// The floor of deliveries: what the wrapper costs.
#[xdp(frags)]
pub fn floor_transmit(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_TX
}

/// The floor of passed packets.
#[xdp(frags)]
pub fn floor_pass(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// Makes the packet anew, the next flow's turn, and runs the program under test on it.
///
/// `BPF_PROG_TEST_RUN` resets nothing between repeats, so every header the program may have changed is written again.
#[xdp(frags)]
pub fn workload(ctx: XdpContext) -> u32 {
    if make(&ctx).is_some() {
        // SAFETY: the context is this run's own.
        unsafe { UNDER_TEST.tail_call(&ctx, 0) };
    }
    // A tail call that works does not return. The benchmark notices this verdict.
    xdp_action::XDP_ABORTED
}

#[inline(always)]
fn make(ctx: &XdpContext) -> Option<()> {
    let workload = WORKLOAD.get(0)?;
    let made = MADE.get_ptr_mut(0)?;
    // SAFETY: a value of the map; one CPU runs the benchmark.
    let number = unsafe {
        *made = (*made).wrapping_add(1);
        *made
    };
    for (index, word) in workload.template.iter().enumerate() {
        write(ctx, index * size_of::<u64>(), *word)?;
    }
    // An odd multiplier permutes the flows: visiting them in the order they were first seen in flatters caches.
    let flow = (number as u32).wrapping_mul(workload.multiplier) & workload.flow_mask;
    let source = workload.first_source.wrapping_add(flow >> 6);
    write(ctx, usize::from(workload.source_offset & 63), source.to_be())?;
    let port = 1024 + (flow & 63) as u16;
    write(ctx, usize::from(workload.port_offset & 63), port.to_be())
}

#[inline(always)]
fn write<T: Copy>(ctx: &XdpContext, offset: usize, value: T) -> Option<()> {
    let start = ctx.data() + offset;
    if start + size_of::<T>() > ctx.data_end() {
        return None;
    }
    // SAFETY: the value's bytes lie inside the packet, which this run alone owns.
    unsafe { (start as *mut T).write_unaligned(value) };
    Some(())
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The kernel only lets GPL-compatible programs call some helpers; this object is dual-licensed to be one.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
