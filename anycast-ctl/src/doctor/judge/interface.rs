//! One interface: driver, queues, offloads, and what it is part of.

use super::{super::Check, Facts, Finding, fail, ok, warn};
use crate::{
    api::types::XdpMode,
    doctor::facts::{Channels, Device},
    preflight::MULTI_BUFFER_KERNEL,
    spelling::unknown,
};

/// A packet that fits the page drivers hand to XDP, beside headroom and what the stack keeps behind it. Drivers differ by some
/// bytes; veth is among the strictest.
const ONE_BUFFER_MTU: u32 = 3_498;

/// The smallest MTU over which IPv6 works, RFC 8200 section 5.
const IPV6_MTU: u32 = 1_280;

/// What Ethernet carries.
const ETHERNET_MTU: u32 = 1_500;

/// Drivers with native XDP in 5.15, for kernels that do not say (before 6.3).
const NATIVE_DRIVERS: &[&str] = &[
    "atlantic",
    "bnxt_en",
    "bonding",
    "dpaa2-eth",
    "ena",
    "fsl_dpaa",
    "hv_netvsc",
    "i40e",
    "ice",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "mvpp2",
    "netsec",
    "nfp",
    "nicvf",
    "octeontx2-nic",
    "qede",
    "sfc",
    "st_gmac",
    "ti_cpsw",
    "tun",
    "veth",
    "virtio_net",
    "vif",
];

pub fn judge(device: &Device, facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![interface(device)];
    findings.extend([driver(device), other_program(device), mtu(device, facts)]);
    findings.extend([queues(device, facts.limits.cpus), lro(device), gro(device)]);
    findings.extend([vlan_offload(device), membership(device)]);
    findings
}

/// One that is not there.
pub fn missing(name: &str, existing: &[String]) -> Finding {
    let found = unknown("interface", name, existing.iter().map(String::as_str));
    fail(Check::Interface, found, "ip link show, and name one of those").of(name)
}

fn interface(device: &Device) -> Finding {
    let it = &device.interface;
    if it.mac.is_none() {
        let advice = "name the interface that receives the VIPs' traffic";
        return fail(Check::Interface, "is not Ethernet", advice);
    }
    if !it.up {
        let found = "is down, or has no carrier";
        return fail(Check::Interface, found, format!("ip link set dev {} up", it.name));
    }
    ok(Check::Interface, "is up")
}

fn driver(device: &Device) -> Finding {
    let name = device.driver.as_deref().unwrap_or("unknown");
    let native = match device.features {
        Some(features) => Some(features.is_native()),
        None => device.driver.as_deref().map(|driver| NATIVE_DRIVERS.contains(&driver)),
    };
    let again = format!(
        "restart the daemon when `anycast-ctl doctor --interface {}` finds native XDP",
        device.interface.name
    );
    match (device.attached, native) {
        (Some(XdpMode::Native), _) => ok(Check::Driver, format!("{name}, attached natively")),
        (Some(XdpMode::Generic), Some(true)) => {
            let found =
                format!("{name} has native XDP, and the program is attached in generic mode, which is slow");
            warn(Check::Driver, found, "restart the daemon with --xdp-mode native")
        }
        (Some(XdpMode::Generic), _) => warn(
            Check::Driver,
            format!("{name} has no native XDP: attached in generic mode, which is slow"),
            again,
        ),
        (None, Some(true)) => ok(Check::Driver, format!("{name}, with native XDP")),
        (None, Some(false)) if too_few_queues(device) => {
            let found =
                format!("{name}: with fewer receive queues than its peer has transmit queues, no native XDP");
            warn(Check::Driver, found, set_queues(device))
        }
        (None, Some(false)) => {
            let found = format!(
                "{name} has no native XDP: the program will be attached in generic mode, which is slow"
            );
            warn(Check::Driver, found, "use an interface whose driver has it")
        }
        (None, None) => ok(Check::Driver, format!("{name}: attaching will show whether it has native XDP")),
    }
}

/// veth has native XDP with enough queues only, and can be given more of them.
fn too_few_queues(device: &Device) -> bool {
    device.driver.as_deref() == Some("veth")
        && device.channels.is_some_and(|channels| channels.receive < channels.most)
}

fn set_queues(device: &Device) -> String {
    let (name, channels) = (&device.interface.name, device.channels);
    let Channels { most, combined, .. } =
        channels.unwrap_or(Channels { receive: 1, most: 1, combined: true });
    format!("ethtool -L {name} {} {most}", if combined { "combined" } else { "rx" })
}

fn other_program(device: &Device) -> Finding {
    let name = &device.interface.name;
    match (device.interface.xdp, device.attached) {
        (None, _) => ok(Check::OtherProgram, "no XDP program is attached"),
        (Some(_), Some(_)) => ok(Check::OtherProgram, "only this instance's is attached"),
        (Some(xdp), None) => {
            let program =
                device.program.as_deref().map_or_else(String::new, |program| format!(" `{program}`"));
            let found = format!("XDP program{program} (id {}) of somebody else is attached", xdp.program_id);
            let off = match xdp.mode {
                XdpMode::Native => "xdpdrv",
                XdpMode::Generic => "xdpgeneric",
            };
            let advice =
                format!("ip link set dev {name} {off} off, or end what holds its link: bpftool link show");
            fail(Check::OtherProgram, found, advice)
        }
    }
}

fn mtu(device: &Device, facts: &Facts) -> Finding {
    let (name, mtu) = (&device.interface.name, device.interface.mtu);
    let old = facts.surroundings.release().is_ok_and(|release| release < MULTI_BUFFER_KERNEL);
    let one_buffer = old || device.features.is_some_and(|it| it.is_native() && !it.takes_buffers());
    if mtu < IPV6_MTU {
        let found = format!("{mtu}: IPv6 needs {IPV6_MTU}");
        return fail(Check::Mtu, found, format!("ip link set dev {name} mtu {ETHERNET_MTU}"));
    }
    if one_buffer && mtu > ONE_BUFFER_MTU {
        let found =
            format!("{mtu}: XDP gets one buffer of a packet here, which holds some {ONE_BUFFER_MTU} bytes");
        return warn(Check::Mtu, found, format!("ip link set dev {name} mtu {ONE_BUFFER_MTU}"));
    }
    ok(Check::Mtu, mtu.to_string())
}

fn queues(device: &Device, cpus: u32) -> Finding {
    let receive = device.channels.map_or(device.interface.rx_queues, |channels| channels.receive);
    let (found, transmit) = (format!("{receive} to receive"), device.tx_queues);
    match device.channels {
        Some(channels) if receive < cpus && receive < channels.most => {
            let found = format!("{found}, and {cpus} CPUs: some take no part");
            let wanted = Channels { most: channels.most.min(cpus), ..channels };
            warn(Check::Queues, found, set_queues(&Device { channels: Some(wanted), ..device.clone() }))
        }
        _ => ok(Check::Queues, format!("{found}, {transmit} to transmit, {cpus} CPUs")),
    }
}

fn lro(device: &Device) -> Finding {
    if device.lro == Some(true) {
        let found = "on: the hardware merges packets, and native XDP is refused or sees them merged";
        return fail(Check::Lro, found, format!("ethtool -K {} lro off", device.interface.name));
    }
    ok(Check::Lro, "off")
}

/// The stack merges packets before it runs generic programs, and after the driver has run native ones.
fn gro(device: &Device) -> Finding {
    match (device.gro, device.attached) {
        (Some(true), Some(XdpMode::Generic)) => {
            let found = "on: generic XDP sees packets merged, which then do not fit the way to their backend";
            warn(Check::Gro, found, format!("ethtool -K {} gro off", device.interface.name))
        }
        (Some(true), _) => ok(Check::Gro, "on, behind native XDP"),
        _ => ok(Check::Gro, "off"),
    }
}

fn vlan_offload(device: &Device) -> Finding {
    match (device.strips_vlan, device.vlans.as_slice()) {
        (Some(true), []) => {
            ok(Check::VlanOffload, "on, which matters once frames come tagged: XDP would not see the tags")
        }
        (Some(true), vlans) => {
            let found =
                format!("on, and there is {}: XDP takes tagged frames for untagged ones", vlans.join(", "));
            warn(Check::VlanOffload, found, format!("ethtool -K {} rxvlan off", device.interface.name))
        }
        _ => ok(Check::VlanOffload, "off: tags are seen"),
    }
}

fn membership(device: &Device) -> Finding {
    let name = &device.interface.name;
    match &device.master {
        None => ok(Check::Membership, "part of no bond, team or bridge"),
        Some((master, kind)) if kind == "bridge" => {
            let found = format!("port of {kind} {master}: next hops are found on {master}, not here");
            warn(
                Check::Membership,
                found,
                format!("ip link set dev {name} nomaster, or name {master} in `interfaces`"),
            )
        }
        Some((master, kind)) if kind == "bond" || kind == "team" => {
            let found = format!("part of {kind} {master}: what comes in by the other parts is not steered");
            warn(Check::Membership, found, format!("name {master} in `interfaces`"))
        }
        // A VRF and the like: packets still come in here.
        Some((master, kind)) => ok(Check::Membership, format!("in {kind} {master}")),
    }
}
