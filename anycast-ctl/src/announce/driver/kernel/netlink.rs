//! A socket to change tables by, which ends with its owner.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Deref,
};

use rtnetlink::Handle;
use tokio::task::JoinHandle;

use crate::announce::driver::DriverError;

/// A socket.
pub struct Netlink {
    handle: Handle,
    driver: JoinHandle<()>,
}

impl Netlink {
    /// Opens one in the calling thread's network namespace. The kernel filters what it lists: a host that has the routes of the
    /// Internet is not asked for all of them.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> Result<Self, DriverError> {
        let (connection, handle, _) = rtnetlink::new_connection_with_strict_check()
            .map_err(|error| DriverError::Unreachable(format!("opening a netlink socket: {error}")))?;
        Ok(Self { handle, driver: tokio::spawn(connection) })
    }
}

impl Deref for Netlink {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The unspecified address of a family, for routes to everything, of which the kernel says no destination.
pub fn unspecified(is_v6: bool) -> IpAddr {
    if is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}
