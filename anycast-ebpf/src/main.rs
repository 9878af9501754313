//! The XDP program: every packet that arrives on an attached interface walks through [`walk`], once.

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
#[path = "trace/off.rs"]
mod trace;
mod vip;
mod walk;

use aya_ebpf::{macros::xdp, programs::XdpContext};

/// Entry point for kernels that hand over packets in several buffers: Linux 5.18.
#[xdp(frags)]
pub fn anycast(ctx: XdpContext) -> u32 {
    walk::verdict(&ctx)
}

/// Entry point for older ones, on which an interface's MTU is bound by the size of a page.
#[xdp]
pub fn anycast_linear(ctx: XdpContext) -> u32 {
    walk::verdict(&ctx)
}
