//! Is the destination a VIP, and does the VIP serve that port?

use core::ptr::read_volatile;

use anycast_common::{
    directory::{Directory, Vip},
    flow::Flow,
    lookups::Lookups,
    parse::{Ip, protocol},
    reason::Reason,
};

/// The VIPs and services in use. Taken once, so that a packet is judged by one directory from end to end.
#[inline(always)]
pub fn directory(lookups: &Lookups) -> &Directory {
    // SAFETY: a word of the map, which the controller stores whole.
    let active = unsafe { read_volatile(&raw const lookups.active_directory) };
    let [first, _] = &lookups.directories;
    // By arithmetic: the verifier would walk all that follows once for each branch.
    // SAFETY: one of the two.
    unsafe { &*(&raw const *first).wrapping_add(active as usize & 1) }
}

/// The VIP a packet is addressed to.
#[inline(always)]
pub fn find<'a, H>(directory: &'a Directory, ip: &Ip<H>) -> Result<&'a Vip, Reason> {
    directory.vip(&ip.destination).ok_or(Reason::NotVip)
}

/// Whether the VIP serves that protocol and port; if not, what it wants done.
#[inline(always)]
pub fn check_service(directory: &Directory, vip: &Vip, flow: &Flow) -> Result<(), Reason> {
    if directory.has_service(vip.number, flow.protocol, flow.destination_port) {
        Ok(())
    } else {
        unknown_port(vip)
    }
}

/// Whether the VIP serves any port of that protocol; for packets without ports.
#[inline(always)]
pub fn check_protocol(vip: &Vip, protocol: u8) -> Result<(), Reason> {
    let flag = match protocol {
        protocol::TCP => Vip::SERVES_TCP,
        protocol::UDP => Vip::SERVES_UDP,
        _ => 0,
    };
    if vip.flags & flag != 0 { Ok(()) } else { unknown_port(vip) }
}

#[inline(always)]
fn unknown_port(vip: &Vip) -> Result<(), Reason> {
    if vip.flags & Vip::DROP_UNKNOWN_PORT != 0 {
        Err(Reason::UnknownPortDropped)
    } else {
        Err(Reason::UnknownPortPassed)
    }
}
