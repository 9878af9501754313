//! Wires the namespaces of a lab: links, addresses, routes and the settings that make direct server return work.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write as _,
    net::IpAddr,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, bail};

use super::{
    namespace::Namespace,
    plan::{Addresses, Family, Host, Plan, ROUTER_ON_SEGMENT, ROUTER_TO_CLIENT},
    process, xdp,
};
use crate::host_tool;

/// The interface every host but the router has.
pub const INTERFACE: &str = "eth0";
/// The router's bridge that joins the edge and the backends.
pub const SEGMENT: &str = "segment";
/// Name of the router's namespace.
pub const ROUTER: &str = "router";
/// The router's end of the client's link.
const CLIENT_PORT: &str = "client0";

/// Namespaces by name.
pub type Namespaces = BTreeMap<String, Namespace>;

/// In every namespace. Addresses are usable at once (no duplicate address detection) and nothing is
/// configured by chance.
const EVERYWHERE: [(&str, &str); 6] = [
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
];

/// The router forwards, and its bridge leaves IP to the router.
const ON_ROUTER: [(&str, &str); 5] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    // One burst of neighbour discovery per backend must not be limited away.
    ("ipv6/icmp/ratelimit", "0"),
];

/// A backend holds the VIPs on `lo` and must not tell the segment so, or the router's traffic would pass the
/// edge by: it answers ARP only for addresses of the asked interface and never announces a VIP.
const ON_BACKEND: [(&str, &str); 3] =
    [("ipv4/conf/all/arp_ignore", "1"), ("ipv4/conf/all/arp_announce", "2"), ("core/somaxconn", "4096")];

/// The client reuses ports soon enough for tens of thousands of connections a minute.
const ON_CLIENT: [(&str, &str); 2] = [("ipv4/ip_local_port_range", "1024 65535"), ("ipv4/tcp_tw_reuse", "1")];

/// Makes the namespaces and everything in them.
pub fn build(plan: &Plan) -> Result<(Namespaces, xdp::Link)> {
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

    ip(router, &router_links(plan, &namespaces)?)?;
    ip(of(&plan.client.name)?, &host_setup(&plan.client, ROUTER_TO_CLIENT, None))?;
    ip(of(&plan.edge.name)?, &host_setup(&plan.edge, ROUTER_ON_SEGMENT, None))?;
    for host in plan.servers() {
        ip(of(&host.name)?, &host_setup(host, ROUTER_ON_SEGMENT, Some(plan.vips)))?;
    }
    let pass = prepare_for_xdp(router, &plan.edge.name)?;
    Ok((namespaces, pass))
}

/// The last hop into the edge: whole checksums (a steered packet keeps the one it came with), one frame for each
/// packet in both directions, and a program that takes the frames the edge sends back.
fn prepare_for_xdp(router: &Namespace, port: &str) -> Result<xdp::Link> {
    let pass = xdp::Link::attach_pass(router, port)?;
    // Attaching turned GRO on; merged segments would make the backends count fewer packets than the edge sent.
    let mut ethtool = host_tool::command("ethtool");
    ethtool.args(["-K", port, "tx", "off", "tso", "off", "gro", "off"]);
    output(router, ethtool)?;
    Ok(pass)
}

/// With br_netfilter in the kernel, bridged frames would take a second way through netfilter.
fn leave_bridged_frames_alone(router: &Namespace) -> Result<()> {
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

/// Both ends of every link, made from the router's side; `ip -batch` commands.
fn router_links(plan: &Plan, namespaces: &Namespaces) -> Result<String> {
    let mut batch = String::from("link set lo up\n");
    writeln!(
        batch,
        "link add name {SEGMENT} address {} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        mac(Segment::Hosts, 1)
    )?;
    let hosts = plan
        .servers()
        .chain([&plan.edge])
        .map(|host| (host, host.name.as_str(), Segment::Hosts, Segment::Ports));
    let client = (&plan.client, CLIENT_PORT, Segment::Client, Segment::Client);
    // An XDP device needs as many receive queues as its peer has transmit queues: give both ends the same.
    let queues = thread::available_parallelism().map_or(1, |cores| cores.get().min(16));
    for (host, port, near, far) in hosts.chain([client]) {
        let number = host.addresses.v4.octets()[3];
        let namespace =
            namespaces.get(&host.name).with_context(|| format!("find network namespace {}", host.name))?;
        // On the client's link the router is number 1; elsewhere the port has no address of its own.
        let port_mac = if port == CLIENT_PORT { mac(far, 1) } else { mac(far, number) };
        writeln!(
            batch,
            "link add name {port} address {port_mac} numtxqueues {queues} numrxqueues {queues} type veth \
             peer name {INTERFACE} address {} numtxqueues {queues} numrxqueues {queues} netns {}",
            mac(near, number),
            namespace.path().display()
        )?;
        if port != CLIENT_PORT {
            writeln!(batch, "link set {port} master {SEGMENT}")?;
        }
        writeln!(batch, "link set {port} up")?;
    }
    writeln!(batch, "link set {SEGMENT} up")?;
    for (interface, addresses) in [(CLIENT_PORT, ROUTER_TO_CLIENT), (SEGMENT, ROUTER_ON_SEGMENT)] {
        writeln!(batch, "addr add {}/24 dev {interface}", addresses.v4)?;
        writeln!(batch, "addr add {}/64 dev {interface} nodad", addresses.v6)?;
    }
    for family in Family::ALL {
        let vip = plan.vips.of(family);
        writeln!(batch, "route add {vip}/{} via {}", host_prefix(vip), plan.edge.addresses.of(family))?;
    }
    Ok(batch)
}

/// A host's own side: addresses, default routes, and the VIPs when it serves them.
fn host_setup(host: &Host, gateway: Addresses, vips: Option<Addresses>) -> String {
    let Addresses { v4, v6 } = host.addresses;
    let mut batch = format!(
        "link set lo up\n\
         link set {INTERFACE} up\n\
         addr add {v4}/24 dev {INTERFACE}\n\
         addr add {v6}/64 dev {INTERFACE} nodad\n\
         route add default via {}\n\
         route add default via {}\n",
        gateway.v4, gateway.v6
    );
    if let Some(vips) = vips {
        // Deprecated: never chosen as the source of the backend's own traffic.
        batch.push_str(&format!(
            "addr add {}/32 dev lo\naddr add {}/128 dev lo nodad preferred_lft 0\n",
            vips.v4, vips.v6
        ));
    }
    batch
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
}

/// A locally administered address that says whose it is: `02:00:00:00:GROUP:HOST`.
fn mac(group: Segment, host: u8) -> String {
    format!("02:00:00:00:{:02x}:{host:02x}", group as u8)
}

fn ip(namespace: &Namespace, batch: &str) -> Result<()> {
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
    fn ethernet_addresses_say_whose_they_are() {
        assert_eq!(mac(Segment::Hosts, 11), "02:00:00:00:02:0b");
        assert_eq!(mac(Segment::Ports, 2), "02:00:00:00:03:02");
    }

    #[test]
    fn only_servers_hold_the_vips() {
        let plan = Plan::new(1, 0).unwrap();
        let server = host_setup(&plan.backends[0], ROUTER_ON_SEGMENT, Some(plan.vips));
        assert!(server.contains("addr add 192.0.2.1/32 dev lo\n"));
        assert!(server.contains("addr add 2001:db8:0:1::1/128 dev lo nodad preferred_lft 0\n"));
        assert!(!host_setup(&plan.client, ROUTER_TO_CLIENT, None).contains("192.0.2.1"));
    }
}
