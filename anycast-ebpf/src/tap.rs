//! Shows packets to whoever taps them. A packet is copied before the walk, which may change it; who sees it is decided
//! afterwards, when it is known what became of it. Nothing here waits, and nothing changes the packet.

mod limit;
mod maps;

use core::ptr::read_volatile;

use anycast_common::{
    tap::{Facts, Header, MAX_SNAP, MAX_TAPS, Side, Switch, Tap, TapCounts, matches},
    walk::Walk,
};
use aya_ebpf::{
    bindings::xdp_action,
    helpers::generated::{
        bpf_get_prandom_u32, bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_xdp_get_buff_len,
        bpf_xdp_load_bytes,
    },
    programs::XdpContext,
};

use self::maps::{COUNTS, Frame, Mark, RECORDS, SCRATCH, SWITCH, Scratch, TAPS};
use crate::{
    packet::Packet,
    steer::{LoadedKey, now},
    trace,
};

/// Copies a packet, if there is a tap that may show it.
#[inline(never)]
pub fn before(ctx: &XdpContext) {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU touches.
    let scratch = unsafe { &mut *scratch };
    let Some(switch) = SWITCH.get_ptr(0) else { return };
    // SAFETY: a word of the map; stores to it are whole words.
    let switch = Switch::from_word(unsafe { read_volatile(switch) });
    scratch.taps = switch.taps(now());
    if scratch.taps == 0 {
        return;
    }
    scratch.is_numbered = 0;
    scratch.facts = Facts::of_packet(&Packet::new(ctx));
    scratch.copied = copy(ctx, &mut scratch.before, switch.snap());
}

/// Shows it to the taps whose filters it passes.
#[inline(never)]
pub fn after(ctx: &XdpContext) {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else { return };
    // SAFETY: see `before`.
    let scratch = unsafe { &mut *scratch };
    if scratch.taps == 0 {
        return;
    }
    let Some(walk) = trace::WALK.get(0) else { return };
    let hash = if walk.has(Walk::SLOT) { walk.hash } else { scratch.facts.flow().flow.wide_hash(&LoadedKey) };
    scratch.facts = scratch.facts.with_walk(walk, hash);
    for number in 0..MAX_TAPS as u32 {
        if scratch.taps >> number & 1 != 0 {
            show(ctx, scratch, walk, number);
        }
    }
}

/// Shows a packet to one tap.
#[inline(never)]
fn show(ctx: &XdpContext, scratch: &mut Scratch, walk: &Walk, number: u32) {
    let (Some(tap), Some(counts)) = (TAPS.get(number), COUNTS.get_ptr_mut(number)) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    let counts = unsafe { &mut *counts };
    if !matches(&tap.filter, &scratch.facts) {
        return;
    }
    counts.matched += 1;
    if !is_sampled(tap, scratch) {
        counts.unsampled += 1;
        return;
    }
    if !limit::admits(number, tap.per_second) {
        counts.limited += 1;
        return;
    }
    number_packet(scratch);
    if tap.has(Tap::BEFORE) {
        let shown =
            Shown { tap, number, side: Side::Before, length: walk.frame_bytes, captured: scratch.copied };
        label(&mut scratch.before, walk, &scratch.mark, &shown);
        record(&scratch.before, counts);
    }
    let leaves = matches!(walk.verdict, xdp_action::XDP_TX | xdp_action::XDP_REDIRECT);
    if tap.has(Tap::AFTER) && leaves {
        let captured = copy(ctx, &mut scratch.after, tap.snap);
        let shown = Shown { tap, number, side: Side::After, length: walk.left_bytes, captured };
        label(&mut scratch.after, walk, &scratch.mark, &shown);
        record(&scratch.after, counts);
    }
}

/// One side of a packet, for one tap.
struct Shown<'a> {
    tap: &'a Tap,
    number: u32,
    side: Side,
    length: u32,
    captured: u32,
}

/// Writes what stands in front of a packet's bytes.
#[inline(always)]
fn label(frame: &mut Frame, walk: &Walk, mark: &Mark, shown: &Shown<'_>) {
    let &Shown { tap, number, side, length, captured } = shown;
    frame.header = Header {
        walk: *walk,
        monotonic_ns: mark.monotonic_ns,
        sequence: mark.sequence,
        captured: if captured < tap.snap { captured } else { tap.snap },
        length,
        generation: tap.generation,
        tap: number as u8,
        side: side as u8,
        reserved: [0; 2],
    };
}

/// Whether the tap shows the packet, or the flow, of those that pass its filter.
#[inline(always)]
fn is_sampled(tap: &Tap, scratch: &Scratch) -> bool {
    // The hash's low bits: the high ones chose the slot.
    let [_, hash] = scratch.facts.pair(3);
    // SAFETY: a helper without arguments.
    let point = if tap.has(Tap::BY_FLOW) { hash as u32 } else { unsafe { bpf_get_prandom_u32() } };
    (u64::from(point) * u64::from(tap.sample)) >> 32 == 0
}

/// Gives the packet its time and number, if no tap has shown it yet.
#[inline(always)]
fn number_packet(scratch: &mut Scratch) {
    if scratch.is_numbered != 0 {
        return;
    }
    scratch.is_numbered = 1;
    scratch.numbered += 1;
    // SAFETY: helpers without arguments.
    let (cpu, now) = unsafe { (bpf_get_smp_processor_id(), bpf_ktime_get_ns()) };
    scratch.mark.sequence = u64::from(cpu) << 48 | scratch.numbered & 0xffff_ffff_ffff;
    scratch.mark.monotonic_ns = now;
}

/// Copies the packet's first bytes, and says how many. There is at least one to copy.
#[inline(always)]
fn copy(ctx: &XdpContext, frame: &mut Frame, most: u32) -> u32 {
    // SAFETY: the context is this run's own.
    let length = unsafe { bpf_xdp_get_buff_len(ctx.ctx) } as u32;
    let wanted = bounded(if length < most { length } else { most });
    let bytes = (&raw mut frame.bytes).cast();
    // SAFETY: the buffer has room for as many bytes as `bounded` lets through.
    match unsafe { bpf_xdp_load_bytes(ctx.ctx, 0, bytes, wanted) } {
        0 => wanted,
        _ => 0,
    }
}

/// From 1 to [`MAX_SNAP`], in a way that the verifier follows.
#[inline(always)]
fn bounded(bytes: u32) -> u32 {
    (bytes.wrapping_sub(1) & (MAX_SNAP as u32 - 1)) + 1
}

/// Puts a packet into the ring buffer, if that has room.
#[inline(always)]
fn record(frame: &Frame, counts: &mut TapCounts) {
    let size = size_of::<Header>() + bounded(frame.header.captured) as usize;
    // SAFETY: the header and so many of the bytes behind it.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const *frame).cast::<u8>(), size) };
    match RECORDS.output::<[u8]>(bytes, 0) {
        Ok(()) => counts.shown += 1,
        Err(_) => counts.lost += 1,
    }
}
