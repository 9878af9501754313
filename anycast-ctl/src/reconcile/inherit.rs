//! Ways to backends, as a daemon before this one wrote them into the maps. No IO.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use anycast_common::{
    backend::{Backend as KernelBackend, Delivery},
    tunnel::Tunnel,
};

use super::Maps;
use crate::{
    interface::Interface,
    model::Site,
    neighbour::{NextHop, Resolution},
    numbers::Numbers,
};

/// What the maps say of the ways to the site's backends. Packets take them at the moment: they are good until the kernel says
/// otherwise, which it may not do at once. There is none by an interface that is gone.
pub fn ways(
    site: &Site,
    numbers: &Numbers,
    installed: &Maps,
    interfaces: &[Interface],
) -> BTreeMap<IpAddr, Resolution> {
    let mut ways = BTreeMap::new();
    for pool in &site.pools {
        for backend in &pool.backends {
            let seat = numbers.get(&pool.name, backend.address);
            let entry = seat.and_then(|seat| Some((seat, installed.backends.get(&seat.index)?)));
            let Some((seat, entry)) = entry.filter(|(seat, entry)| entry.generation == seat.generation)
            else {
                continue;
            };
            let tunnel = installed.tunnels.get(&seat.index);
            let Some(way) = way(backend.address, entry, tunnel, interfaces) else { continue };
            // Only outer headers tell a source: another pool's may.
            let tells_more = tunnel.is_some() || !ways.contains_key(&backend.address);
            if tells_more {
                ways.insert(backend.address, way);
            }
        }
    }
    ways
}

fn way(
    address: IpAddr,
    entry: &KernelBackend,
    tunnel: Option<&Tunnel>,
    interfaces: &[Interface],
) -> Option<Resolution> {
    if entry.delivery == Delivery::Local.code() {
        return Some(Resolution::Inherited(None));
    }
    let interface = interfaces.iter().find(|interface| interface.index == entry.ifindex)?;
    Some(Resolution::Inherited(Some(NextHop {
        ifindex: entry.ifindex,
        interface: interface.name.clone(),
        // Or a gateway: the maps do not say.
        neighbour: address,
        mac: entry.destination,
        source_mac: entry.source,
        mtu: u32::from(entry.mtu) + u32::from(entry.overhead),
        source: tunnel.and_then(source),
    })))
}

/// The source address of outer headers.
fn source(tunnel: &Tunnel) -> Option<IpAddr> {
    match tunnel.outer {
        [0x45, ..] => {
            let octets: [u8; 4] = tunnel.outer.get(12..16)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        [0x60, ..] => {
            let octets: [u8; 16] = tunnel.outer.get(8..24)?.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}
