//! One packet changes exactly one outcome: the traffic of its (VIP, backend) pair, or a reason.

use anycast_common::{
    counter::reason_counter,
    directory::Vip,
    steer::{Kind, Why},
};

use crate::{
    Refusal,
    maps::{REASONS, TRAFFIC},
    parse::{Ip, IpHeader, Transport},
    steer::Target,
};

/// Counts a delivered packet.
#[inline(always)]
pub fn delivered<H: IpHeader>(vip: &Vip, ip: &Ip<H>, transport: &Transport, target: &Target) {
    let Some(traffic) = TRAFFIC.get_ptr_mut(target.backend.first_counter + vip.ordinal) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    let traffic = unsafe { &mut *traffic };
    traffic.packets += 1;
    traffic.bytes += ip.length as u64;
    if transport.kind == Kind::Opens || target.why == Why::Opened {
        traffic.new_flows += 1;
    }
}

/// Counts a packet that was not delivered.
#[inline(always)]
pub fn refused(refusal: Refusal) {
    let Some(packets) = REASONS.get_ptr_mut(reason_counter(refusal.vip, refusal.reason.code())) else {
        return;
    };
    // SAFETY: as above.
    unsafe { *packets += 1 };
}
