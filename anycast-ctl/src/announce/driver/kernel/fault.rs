//! What the kernel says no with, in words.

use std::io;

use crate::announce::driver::DriverError;

/// Why one entry could not be changed, and what to do about it.
#[derive(Debug)]
pub struct Fault(pub String);

/// Tells what concerns one entry from what concerns all.
pub fn judge(doing: &str, answer: Result<(), rtnetlink::Error>) -> Result<Result<(), Fault>, DriverError> {
    let Err(error) = answer else { return Ok(Ok(())) };
    let error = to_io(error, doing)?;
    let advice = match error.raw_os_error() {
        Some(libc::EPERM) => {
            return Err(DriverError::Refused(format!(
                "{doing}: {error}: give the daemon CAP_NET_ADMIN: AmbientCapabilities=CAP_NET_ADMIN in its unit, or run it as root"
            )));
        }
        Some(libc::ENETDOWN) => "set the interface up",
        Some(libc::ENODEV) => "the interface is gone: create it, or name another one in [announce.kernel]",
        Some(libc::EACCES) => "IPv6 is disabled on that interface (`net.ipv6.conf.*.disable_ipv6`)",
        Some(libc::EEXIST) => {
            "somebody else's is there: remove it, or choose another metric in [announce.kernel]"
        }
        _ => "see `ip monitor` and the kernel's log",
    };
    Ok(Err(Fault(format!("{doing}: {error}: {advice}"))))
}

/// As [`judge`], where there being nothing is what was wanted.
pub fn judge_removal(
    doing: &str,
    answer: Result<(), rtnetlink::Error>,
) -> Result<Result<(), Fault>, DriverError> {
    let is_gone = |code: i32| matches!(-code, libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENODEV);
    match answer {
        Err(rtnetlink::Error::NetlinkError(message)) if is_gone(message.raw_code()) => Ok(Ok(())),
        answer => judge(doing, answer),
    }
}

/// The kernel's error, or that there is none to ask.
pub fn to_io(error: rtnetlink::Error, doing: &str) -> Result<io::Error, DriverError> {
    if let rtnetlink::Error::NetlinkError(message) = error {
        Ok(message.to_io())
    } else {
        Err(DriverError::Unreachable(format!("{doing}, over netlink: {error}")))
    }
}
