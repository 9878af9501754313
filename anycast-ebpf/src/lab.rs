//! XDP programs for tests and benchmarks; none of them is part of the dataplane.

#![no_std]
#![no_main]
#![expect(missing_docs, reason = "the xdp macro exports functions of its own, without documentation")]

mod object;

use anycast_common::{
    bench::{GENERATED_V4, GENERATED_V6, MAX_OFFSET, Workload},
    checksum,
};
use aya_ebpf::{
    bindings::xdp_action,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len},
    macros::{map, xdp},
    maps::{Array, PerCpuArray, ProgramArray},
    programs::XdpContext,
};

/// Source port of the template and of the first flow.
const FIRST_PORT: u16 = 1024;

/// Program 0 is the one that [`workload`] runs.
#[map]
static UNDER_TEST: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// What [`workload`] and [`flood`] make each packet into.
#[map]
static WORKLOAD: Array<Workload> = Array::with_max_entries(1, 0);

/// Packets that [`workload`] and [`flood`] have made.
#[map]
static MADE: Array<u64> = Array::with_max_entries(1, 0);

/// Generated packets that [`sink`] swallowed.
#[map]
static SUNK: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

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

/// The floor of tunnels: what the wrapper costs, and the helper that makes room for outer headers.
#[xdp(frags)]
pub fn floor_grow(ctx: XdpContext) -> u32 {
    let grown = || move_head(&ctx, -(WORKLOAD.get(0)?.growth as i32));
    if grown().is_some() { xdp_action::XDP_TX } else { xdp_action::XDP_ABORTED }
}

/// The floor of a delivery on a real path: the frame goes back with its addresses swapped.
#[xdp(frags)]
pub fn floor_l2(ctx: XdpContext) -> u32 {
    let swapped = || {
        let [destination, source]: [[u8; 6]; 2] = read(&ctx, 0)?;
        write(&ctx, 0, [source, destination])
    };
    if swapped().is_some() { xdp_action::XDP_TX } else { xdp_action::XDP_ABORTED }
}

/// Sends packets on, as live frames, out of the interface they claim to have come in by: the next flow's turn, its
/// checksums right.
///
/// The kernel reuses a frame's page as the receiver left it, so every header is written again.
#[xdp(frags)]
pub fn flood(ctx: XdpContext) -> u32 {
    if make(&ctx).and_then(|made| seal(&ctx, &made)).is_some() {
        xdp_action::XDP_TX
    } else {
        xdp_action::XDP_ABORTED
    }
}

/// Swallows and counts generated packets, and passes all others: a flood must not melt what lies behind the edge.
#[xdp(frags)]
pub fn sink(ctx: XdpContext) -> u32 {
    if !is_generated(&ctx).unwrap_or(false) {
        return xdp_action::XDP_PASS;
    }
    if let Some(sunk) = SUNK.get_ptr_mut(0) {
        // SAFETY: this CPU's own value of the map.
        unsafe { *sunk += 1 };
    }
    xdp_action::XDP_DROP
}

#[inline(always)]
fn is_generated(ctx: &XdpContext) -> Option<bool> {
    Some(match u16::from_be_bytes(read(ctx, 12)?) {
        0x0800 => read::<u8>(ctx, 26)? == GENERATED_V4,
        0x86dd => read::<[u8; 6]>(ctx, 22)? == GENERATED_V6,
        _ => false,
    })
}

/// Makes the packet anew, the next flow's turn, and runs the program under test on it.
///
/// `BPF_PROG_TEST_RUN` resets nothing between repeats, so outer headers are taken off again, and every header the program may
/// have changed is written again.
#[xdp(frags)]
pub fn workload(ctx: XdpContext) -> u32 {
    if shrink(&ctx).and_then(|()| make(&ctx)).is_some() {
        // SAFETY: the context is this run's own.
        unsafe { UNDER_TEST.tail_call(&ctx, 0) };
    }
    // A tail call that works does not return. The benchmark notices this verdict.
    xdp_action::XDP_ABORTED
}

/// Takes off what the last run put in front.
#[inline(always)]
fn shrink(ctx: &XdpContext) -> Option<()> {
    // SAFETY: the context is this run's own.
    let length = unsafe { bpf_xdp_get_buff_len(ctx.ctx) };
    let growth = length as i32 - WORKLOAD.get(0)?.length as i32;
    if growth == 0 { Some(()) } else { move_head(ctx, growth) }
}

/// Moves the packet's start, towards its end for positive numbers of bytes.
#[inline(always)]
fn move_head(ctx: &XdpContext, bytes: i32) -> Option<()> {
    // SAFETY: the context is this run's own, and no pointer into the packet is kept.
    (unsafe { bpf_xdp_adjust_head(ctx.ctx, bytes) } == 0).then_some(())
}

/// The flow a packet was made for.
struct Made {
    workload: &'static Workload,
    source: u32,
    port: u16,
}

#[inline(always)]
fn make(ctx: &XdpContext) -> Option<Made> {
    let workload = WORKLOAD.get(0)?;
    let made = MADE.get_ptr_mut(0)?;
    // SAFETY: a value of the map; one CPU runs the benchmark.
    let number = unsafe {
        *made = (*made).wrapping_add(1);
        *made
    };
    for (index, word) in workload.template.iter().enumerate() {
        // Behind the headers of a short packet the template is payload.
        if write(ctx, index * size_of::<u64>(), *word).is_none() {
            break;
        }
    }
    // An odd multiplier permutes the flows: visiting them in the order they were first seen in flatters caches.
    let flow = (number as u32).wrapping_mul(workload.multiplier) & workload.flow_mask;
    let source = workload.first_source.wrapping_add(flow >> 6);
    write(ctx, usize::from(workload.source_offset % MAX_OFFSET), source.to_be())?;
    let port = FIRST_PORT + (flow & 63) as u16;
    write(ctx, usize::from(workload.port_offset % MAX_OFFSET), port.to_be())?;
    Some(Made { workload, source, port })
}

/// Brings the template's checksums up to date: the IPv4 header's, and that of TCP.
#[inline(always)]
fn seal(ctx: &XdpContext, made: &Made) -> Option<()> {
    let halves = |word: u32| [(word >> 16) as u16, word as u16];
    let update = |sum: u16, old: u32, new: u32| {
        let ([old_high, old_low], [new_high, new_low]) = (halves(old), halves(new));
        checksum::update(checksum::update(sum, old_high, new_high), old_low, new_low)
    };
    let Made { workload, source, port } = *made;
    let tcp = usize::from(workload.port_offset % MAX_OFFSET) + 16;
    let sum = update(u16::from_be_bytes(read(ctx, tcp)?), workload.first_source, source);
    write(ctx, tcp, checksum::update(sum, FIRST_PORT, port).to_be())?;
    if u16::from_be_bytes(read(ctx, 12)?) == 0x0800 {
        let sum = update(u16::from_be_bytes(read(ctx, 24)?), workload.first_source, source);
        write(ctx, 24, sum.to_be())?;
    }
    Some(())
}

#[inline(always)]
fn read<T: Copy>(ctx: &XdpContext, offset: usize) -> Option<T> {
    let start = ctx.data() + offset;
    if start + size_of::<T>() > ctx.data_end() {
        return None;
    }
    // SAFETY: the value's bytes lie inside the packet, and callers read integers and arrays of bytes only.
    Some(unsafe { (start as *const T).read_unaligned() })
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
