//! Is the destination a VIP, and does the VIP serve that port?

use anycast_common::{
    directory::{Directory, Vip},
    flow::Flow,
    reason::Reason,
};

use crate::{
    maps::{ACTIVE_DIRECTORY, DIRECTORIES},
    parse::Ip,
};

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
    } else if vip.flags & Vip::DROP_UNKNOWN_PORT != 0 {
        Err(Reason::UnknownPortDropped)
    } else {
        Err(Reason::UnknownPortPassed)
    }
}
