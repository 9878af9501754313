//! Is the destination a VIP, and does the VIP serve that port?

use anycast_common::{
    address::Address,
    directory::{Directory, Vip},
    reason::Reason,
};

use crate::maps::{ACTIVE_DIRECTORY, DIRECTORIES};

/// The VIP with that address.
#[inline(always)]
pub fn find(address: &Address) -> Result<&'static Vip, Reason> {
    directory().and_then(|directory| directory.vip(address)).ok_or(Reason::NotVip)
}

/// Whether the VIP serves that protocol and port; if not, what it wants done.
#[inline(always)]
pub fn check_service(vip: &Vip, protocol: u8, port: u16) -> Result<(), Reason> {
    if directory().is_some_and(|directory| directory.has_service(vip.number, protocol, port)) {
        Ok(())
    } else if vip.flags & Vip::DROP_UNKNOWN_PORT != 0 {
        Err(Reason::UnknownPortDropped)
    } else {
        Err(Reason::UnknownPortPassed)
    }
}

#[inline(always)]
fn directory() -> Option<&'static Directory> {
    let active = ACTIVE_DIRECTORY.get(0)?;
    DIRECTORIES.get(*active)
}
