//! The backend's end of a tunnel, as an XDP program: takes the outer headers off what the edge hosts send, and hands the packet
//! inside to this host's stack. `docs/backends.md` is the reference.

#![no_std]
#![no_main]
#![expect(missing_docs, reason = "the xdp macro exports functions of its own, without documentation")]

mod inner;
mod maps;
#[path = "../object.rs"]
mod object;
mod outer;
#[path = "../packet.rs"]
#[expect(dead_code, reason = "shared with the program that steers, which needs more of it")]
mod packet;
mod strip;
mod tunnel;

use anycast_common::{
    ecn,
    packet::PacketBytes,
    parse,
    receive::{Outcome, Verdict},
};
use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};

use crate::{packet::Packet, tunnel::Tunnel};

/// Entry point.
#[xdp(frags)]
pub fn receive(ctx: XdpContext) -> u32 {
    verdict(&ctx, |packet, length| packet.has_length(length))
}

/// Entry point for kernels before 5.18, which have no packets in several buffers and refuse a program that asks for them.
#[xdp]
pub fn receive_linear(ctx: XdpContext) -> u32 {
    verdict(&ctx, |_, length| ctx.data_end() - ctx.data() >= length)
}

/// Turns the outcome of the walk into a verdict: what is no tunnel passes, a bad tunnel packet is dropped.
#[inline(always)]
fn verdict(ctx: &XdpContext, has_length: impl Fn(&Packet<'_>, usize) -> bool) -> u32 {
    let (Ok(outcome) | Err(outcome)) = walk(ctx, has_length);
    maps::count(outcome);
    match outcome.verdict() {
        Verdict::Pass | Verdict::Decapsulate => xdp_action::XDP_PASS,
        Verdict::Drop => xdp_action::XDP_DROP,
    }
}

/// The packet walk. Nothing is written to the packet before it is certain that it ends a tunnel here.
#[inline(always)]
fn walk(ctx: &XdpContext, has_length: impl Fn(&Packet<'_>, usize) -> bool) -> Result<Outcome, Outcome> {
    let packet = Packet::new(ctx);
    let link = parse::link(&packet).map_err(|_| Outcome::NotIp)?;
    let outer = outer::parse(&packet, &link)?;
    let tunnel = tunnel::find(&packet, &outer)?;

    if !maps::is_sender(&outer.source) {
        maps::note_stranger(&outer.source);
        return Err(Outcome::UnknownSender);
    }
    if outer.is_fragment {
        return Err(Outcome::Fragment);
    }
    if !outer.is_consistent() || !has_length(&packet, outer.end) {
        return Err(Outcome::BadOuter);
    }
    let Tunnel { payload, version, outcome } = tunnel::open(&packet, &outer, tunnel)?;
    let inner = inner::parse(&packet, payload, version)?;
    let ecn = ecn::decapsulate(inner.ecn(), outer.ecn).ok_or(Outcome::Congestion)?;

    strip::strip(ctx, &packet, &link, &inner, ecn).map_err(|_| Outcome::NotRemoved)?;
    Ok(outcome)
}
