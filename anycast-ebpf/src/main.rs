//! The XDP program: every packet that arrives on an attached interface walks through [`walk`], once.

#![no_std]
#![no_main]
#![expect(missing_docs, reason = "the xdp macro exports a function of its own, without documentation")]

mod count;
mod deliver;
mod log;
mod maps;
mod packet;
mod parse;
mod steer;
mod vip;

use anycast_common::reason::{Reason, Verdict};
use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};

use network_types::{
    eth::EtherType,
    ip::{Ipv4Hdr, Ipv6Hdr},
};

use crate::{
    deliver::Delivery,
    packet::Packet,
    parse::{IpHeader, Link},
};

/// Entry point. Turns the outcome of the walk into a verdict: what is not ours passes, what is ours and bad is dropped.
#[xdp(frags)]
pub fn anycast(ctx: XdpContext) -> u32 {
    match walk(&ctx) {
        Ok(Delivery::Transmit) => xdp_action::XDP_TX,
        Ok(Delivery::Redirect) => xdp_action::XDP_REDIRECT,
        Err(refusal) => {
            count::refused(refusal);
            log::refused(&ctx, refusal);
            match refusal.reason.verdict() {
                Verdict::Pass => xdp_action::XDP_PASS,
                Verdict::Drop => xdp_action::XDP_DROP,
            }
        }
    }
}

/// Is it IP, and which?
#[inline(always)]
fn walk(ctx: &XdpContext) -> Result<Delivery, Refusal> {
    let packet = Packet::new(ctx);
    let Link { length, ether_type } = parse::link(&packet)?;
    if ether_type == EtherType::Ipv4 as u16 {
        walk_ip::<Ipv4Hdr>(&packet, length)
    } else if ether_type == EtherType::Ipv6 as u16 {
        walk_ip::<Ipv6Hdr>(&packet, length)
    } else {
        Err(Reason::NotIp.into())
    }
}

/// The packet walk. Nothing is written to the packet before its delivery is certain.
#[inline(always)]
fn walk_ip<H: IpHeader>(packet: &Packet<'_>, offset: usize) -> Result<Delivery, Refusal> {
    let ip = H::parse(packet, offset)?;
    let directory = vip::directory()?;
    let vip = vip::find(directory, &ip)?;
    let refuse = |reason| Refusal { vip: vip.number, reason };

    let transport = parse::transport(packet, &ip, vip).map_err(refuse)?;
    vip::check_service(directory, vip, &transport.flow).map_err(refuse)?;

    let target = steer::backend(vip, &transport).map_err(refuse)?;
    let delivery = deliver::l2(packet, &ip, &target.backend).map_err(refuse)?;
    count::delivered(vip, &ip, &transport, &target);
    Ok(delivery)
}

/// A packet that is not delivered: the VIP it was for, 0 if none, and why.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// Number of the VIP.
    pub vip: u16,
    /// Why.
    pub reason: Reason,
}

impl From<Reason> for Refusal {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        Self { vip: 0, reason }
    }
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The kernel only lets GPL-compatible programs call some helpers; this object is dual-licensed to be one.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
