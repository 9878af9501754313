//! Wires the namespaces of two sites to a transit router.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::{
    super::{
        CLIENT_PORT, Family, INTERFACE, Namespace, Namespaces, SECOND_ARM, links,
        plan::{Addresses, ROUTER_TO_CLIENT},
        topology::{self, ip},
        xdp,
    },
    plan::{Edge, Site, SitesPlan},
};

/// Name of the transit router's namespace.
pub const TRANSIT: &str = "transit";

/// Length of the IPv4 prefix of a site's segment.
const SEGMENT_PREFIX: u8 = 25;
/// That of the link between transit and an edge.
const LINK_PREFIX: u8 = 30;
/// That of the client's network.
const CLIENT_PREFIX: u8 = 24;

/// Transit spreads flows, not packets and not clients, over the next hops of a route.
const ON_TRANSIT: [(&str, &str); 2] =
    [("ipv4/fib_multipath_hash_policy", "1"), ("ipv6/fib_multipath_hash_policy", "1")];

/// Programs on transit's ports towards edges: at the other end of `eth0`, and of `eth1`.
pub(super) type Ports = [xdp::Link; 2];

/// Transit's port on the site's segment, which is the segment's bridge.
pub(super) fn segment(site: &Site) -> String {
    format!("site-{}", site.name)
}

/// The bridge's port towards an edge.
pub(super) fn arm_port(edge: &str) -> String {
    format!("{edge}-arm")
}

/// Makes the namespaces and everything in them but routing daemons and servers.
pub(super) fn build(plan: &SitesPlan) -> Result<Namespaces> {
    let mut namespaces = Namespaces::new();
    let edges = plan.edges().map(|edge| edge.name.as_str());
    let servers = plan.backends().map(|host| host.name.as_str());
    for name in [TRANSIT, &plan.client.name].into_iter().chain(edges).chain(servers) {
        let namespace = Namespace::create(name)?;
        namespace.write_sysctls(&topology::EVERYWHERE)?;
        namespaces.insert(name.to_owned(), namespace);
    }
    let of = |name: &str| namespaces.get(name).with_context(|| format!("find network namespace {name}"));
    let transit = of(TRANSIT)?;
    transit.write_sysctls(&topology::ON_ROUTER)?;
    transit.write_sysctls(&ON_TRANSIT)?;
    topology::leave_bridged_frames_alone(transit)?;
    let client = of(&plan.client.name)?;
    client.write_sysctls(&topology::ON_CLIENT)?;

    ip(transit, &cables(plan, &namespaces)?)?;
    ip(client, &topology::host_setup(&plan.client, CLIENT_PREFIX, ROUTER_TO_CLIENT, None))?;
    for site in &plan.sites {
        for edge in &site.edges {
            ip(of(&edge.name)?, &edge_setup(edge)?)?;
        }
        for host in &site.backends {
            of(&host.name)?.write_sysctls(&topology::ON_BACKEND)?;
            let setup = topology::host_setup(host, SEGMENT_PREFIX, site.gateway, Some(plan.vips));
            ip(of(&host.name)?, &setup)?;
        }
    }
    Ok(namespaces)
}

/// Makes transit's ends of an edge's cables fit for what an XDP program at the other end sends and takes.
pub(super) fn prepare_ports(transit: &Namespace, edge: &Edge) -> Result<Ports> {
    Ok([
        topology::prepare_for_xdp(transit, &edge.name)?,
        topology::prepare_for_xdp(transit, &arm_port(&edge.name))?,
    ])
}

/// Both ends of every link, made from transit's side, and transit's own addresses.
fn cables(plan: &SitesPlan, namespaces: &Namespaces) -> Result<String> {
    let of = |name: &str| namespaces.get(name).with_context(|| format!("find network namespace {name}"));
    let mut batch = String::from("link set lo up\n");
    let mut group = 0x10;
    // A group of Ethernet addresses for each link: odd at transit, even at the host.
    let mut cable = |port: &str, peer: &str, host: &str| {
        group += 1;
        let [near, far] = [1, 2].map(|end| format!("02:00:00:01:{group:02x}:{end:02x}"));
        anyhow::Ok(links::pair((port, &near), (peer, &far), of(host)?))
    };

    batch.push_str(&cable(CLIENT_PORT, INTERFACE, &plan.client.name)?);
    batch.push_str(&addresses(CLIENT_PORT, ROUTER_TO_CLIENT, CLIENT_PREFIX)?);
    for (number, site) in plan.sites.iter().enumerate() {
        let segment = segment(site);
        batch.push_str(&links::bridge(&segment, &format!("02:00:00:01:{:02x}:01", number + 1)));
        let mut ports = Vec::new();
        for edge in &site.edges {
            batch.push_str(&cable(&edge.name, INTERFACE, &edge.name)?);
            batch.push_str(&addresses(&edge.name, edge.transit, LINK_PREFIX)?);
            ports.push((arm_port(&edge.name), SECOND_ARM, &edge.name));
        }
        ports.extend(site.backends.iter().map(|host| (host.name.clone(), INTERFACE, &host.name)));
        for (port, peer, host) in ports {
            batch.push_str(&cable(&port, peer, host)?);
            writeln!(batch, "link set {port} master {segment}\nlink set {port} up")?;
        }
        batch.push_str(&addresses(&segment, site.gateway, SEGMENT_PREFIX)?);
    }
    Ok(batch)
}

fn edge_setup(edge: &Edge) -> Result<String> {
    let mut batch = String::from("link set lo up\n");
    batch.push_str(&addresses(INTERFACE, edge.link, LINK_PREFIX)?);
    batch.push_str(&addresses(SECOND_ARM, edge.arm, SEGMENT_PREFIX)?);
    for family in Family::ALL {
        writeln!(batch, "route add default via {}", edge.transit.of(family))?;
    }
    Ok(batch)
}

/// Sets an interface up with these addresses.
fn addresses(interface: &str, addresses: Addresses, prefix: u8) -> Result<String> {
    let Addresses { v4, v6 } = addresses;
    let mut batch = format!("link set {interface} up\n");
    writeln!(batch, "addr add {v4}/{prefix} dev {interface}\naddr add {v6}/64 dev {interface} nodad")?;
    Ok(batch)
}
