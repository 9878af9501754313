//! Routing of what is marked: rules and a table of the instance's own, for IPv4 and IPv6.
//!
//! ```text
//!  1: from all fwmark MAGIC ffff/0xffffffff lookup local     this host as a backend: if it holds the VIP …
//!  2: from all fwmark MAGIC ffff/0xffffffff unreachable      … and not else
//!  3: from all fwmark MAGIC 0000/0xffff0000 lookup TABLE     other backends: `local default dev lo`
//! ```
//!
//! They come before all rules but the first of the kernel, which looks into `local` anyway; nothing else is marked so.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use anycast_common::probe::{THIS_HOST, magic_of, mark};
use futures_util::TryStreamExt as _;
use rtnetlink::{
    Handle, IpVersion, RouteMessageBuilder,
    packet_route::{
        AddressFamily,
        route::{RouteMessage, RouteScope, RouteType},
        rule::{RuleAction, RuleAttribute, RuleMessage},
    },
};

use tokio::time::timeout;

use super::{CheckPathError, magic};
use crate::netlink::PATIENCE;

/// Kernel index of `lo` in every network namespace: `LOOPBACK_IFINDEX` in include/linux/net_namespace.h.
const LOOPBACK: u32 = 1;

/// Mask of a mark's upper half.
const OF_INSTANCE: u32 = 0xffff_0000;

/// Mask of all of it.
const WHOLE: u32 = 0xffff_ffff;

/// Rules and routes of an instance, and a socket to change them by.
pub struct Rules {
    magic: u16,
    handle: Handle,
    driver: tokio::task::JoinHandle<()>,
}

impl Rules {
    /// Opens a socket in the calling thread's network namespace.
    pub fn open(magic: u16) -> Result<Self, CheckPathError> {
        let (connection, handle, _) = rtnetlink::new_connection()
            .map_err(|error| CheckPathError::Rules { doing: "opening a netlink socket", error })?;
        Ok(Self { magic, handle, driver: tokio::spawn(connection) })
    }

    /// Adds those that are missing, and says how many.
    pub async fn add(&self) -> Result<usize, CheckPathError> {
        let doing = "adding a rule for the packets of checks";
        let mut added = 0;
        for version in [IpVersion::V4, IpVersion::V6] {
            match in_time(self.add_all(&version)).await {
                Ok(count) => added += count,
                Err(error) if version == IpVersion::V6 && is_without_v6(&error) => {
                    tracing::debug!("no checks of IPv6 VIPs through the dataplane: {doing}: {error}");
                }
                Err(error) => return Err(CheckPathError::Rules { doing, error }),
            }
        }
        Ok(added)
    }

    /// Removes all that are the instance's, whichever version of this program made them.
    pub async fn remove(&self) -> Result<(), CheckPathError> {
        let doing = "removing the rules for the packets of checks";
        for version in [IpVersion::V4, IpVersion::V6] {
            match in_time(self.remove_all(&version)).await {
                Err(error) if version == IpVersion::V6 && is_without_v6(&error) => {}
                removed => removed.map_err(|error| CheckPathError::Rules { doing, error })?,
            }
        }
        Ok(())
    }

    /// The route first: a rule whose table has none lets packets go on to other tables.
    async fn add_all(&self, version: &IpVersion) -> io::Result<usize> {
        let mut count = added(self.handle.route().add(self.route(version)).execute().await)?;
        for rule in self.wanted(version) {
            let mut request = self.handle.rule().add();
            *request.message_mut() = rule;
            count += added(request.execute().await)?;
        }
        Ok(count)
    }

    async fn remove_all(&self, version: &IpVersion) -> io::Result<()> {
        let rules: Vec<RuleMessage> =
            self.handle.rule().get(version.clone()).execute().try_collect().await.map_err(to_io)?;
        for rule in rules.into_iter().filter(|rule| is_of(rule, self.magic)) {
            self.handle.rule().del(rule).execute().await.map_err(to_io)?;
        }
        match self.handle.route().del(self.route(version)).execute().await.map_err(to_io) {
            // There is none.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            removed => removed,
        }
    }

    /// Everything is this host's own, and leaves by `lo`. IPv6 makes a unicast route by `lo` one that refuses (`fib6_is_reject` in
    /// net/ipv6/route.c), but not a local one.
    fn route(&self, version: &IpVersion) -> RouteMessage {
        let table = magic::table(self.magic);
        match version {
            IpVersion::V4 => RouteMessageBuilder::<Ipv4Addr>::new()
                .table_id(table)
                .kind(RouteType::Local)
                .scope(RouteScope::Host)
                .output_interface(LOOPBACK)
                .build(),
            IpVersion::V6 => RouteMessageBuilder::<Ipv6Addr>::new()
                .table_id(table)
                .kind(RouteType::Local)
                .output_interface(LOOPBACK)
                .build(),
        }
    }

    fn wanted(&self, version: &IpVersion) -> [RuleMessage; 3] {
        let this_host = (mark(self.magic, THIS_HOST), WHOLE);
        let local = u32::from(libc::RT_TABLE_LOCAL);
        [
            rule(version, 1, this_host, RuleAction::ToTable, local),
            rule(version, 2, this_host, RuleAction::Unreachable, 0),
            rule(
                version,
                3,
                (mark(self.magic, 0), OF_INSTANCE),
                RuleAction::ToTable,
                magic::table(self.magic),
            ),
        ]
    }
}

/// An answer that was lost never comes.
async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl Drop for Rules {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn rule(
    version: &IpVersion,
    priority: u32,
    (mark, mask): (u32, u32),
    action: RuleAction,
    table: u32,
) -> RuleMessage {
    let mut rule = RuleMessage::default();
    rule.header.family = match version {
        IpVersion::V4 => AddressFamily::Inet,
        IpVersion::V6 => AddressFamily::Inet6,
    };
    rule.header.action = action;
    rule.attributes = vec![
        RuleAttribute::Priority(priority),
        RuleAttribute::FwMark(mark),
        RuleAttribute::FwMask(mask),
        RuleAttribute::Table(table),
    ];
    rule
}

/// Whether a rule is for marks of that instance alone.
fn is_of(rule: &RuleMessage, magic: u16) -> bool {
    let (mut mark, mut mask) = (0, 0);
    for attribute in &rule.attributes {
        if let RuleAttribute::FwMark(value) = attribute {
            mark = *value;
        } else if let RuleAttribute::FwMask(value) = attribute {
            mask = *value;
        }
    }
    magic_of(mark) == magic && mask & OF_INSTANCE == OF_INSTANCE
}

/// Whether something was added, or was there.
fn added(result: Result<(), rtnetlink::Error>) -> io::Result<usize> {
    match result.map_err(to_io) {
        Ok(()) => Ok(1),
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(0),
        Err(error) => Err(error),
    }
}

fn to_io(error: rtnetlink::Error) -> io::Error {
    if let rtnetlink::Error::NetlinkError(message) = error {
        message.to_io()
    } else {
        io::Error::other(error)
    }
}

/// Whether the kernel says that there is no IPv6 here: it was built or booted without, or `lo` has it disabled.
fn is_without_v6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP | libc::EACCES | libc::ENODEV))
}
