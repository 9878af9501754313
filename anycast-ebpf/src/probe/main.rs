//! The program on the way out of `lo`: health checks are sockets that connect to a VIP's address; each packet of theirs goes to
//! the one backend that the socket's mark names, the way the program that steers would deliver it.
//!
//! ```text
//!  frame ─► mark ─► backend ─► fits the way? ─► l2, ipip or gue ─► bpf_redirect
//!            │         │             │                 │
//!          not ours  no_target    too_big           failed
//!          local
//! ```
//!
//! What is not marked so costs one compare and goes on, to whatever other programs there are.

#![no_std]
#![no_main]

mod deliver;
mod maps;
#[path = "../object.rs"]
mod object;
#[path = "../deliver/outer.rs"]
mod outer;
mod packet;

use core::ffi::c_void;

use anycast_common::{
    parse::{self, IpHeader},
    probe::{Outcome, THIS_HOST, Verdict, backend_of, magic_of},
};
use aya_ebpf::{
    Global,
    bindings::{TC_ACT_REDIRECT, TC_ACT_SHOT, TC_ACT_UNSPEC},
    programs::TcContext,
};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::packet::Packet;

/// Whose marks are meant: the upper half of them. Set by the controller when it loads the program.
#[unsafe(no_mangle)]
static MAGIC: Global<u16> = Global::new(0);

/// Entry point, by hand: with the `*mut __sk_buff` of aya's macro the object would describe that type, which points to two types
/// that are only declared, and those come in another order each time.
#[unsafe(no_mangle)]
#[unsafe(link_section = "classifier")]
extern "C" fn probe(context: *mut c_void) -> i32 {
    let ctx = TcContext::new(context.cast());
    let packet = Packet::new(&ctx);
    let mark = packet.mark();
    if magic_of(mark) != MAGIC.load() {
        return TC_ACT_UNSPEC;
    }
    let (Ok(outcome) | Err(outcome)) = walk(&packet, mark);
    maps::count(outcome);
    match outcome.verdict() {
        Verdict::Redirect => TC_ACT_REDIRECT,
        Verdict::Pass => TC_ACT_UNSPEC,
        Verdict::Drop => TC_ACT_SHOT,
    }
}

/// What is marked never takes another way than its backend's: at another site the VIP has other backends.
#[inline(always)]
fn walk(packet: &Packet<'_>, mark: u32) -> Result<Outcome, Outcome> {
    if backend_of(mark) == THIS_HOST {
        return Ok(Outcome::Local);
    }
    let probe = maps::find(mark).ok_or(Outcome::NoTarget)?;
    let link = parse::link(packet).map_err(|_| Outcome::Failed)?;
    if link.ether_type == Ipv4Hdr::ETHER_TYPE {
        deliver::deliver::<Ipv4Hdr>(packet, probe)
    } else if link.ether_type == Ipv6Hdr::ETHER_TYPE {
        deliver::deliver::<Ipv6Hdr>(packet, probe)
    } else {
        Err(Outcome::Failed)
    }
}
