//! The cables of a lab: pairs of virtual interfaces from the router to every host, and the router's own addresses and routes.

use std::{fmt::Write as _, net::IpAddr, thread};

use anyhow::{Context as _, Result};

use super::{
    Namespace,
    plan::{Addresses, Family, Host, Plan, ROUTER_ON_SEGMENT, ROUTER_TO_CLIENT, ROUTER_TO_EDGE},
    topology::{
        CLIENT_PORT, EDGE_PREFIX, INTERFACE, Namespaces, SECOND_ARM, SECOND_ARM_PORT, SEGMENT, SEGMENT_PREFIX,
    },
};

/// Both ends of every link, made from the router's side; `ip -batch` commands.
pub(super) fn batch(plan: &Plan, namespaces: &Namespaces) -> Result<String> {
    let mut batch = String::from("link set lo up\n");
    batch.push_str(&bridge(SEGMENT, &mac(Segment::Hosts, 1)));
    for link in links(plan) {
        batch.push_str(&cable(link, namespaces)?);
    }
    writeln!(batch, "link set {SEGMENT} up")?;
    let to_edge = plan.second_arm.map(|_| (plan.edge.name.as_str(), ROUTER_TO_EDGE, EDGE_PREFIX));
    let own = [(CLIENT_PORT, ROUTER_TO_CLIENT, SEGMENT_PREFIX), (SEGMENT, ROUTER_ON_SEGMENT, SEGMENT_PREFIX)];
    for (interface, addresses, prefix) in own.into_iter().chain(to_edge) {
        writeln!(batch, "addr add {}/{prefix} dev {interface}", addresses.v4)?;
        writeln!(batch, "addr add {}/64 dev {interface} nodad", addresses.v6)?;
    }
    for family in Family::ALL {
        let vip = plan.vips.of(family);
        writeln!(batch, "route add {vip}/{} via {}", host_prefix(vip), plan.edge.addresses.of(family))?;
    }
    Ok(batch)
}

/// Another cable to the edge, in the place of one that was pulled.
pub(super) fn edge_cable(plan: &Plan, namespaces: &Namespaces) -> Result<String> {
    let edge = links(plan).find(|link| link.host.name == plan.edge.name);
    cable(edge.context("find the edge's cable")?, namespaces)
}

fn cable(link: Link<'_>, namespaces: &Namespaces) -> Result<String> {
    let (Link { host, port, interface, segment, .. }, number) = (link, link.addresses.v4.octets()[3]);
    let namespace =
        namespaces.get(&host.name).with_context(|| format!("find network namespace {}", host.name))?;
    // The router is number 1 on links of its own; a port of the bridge has no address.
    let is_bridged = matches!(segment, Segment::Hosts);
    let port_mac = if is_bridged { mac(Segment::Ports, number) } else { mac(segment, 1) };
    let mut batch = pair((port, &port_mac), (interface, &mac(segment, number)), namespace);
    if is_bridged {
        writeln!(batch, "link set {port} master {SEGMENT}")?;
    }
    writeln!(batch, "link set {port} up")?;
    Ok(batch)
}

/// A pair of interfaces, each with its name and Ethernet address: one here, and its peer in the namespace.
pub(super) fn pair(port: (&str, &str), peer: (&str, &str), namespace: &Namespace) -> String {
    // An XDP device needs as many receive queues as its peer has transmit queues: give both ends the same.
    let queues = thread::available_parallelism().map_or(1, |cores| cores.get().min(16));
    let queues = format!("numtxqueues {queues} numrxqueues {queues}");
    let ((port, port_mac), (peer, peer_mac)) = (port, peer);
    format!(
        "link add name {port} address {port_mac} {queues} type veth peer name {peer} address {peer_mac} {queues} netns {}\n",
        namespace.path().display()
    )
}

/// A bridge; `ip -batch` commands.
pub(super) fn bridge(name: &str, mac: &str) -> String {
    format!("link add name {name} address {mac} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n")
}

/// A cable between the router and a host.
#[derive(Clone, Copy)]
struct Link<'a> {
    host: &'a Host,
    addresses: Addresses,
    /// The router's end.
    port: &'a str,
    /// The host's end.
    interface: &'a str,
    segment: Segment,
}

impl<'a> Link<'a> {
    fn to(host: &'a Host, port: &'a str, segment: Segment) -> Self {
        Self { host, addresses: host.addresses, port, interface: INTERFACE, segment }
    }
}

fn links(plan: &Plan) -> impl Iterator<Item = Link<'_>> {
    let servers = plan.servers().map(|host| Link::to(host, &host.name, Segment::Hosts));
    let segment = if plan.second_arm.is_some() { Segment::Edge } else { Segment::Hosts };
    let edge = Link::to(&plan.edge, &plan.edge.name, segment);
    let second = plan.second_arm.map(|addresses| Link {
        addresses,
        interface: SECOND_ARM,
        ..Link::to(&plan.edge, SECOND_ARM_PORT, Segment::Hosts)
    });
    servers.chain([edge]).chain(second).chain([Link::to(&plan.client, CLIENT_PORT, Segment::Client)])
}

fn host_prefix(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Which group of interfaces an Ethernet address belongs to.
#[derive(Clone, Copy)]
enum Segment {
    Client = 1,
    Hosts = 2,
    Ports = 3,
    Edge = 4,
}

/// A locally administered address that says whose it is: `02:00:00:00:GROUP:HOST`.
fn mac(group: Segment, host: u8) -> String {
    format!("02:00:00:00:{:02x}:{host:02x}", group as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ethernet_addresses_say_whose_they_are() {
        assert_eq!(mac(Segment::Hosts, 11), "02:00:00:00:02:0b");
        assert_eq!(mac(Segment::Ports, 2), "02:00:00:00:03:02");
    }
}
