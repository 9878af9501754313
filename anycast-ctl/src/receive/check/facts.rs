//! What there is on this machine: asked of the kernel once, judged elsewhere.

use std::{fs, net::IpAddr, path::Path};

use futures_util::TryStreamExt as _;
use rtnetlink::{
    Handle, RouteMessageBuilder,
    packet_route::{
        address::{AddressAttribute, AddressFlags, AddressMessage},
        route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteType},
    },
};

use crate::{
    interface::{Interface, InterfaceError},
    receive::{InterfaceStatus, ReceiveError, status},
};

/// What the checks are about.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The interface packets come in by.
    pub interface: Interface,
    /// What receives there; why nothing does.
    pub receiver: Result<InterfaceStatus, String>,
    /// Addresses of all interfaces.
    pub addresses: Vec<Held>,
    /// Settings of the interface.
    pub sysctls: Sysctls,
    /// The default routes, IPv4's and IPv6's.
    pub ways: Vec<Way>,
}

/// An address of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix.
    pub length: u8,
    /// Name of the interface it is on.
    pub interface: String,
    /// Duplicate address detection is not over: the address is not in use yet.
    pub tentative: bool,
    /// It found a duplicate: the address is not in use.
    pub duplicate: bool,
    /// Exempt from duplicate address detection.
    pub nodad: bool,
    /// `accept_dad` of its interface, as it counts.
    pub accept_dad: Option<u32>,
    /// `ndisc_notify` of its interface, as it counts.
    pub ndisc_notify: Option<u32>,
}

/// Settings below /proc/sys/net/{ipv4,ipv6}/conf, as they count: the greater of the interface's and of `all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sysctls {
    /// Which ARP requests are answered.
    pub arp_ignore: Option<u32>,
    /// Which address asks in ARP.
    pub arp_announce: Option<u32>,
    /// Whether a packet must have come by its way back.
    pub rp_filter: Option<u32>,
    /// Whether the interface has no IPv6; the interface's own.
    pub disable_ipv6: Option<u32>,
}

/// A default route: the way to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Whether it is IPv6's.
    pub is_v6: bool,
    /// Names of the interfaces it leaves by; several in a multipath route.
    pub interfaces: Vec<String>,
    /// Its gateway, if it has one.
    pub gateway: Option<IpAddr>,
    /// The segment size it has TCP announce.
    pub advmss: Option<u32>,
    /// The largest packet it takes: its own limit, or its interface's.
    pub mtu: u32,
}

/// Asks the kernel.
pub async fn gather(bpffs: &Path, name: &str) -> Result<Facts, ReceiveError> {
    let interface = Interface::find(name).await?;
    let receiver = match status(bpffs, Some(&interface.name)).await {
        Ok(status) => status.interfaces.into_iter().next().ok_or_else(|| "nothing receives".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let interfaces = Interface::list().await?;
    let (connection, handle, _) = rtnetlink::new_connection().map_err(InterfaceError::from)?;
    let connection = tokio::spawn(connection);
    let answers = ask(&handle).await;
    connection.abort();
    let (addresses, routes) =
        answers.map_err(super::super::kernel("listing addresses and routes over netlink"))?;

    let named = |index: u32| interfaces.iter().find(|it| it.index == index);
    let sysctls = Sysctls {
        arp_ignore: greater("ipv4", &interface.name, "arp_ignore"),
        arp_announce: greater("ipv4", &interface.name, "arp_announce"),
        rp_filter: greater("ipv4", &interface.name, "rp_filter"),
        disable_ipv6: own("ipv6", &interface.name, "disable_ipv6"),
    };
    Ok(Facts {
        sysctls,
        receiver,
        addresses: addresses.iter().filter_map(|it| held(it, &named(it.header.index)?.name)).collect(),
        ways: best(routes.iter().filter_map(|it| way(it, &interfaces))),
        interface,
    })
}

async fn ask(handle: &Handle) -> Result<(Vec<AddressMessage>, Vec<RouteMessage>), rtnetlink::Error> {
    let addresses = handle.address().get().execute().try_collect().await?;
    let v4 = RouteMessageBuilder::<std::net::Ipv4Addr>::new().build();
    let mut routes: Vec<RouteMessage> = handle.route().get(v4).execute().try_collect().await?;
    let v6 = RouteMessageBuilder::<std::net::Ipv6Addr>::new().build();
    routes.extend(handle.route().get(v6).execute().try_collect::<Vec<_>>().await?);
    Ok((addresses, routes))
}

fn held(message: &AddressMessage, interface: &str) -> Option<Held> {
    let (mut address, mut local) = (None, None);
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        if let AddressAttribute::Address(it) = attribute {
            address = Some(*it);
        } else if let AddressAttribute::Local(it) = attribute {
            local = Some(*it);
        } else if let AddressAttribute::Flags(it) = attribute {
            flags = *it;
        }
    }
    Some(Held {
        // On a point-to-point interface the other one is the peer's.
        address: local.or(address)?,
        length: message.header.prefix_len,
        interface: interface.to_owned(),
        tentative: flags.contains(AddressFlags::Tentative) && !flags.contains(AddressFlags::Dadfailed),
        duplicate: flags.contains(AddressFlags::Dadfailed),
        nodad: flags.contains(AddressFlags::Nodad),
        accept_dad: greater("ipv6", interface, "accept_dad"),
        ndisc_notify: greater("ipv6", interface, "ndisc_notify"),
    })
}

/// A default route of the main table, with its metric.
fn way(message: &RouteMessage, interfaces: &[Interface]) -> Option<(u32, Way)> {
    let header = &message.header;
    let is_default = header.destination_prefix_length == 0 && header.source_prefix_length == 0;
    if !is_default || header.table != RouteHeader::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
        return None;
    }
    let is_v6 = header.address_family == rtnetlink::packet_route::AddressFamily::Inet6;
    let mut way = Way { is_v6, ..Way::default() };
    let (mut indices, mut metric, mut own_mtu) = (Vec::new(), 0, None);
    for attribute in &message.attributes {
        if let RouteAttribute::Oif(index) = attribute {
            indices.push(*index);
        } else if let RouteAttribute::MultiPath(hops) = attribute {
            indices.extend(hops.iter().map(|hop| hop.interface_index));
        } else if let RouteAttribute::Priority(priority) = attribute {
            metric = *priority;
        } else if let RouteAttribute::Gateway(RouteAddress::Inet(gateway)) = attribute {
            way.gateway = Some(IpAddr::V4(*gateway));
        } else if let RouteAttribute::Gateway(RouteAddress::Inet6(gateway)) = attribute {
            way.gateway = Some(IpAddr::V6(*gateway));
        } else if let RouteAttribute::Metrics(metrics) = attribute {
            for metric in metrics {
                if let RouteMetric::Advmss(advmss) = metric {
                    way.advmss = Some(*advmss);
                } else if let RouteMetric::Mtu(mtu) = metric {
                    own_mtu = Some(*mtu);
                }
            }
        }
    }
    let by: Vec<&Interface> =
        indices.iter().filter_map(|index| interfaces.iter().find(|it| it.index == *index)).collect();
    way.mtu = own_mtu.or_else(|| by.iter().map(|it| it.mtu).min())?;
    way.interfaces = by.iter().map(|it| it.name.clone()).collect();
    Some((metric, way))
}

/// Of each family the one with the least metric, which is the one that counts.
fn best(ways: impl Iterator<Item = (u32, Way)>) -> Vec<Way> {
    let mut ways: Vec<_> = ways.collect();
    ways.sort_by_key(|(metric, way)| (way.is_v6, *metric));
    ways.dedup_by_key(|(_, way)| way.is_v6);
    ways.into_iter().map(|(_, way)| way).collect()
}

/// What counts for most settings: `IN_DEV_MAXCONF` in include/linux/inetdevice.h.
fn greater(family: &str, interface: &str, name: &str) -> Option<u32> {
    own(family, interface, name).max(own(family, "all", name))
}

fn own(family: &str, interface: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/sys/net/{family}/conf/{interface}/{name}")).ok()?;
    // `accept_dad` and others may be negative in theory, which means off.
    text.trim().parse().ok()
}
