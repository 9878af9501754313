//! One packet changes exactly one outcome: the traffic of its (VIP, backend) pair, or a reason. Details are counted beside it.

use anycast_common::{
    counter::{detail_counter, reason_counter},
    detail::Detail,
    directory::Vip,
    parse::Ip,
};

use crate::{
    maps::{DETAILS, REASONS, TRAFFIC},
    steer::Target,
    trace,
    walk::Refusal,
};

/// Counts a delivered packet.
#[inline(always)]
pub fn delivered<H>(vip: &Vip, ip: &Ip<H>, target: &Target) {
    trace::note(|walk| {
        walk.packet_bytes = ip.length as u32;
        walk.opens_flow = u8::from(target.opens_flow);
    });
    if trace::is_dry() {
        return;
    }
    let Some(traffic) = TRAFFIC.get_ptr_mut(target.way.first_counter() + vip.ordinal) else { return };
    // SAFETY: a per-CPU value of this map, which only this run on this CPU writes.
    let traffic = unsafe { &mut *traffic };
    traffic.packets += 1;
    traffic.bytes += ip.length as u64;
    traffic.new_flows += u64::from(target.opens_flow);
}

/// Counts a packet that was not delivered.
#[inline(always)]
pub fn refused(refusal: Refusal) {
    trace::note(|walk| walk.reason = refusal.reason.code());
    if trace::is_dry() {
        return;
    }
    let Some(packets) = REASONS.get_ptr_mut(reason_counter(refusal.vip, refusal.reason.code())) else {
        return;
    };
    // SAFETY: as above.
    unsafe { *packets += 1 };
}

/// Counts a detail of a packet, whatever becomes of it.
#[inline(always)]
pub fn detail(vip: &Vip, detail: Detail) {
    trace::note(|walk| walk.details |= 1 << detail.code());
    if trace::is_dry() {
        return;
    }
    let Some(packets) = DETAILS.get_ptr_mut(detail_counter(vip.number, detail.code())) else { return };
    // SAFETY: as above.
    unsafe { *packets += 1 };
}
