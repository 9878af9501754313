//! The packet walk: from the frame to its verdict.

use anycast_common::{
    directory::{Directory, Vip},
    lookups::Lookups,
    parse::{self, Ip, IpHeader, Link, Upper},
    reason::{Reason, Verdict},
    walk::Walk,
};
use aya_ebpf::{bindings::xdp_action, programs::XdpContext};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::{
    apart, count,
    deliver::{self, Departure},
    empty, fragment, log, maps,
    packet::Packet,
    steer::{self, Target},
    trace, vip,
};

/// Turns the outcome of the walk into a verdict: what is not ours passes, what is ours and bad is dropped.
#[inline(always)]
pub fn verdict(ctx: &XdpContext) -> u32 {
    trace::begin(ctx);
    let verdict = match walk(ctx) {
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
    };
    trace::end(ctx, verdict);
    verdict
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
    trace::note(|walk| {
        (walk.vip, walk.pool) = (vip.number, vip.pool);
        walk.reached |= Walk::VIP;
    });
    let refuse = |reason| Refusal { vip: vip.number, reason };

    let upper = parse::upper(packet, &ip).map_err(refuse)?;
    let target = target(packet, &ip, &upper, lookups, directory, vip).map_err(refuse)?;
    trace::note(|walk| {
        let (way, manner) = (&target.way, target.way.manner());
        (walk.backend, walk.generation) = (way.index(), way.generation());
        (walk.mtu, walk.delivery) = (manner.mtu(), manner.delivery());
        walk.reached |= Walk::BACKEND;
    });
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
