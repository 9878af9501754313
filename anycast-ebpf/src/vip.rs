//! Is the destination a VIP, and does the VIP serve that port?

use anycast_common::{
    directory::{Directory, Vip},
    flow::Flow,
    parse::{Ip, protocol},
    reason::Reason,
};

use crate::maps::{ACTIVE_DIRECTORY, DIRECTORIES};

/// The VIPs and services in use. Taken once, so that a packet is judged by one directory from end to end.
#[inline(always)]
pub fn directory() -> Result<&'static Directory, Reason> {
    ACTIVE_DIRECTORY.get(0).and_then(|active| DIRECTORIES.get(*active)).ok_or(Reason::NotVip)
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
