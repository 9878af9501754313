//! The XDP program once more, which notes each step of a packet's walk: what `explain` asks. The same modules, the same maps.

#![no_std]
#![no_main]
#![expect(missing_docs, reason = "the xdp macro exports functions of its own, without documentation")]

mod apart;
mod backend;
mod count;
mod deliver;
mod empty;
mod fragment;
mod icmp;
mod log;
mod maps;
mod object;
mod packet;
mod steer;
#[path = "trace/on.rs"]
mod trace;
mod vip;
mod walk;

use aya_ebpf::{macros::xdp, programs::XdpContext};

/// Entry point for kernels that hand over packets in several buffers: Linux 5.18.
#[xdp(frags)]
pub fn anycast(ctx: XdpContext) -> u32 {
    walk::verdict(&ctx)
}

/// Entry point for older ones.
#[xdp]
pub fn anycast_linear(ctx: XdpContext) -> u32 {
    walk::verdict(&ctx)
}
