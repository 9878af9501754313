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
mod packet;
mod steer;
mod vip;

use anycast_common::{
    directory::{Directory, Vip},
    lookups::Lookups,
    parse::{self, Ip, IpHeader, Link, Upper},
    reason::{Reason, Verdict},
};
use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::{deliver::Departure, packet::Packet, steer::Target};

/// Entry point for kernels that hand over packets in several buffers: Linux 5.18.
#[xdp(frags)]
pub fn anycast(ctx: XdpContext) -> u32 {
    verdict(&ctx)
}

/// Entry point for older ones, on which an interface's MTU is bound by the size of a page.
#[xdp]
pub fn anycast_linear(ctx: XdpContext) -> u32 {
    verdict(&ctx)
}

/// Turns the outcome of the walk into a verdict: what is not ours passes, what is ours and bad is dropped.
#[inline(always)]
fn verdict(ctx: &XdpContext) -> u32 {
    match walk(ctx) {
        Ok(Departure::Transmit) => xdp_action::XDP_TX,
        Ok(Departure::Redirect) => xdp_action::XDP_REDIRECT,
        Ok(Departure::Local) => xdp_action::XDP_PASS,
        Err(refusal) => {
            let refusal = empty::judge(ctx, refusal);
            count::refused(refusal);
            log::refused(ctx, refusal);
            match refusal.reason.verdict() {
                Verdict::Pass => xdp_action::XDP_PASS,
                Verdict::Drop => xdp_action::XDP_DROP,
                Verdict::Answer => xdp_action::XDP_TX,
            }
        }
    }
}

/// Is it IP, and which?
#[inline(always)]
fn walk(ctx: &XdpContext) -> Result<Departure, Refusal> {
    let packet = Packet::new(ctx);
    let Link { length, ether_type } = parse::link(&packet)?;
    if ether_type == Ipv4Hdr::ETHER_TYPE {
        walk_ip::<Ipv4Hdr>(&packet, length)
    } else if ether_type == Ipv6Hdr::ETHER_TYPE {
        walk_ip::<Ipv6Hdr>(&packet, length)
    } else {
        Err(Reason::NotIp.into())
    }
}

/// The packet walk. Nothing is written to the packet before its delivery, or the answer to it, is certain.
#[inline(always)]
fn walk_ip<H: IpHeader>(packet: &Packet<'_>, offset: usize) -> Result<Departure, Refusal> {
    let ip = H::parse(packet, offset)?;
    let lookups = maps::lookups().ok_or(Reason::NotVip)?;
    let directory = vip::directory(lookups);
    let vip = vip::find(directory, &ip)?;
    let refuse = |reason| Refusal { vip: vip.number, reason };

    let upper = parse::upper(packet, &ip).map_err(refuse)?;
    let target = target(packet, &ip, &upper, lookups, directory, vip).map_err(refuse)?;
    let departure = deliver::deliver(packet, &ip, vip, &target).map_err(refuse)?;
    count::delivered(vip, &ip, &target);
    Ok(departure)
}

/// Which backend? A fragment without ports follows the one that has them, an ICMP error the flow it is about.
#[inline(always)]
fn target<H: IpHeader>(
    packet: &Packet<'_>,
    ip: &Ip<H>,
    upper: &Upper,
    lookups: &Lookups,
    directory: &Directory,
    vip: &Vip,
) -> Result<Target, Reason> {
    if upper.is_later_fragment() || upper.protocol == H::ICMP {
        return apart::target::<H>(packet, ip.offset, lookups, directory, vip);
    }
    let transport = parse::transport(packet, ip, upper, vip)?;
    vip::check_service(directory, vip, &transport.flow)?;
    let target = steer::backend(lookups, vip, &transport)?;
    if upper.fragment != 0 {
        fragment::remember(packet, ip, upper, vip, &target);
    }
    Ok(target)
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
