//! The default routes.

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use rtnetlink::{
    Handle, RouteMessageBuilder,
    packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteType},
};

use crate::interface::Interface;

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

pub(super) async fn defaults(
    handle: &Handle,
    interfaces: &[Interface],
) -> Result<Vec<Way>, rtnetlink::Error> {
    let v4 = RouteMessageBuilder::<std::net::Ipv4Addr>::new().build();
    let mut routes: Vec<RouteMessage> = handle.route().get(v4).execute().try_collect().await?;
    let v6 = RouteMessageBuilder::<std::net::Ipv6Addr>::new().build();
    routes.extend(handle.route().get(v6).execute().try_collect::<Vec<_>>().await?);
    Ok(best(routes.iter().filter_map(|it| way(it, interfaces))))
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
