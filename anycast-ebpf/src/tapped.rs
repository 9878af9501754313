//! The XDP program once more, which also shows packets to whoever taps them: it takes the program's place on the interfaces while
//! somebody does. The same modules, the same maps.

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
mod tap;
#[path = "trace/on.rs"]
mod trace;
mod vip;
mod walk;

use aya_ebpf::{macros::xdp, programs::XdpContext};

/// Entry point. Linux 5.18, for packets in several buffers and for copies of any part of them.
#[xdp(frags)]
pub fn anycast(ctx: XdpContext) -> u32 {
    tap::before(&ctx);
    let verdict = walk::verdict(&ctx);
    tap::after(&ctx);
    verdict
}
