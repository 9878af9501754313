//! Wires the namespaces of a lab: links, addresses, routes and the settings that make direct server return work.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::{
    links,
    namespace::Namespace,
    plan::{Addresses, Host, Plan, ROUTER_ON_SEGMENT, ROUTER_TO_CLIENT, ROUTER_TO_EDGE},
    process, xdp,
};
use crate::host_tool;

/// The interface every host but the router has.
pub const INTERFACE: &str = "eth0";
/// The router's bridge that joins the edge and the backends.
pub const SEGMENT: &str = "segment";
/// Name of the router's namespace.
pub const ROUTER: &str = "router";
/// The edge's interface towards the backends, when it has two.
pub const SECOND_ARM: &str = "eth1";
/// The router's end of the client's link.
pub const CLIENT_PORT: &str = "client0";
/// The bridge's port towards [`SECOND_ARM`].
pub(super) const SECOND_ARM_PORT: &str = "edge1";

/// Length of the IPv4 prefix of the backends' and the client's network.
pub(super) const SEGMENT_PREFIX: u8 = 24;
/// That of the router's network with an edge of two arms, which leaves the VIP's own network to the router.
pub(super) const EDGE_PREFIX: u8 = 25;

/// Namespaces by name.
pub type Namespaces = BTreeMap<String, Namespace>;

/// In every namespace. Addresses are usable at once (no duplicate address detection) and nothing is
/// configured by chance.
pub(super) const EVERYWHERE: [(&str, &str); 6] = [
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
];

/// The router forwards, and its bridge leaves IP to the router.
pub(super) const ON_ROUTER: [(&str, &str); 5] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    // One burst of neighbour discovery per backend must not be limited away.
    ("ipv6/icmp/ratelimit", "0"),
];

/// A backend holds the VIPs on `lo` and must not tell the segment so, or the router's traffic would pass the
/// edge by: it answers ARP only for addresses of the asked interface and never announces a VIP.
pub(super) const ON_BACKEND: [(&str, &str); 3] =
    [("ipv4/conf/all/arp_ignore", "1"), ("ipv4/conf/all/arp_announce", "2"), ("core/somaxconn", "4096")];

/// The client reuses ports soon enough for tens of thousands of connections a minute.
pub(super) const ON_CLIENT: [(&str, &str); 2] =
    [("ipv4/ip_local_port_range", "1024 65535"), ("ipv4/tcp_tw_reuse", "1")];

/// The programs on the router's ports towards the edge.
#[derive(Debug)]
pub struct EdgePorts {
    /// At the other end of `eth0`.
    pub first: xdp::Link,
    _second: Option<xdp::Link>,
}

/// Makes the namespaces and everything in them.
pub fn build(plan: &Plan) -> Result<(Namespaces, EdgePorts)> {
    let mut namespaces = Namespaces::new();
    let servers = plan.servers().map(|host| host.name.as_str());
    for name in [ROUTER, &plan.client.name, &plan.edge.name].into_iter().chain(servers) {
        let namespace = Namespace::create(name)?;
        namespace.write_sysctls(&EVERYWHERE)?;
        namespaces.insert(name.to_owned(), namespace);
    }
    let of = |name: &str| namespaces.get(name).with_context(|| format!("find network namespace {name}"));
    let router = of(ROUTER)?;
    router.write_sysctls(&ON_ROUTER)?;
    leave_bridged_frames_alone(router)?;
    of(&plan.client.name)?.write_sysctls(&ON_CLIENT)?;
    for host in plan.servers() {
        of(&host.name)?.write_sysctls(&ON_BACKEND)?;
    }

    ip(router, &links::batch(plan, &namespaces)?)?;
    ip(of(&plan.client.name)?, &host_setup(&plan.client, SEGMENT_PREFIX, ROUTER_TO_CLIENT, None))?;
    ip(of(&plan.edge.name)?, &edge_setup(plan))?;
    for host in plan.servers() {
        ip(of(&host.name)?, &host_setup(host, SEGMENT_PREFIX, ROUTER_ON_SEGMENT, Some(plan.vips)))?;
    }
    let first = prepare_for_xdp(router, &plan.edge.name)?;
    let second = plan.second_arm.map(|_| prepare_for_xdp(router, SECOND_ARM_PORT)).transpose()?;
    Ok((namespaces, EdgePorts { first, _second: second }))
}

/// Lays another cable to an edge of one arm, whose own was pulled, and sets its new interface up.
pub(super) fn recable_edge(plan: &Plan, namespaces: &Namespaces) -> Result<EdgePorts> {
    let of = |name: &str| namespaces.get(name).with_context(|| format!("find network namespace {name}"));
    ip(of(ROUTER)?, &links::edge_cable(plan, namespaces)?)?;
    ip(of(&plan.edge.name)?, &edge_setup(plan))?;
    Ok(EdgePorts { first: prepare_for_xdp(of(ROUTER)?, &plan.edge.name)?, _second: None })
}

/// The last hop into the edge: whole checksums (a steered packet keeps the one it came with), one frame for each
/// packet in both directions, and a program that takes the frames the edge sends back.
pub(super) fn prepare_for_xdp(router: &Namespace, port: &str) -> Result<xdp::Link> {
    let pass = xdp::Link::attach_pass(router, port)?;
    // Attaching turned GRO on; merged segments would make the backends count fewer packets than the edge sent.
    let mut ethtool = host_tool::command("ethtool");
    ethtool.args(["-K", port, "tx", "off", "tso", "off", "gro", "off"]);
    output(router, ethtool)?;
    Ok(pass)
}

/// With br_netfilter in the kernel, bridged frames would take a second way through netfilter.
pub(super) fn leave_bridged_frames_alone(router: &Namespace) -> Result<()> {
    router.inside(|| {
        for family in ["iptables", "ip6tables", "arptables"] {
            let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
            if std::fs::exists(&path).unwrap_or(false) {
                std::fs::write(&path, "0").with_context(|| format!("write 0 to {path}"))?;
            }
        }
        Ok(())
    })
}

/// The edge's own side, with one arm or two.
fn edge_setup(plan: &Plan) -> String {
    let Some(second) = plan.second_arm else {
        return host_setup(&plan.edge, SEGMENT_PREFIX, ROUTER_ON_SEGMENT, None);
    };
    format!(
        "link set {SECOND_ARM} up\n\
         addr add {}/{SEGMENT_PREFIX} dev {SECOND_ARM}\n\
         addr add {}/64 dev {SECOND_ARM} nodad\n{}",
        second.v4,
        second.v6,
        host_setup(&plan.edge, EDGE_PREFIX, ROUTER_TO_EDGE, None)
    )
}

/// A host's own side: addresses, default routes, and the VIPs when it serves them.
pub(super) fn host_setup(host: &Host, prefix: u8, gateway: Addresses, vips: Option<Addresses>) -> String {
    let Addresses { v4, v6 } = host.addresses;
    let mut batch = format!(
        "link set lo up\n\
         link set {INTERFACE} up\n\
         addr add {v4}/{prefix} dev {INTERFACE}\n\
         addr add {v6}/64 dev {INTERFACE} nodad\n\
         route add default via {}\n\
         route add default via {}\n",
        gateway.v4, gateway.v6
    );
    if let Some(vips) = vips {
        batch.push_str(&vip_setup(vips));
    }
    batch
}

/// The VIPs on `lo`. Deprecated: never chosen as the source of the host's own traffic.
fn vip_setup(vips: Addresses) -> String {
    format!("addr add {}/32 dev lo\naddr add {}/128 dev lo nodad preferred_lft 0\n", vips.v4, vips.v6)
}

/// Makes a host hold the VIPs that did not from the start.
pub(super) fn add_vips(namespace: &Namespace, vips: Addresses) -> Result<()> {
    ip(namespace, &vip_setup(vips))
}

pub(super) fn ip(namespace: &Namespace, batch: &str) -> Result<()> {
    let mut command = host_tool::command("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    process::prepare(&mut command, namespace)?;
    let mut child = process::spawn(command).context("start `ip`: `cargo xtask setup` installs iproute2")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(batch.as_bytes()).context("write to `ip -batch`")?;
    }
    let output = child.wait_with_output().context("wait for `ip -batch`")?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!(
            "configure {} with `ip -batch`: {}\nthe batch was:\n{batch}",
            namespace.name(),
            complaint.trim()
        );
    }
    Ok(())
}

/// Runs a command in the namespace to its end; failure is an error with what it wrote to stderr.
pub(super) fn output(namespace: &Namespace, mut command: Command) -> Result<String> {
    let shown = host_tool::shell_line(&command);
    process::prepare(&mut command, namespace)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child =
        process::spawn(command).with_context(|| format!("start `{shown}` in {}", namespace.name()))?;
    let output = child.wait_with_output().with_context(|| format!("wait for `{shown}`"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("run `{shown}` in {}: {}: {}", namespace.name(), output.status, complaint.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_hold_the_vips() {
        let plan = Plan::new(1, 0).unwrap();
        let server = host_setup(&plan.backends[0], SEGMENT_PREFIX, ROUTER_ON_SEGMENT, Some(plan.vips));
        assert!(server.contains("addr add 192.0.2.1/32 dev lo\n"));
        assert!(server.contains("addr add 2001:db8:0:1::1/128 dev lo nodad preferred_lft 0\n"));
        assert!(!host_setup(&plan.client, SEGMENT_PREFIX, ROUTER_TO_CLIENT, None).contains("192.0.2.1"));
    }
}
