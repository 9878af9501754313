//! VIPs as routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use rtnetlink::{
    RouteMessageBuilder,
    packet_route::{
        AddressFamily,
        route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
    },
};

use super::{
    Entry, Held,
    fault::{Fault, judge, judge_removal, to_io},
    netlink::{Netlink, unspecified},
};
use crate::{announce::driver::DriverError, model::KernelSettings};

/// `IP6_RT_PRIO_USER` in include/net/ip6_fib.h: what a metric of 0 is taken for.
const V6_METRIC: u32 = 1024;

/// Routes of one table that have this daemon's number.
pub struct Routes {
    netlink: Netlink,
    table: u32,
    protocol: RouteProtocol,
}

/// The metric as the kernel shows it.
pub const fn metric(prefix: &IpNet, metric: u32) -> u32 {
    match (prefix, metric) {
        (IpNet::V6(_), 0) => V6_METRIC,
        (IpNet::V6(_) | IpNet::V4(_), metric) => metric,
    }
}

impl Routes {
    /// Opens a socket.
    pub fn open(settings: &KernelSettings) -> Result<Self, DriverError> {
        let KernelSettings { table, protocol, .. } = settings;
        Ok(Self { netlink: Netlink::open()?, table: *table, protocol: RouteProtocol::from(*protocol) })
    }

    /// Lists this daemon's.
    pub async fn list(&self) -> Result<Held, DriverError> {
        let mut held = Held::default();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            held.own.extend(self.of(family).await?.iter().filter_map(|message| self.entry(message)));
        }
        Ok(held)
    }

    /// Adds one, or sets it in the place of that with the same metric.
    pub async fn add(&self, entry: Entry, replaces: bool) -> Result<Result<(), Fault>, DriverError> {
        let request = self.netlink.route().add(self.message(entry));
        let request = if replaces { request.replace() } else { request };
        judge(&format!("adding {}", self.shown(entry)), request.execute().await)
    }

    /// Removes one.
    pub async fn remove(&self, entry: Entry) -> Result<Result<(), Fault>, DriverError> {
        let answer = self.netlink.route().del(self.message(entry)).execute().await;
        judge_removal(&format!("removing {}", self.shown(entry)), answer)
    }

    async fn of(&self, family: AddressFamily) -> Result<Vec<RouteMessage>, DriverError> {
        let doing = "listing routes";
        let mut filter = RouteMessageBuilder::<IpAddr>::new().table_id(self.table).build();
        filter.header.address_family = family;
        filter.header.protocol = self.protocol;
        let listed: Result<Vec<RouteMessage>, _> =
            self.netlink.route().get(filter).execute().try_collect().await;
        match listed.map_err(|error| to_io(error, doing)) {
            Ok(routes) => Ok(routes),
            // No such table yet; no IPv6 at all.
            Err(Ok(error))
                if matches!(
                    error.raw_os_error(),
                    Some(libc::ENOENT | libc::EAFNOSUPPORT | libc::EOPNOTSUPP)
                ) =>
            {
                Ok(Vec::new())
            }
            Err(Ok(error)) => Err(DriverError::Refused(format!("{doing} of table {}: {error}", self.table))),
            Err(Err(error)) => Err(error),
        }
    }

    /// The scope only matters to IPv4: behind an interface there is no gateway to ask.
    fn message(&self, entry: Entry) -> RouteMessage {
        let Entry { prefix, metric, interface } = entry;
        match prefix {
            IpNet::V4(prefix) => RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(prefix.network(), prefix.prefix_len())
                .scope(RouteScope::Link)
                .output_interface(interface)
                .priority(metric)
                .table_id(self.table)
                .protocol(self.protocol)
                .build(),
            IpNet::V6(prefix) => RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(prefix.network(), prefix.prefix_len())
                .output_interface(interface)
                .priority(metric)
                .table_id(self.table)
                .protocol(self.protocol)
                .build(),
        }
    }

    /// One that this daemon may have made. Kernels before 4.20 do not filter.
    fn entry(&self, message: &RouteMessage) -> Option<Entry> {
        let header = &message.header;
        let (mut destination, mut metric, mut interface) = (None, 0, 0);
        let mut table = u32::from(header.table);
        for attribute in &message.attributes {
            if let RouteAttribute::Destination(RouteAddress::Inet(address)) = attribute {
                destination = Some(IpAddr::V4(*address));
            } else if let RouteAttribute::Destination(RouteAddress::Inet6(address)) = attribute {
                destination = Some(IpAddr::V6(*address));
            } else if let RouteAttribute::Priority(priority) = attribute {
                metric = *priority;
            } else if let RouteAttribute::Oif(index) = attribute {
                interface = *index;
            } else if let RouteAttribute::Table(number) = attribute {
                table = *number;
            }
        }
        let destination =
            destination.unwrap_or_else(|| unspecified(header.address_family == AddressFamily::Inet6));
        let prefix = IpNet::new(destination, header.destination_prefix_length).ok()?;
        let is_own =
            table == self.table && header.protocol == self.protocol && header.kind == RouteType::Unicast;
        is_own.then_some(Entry { prefix, metric, interface })
    }

    fn shown(&self, entry: Entry) -> String {
        format!("the route to {} with metric {} in table {}", entry.prefix, entry.metric, self.table)
    }
}
