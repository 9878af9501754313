//! What a backend needs, held against what there is: pure functions.

use std::net::IpAddr;

use super::{Delivery, facts::Facts, path_mtu, program};
use crate::{
    finding::{Finding, State, bad, ok},
    host::{
        Held, dotted,
        judge::{arp_ignore, reverse_path, shown},
    },
};

/// Every finding, in the order a packet meets the things.
pub fn judge(facts: &Facts, vips: &[IpAddr], delivery: Option<Delivery>) -> Vec<Finding> {
    let has_v4 = vips.iter().any(IpAddr::is_ipv4);
    let has_v6 = vips.iter().any(IpAddr::is_ipv6);
    let is_tunnel = delivery != Some(Delivery::L2);
    let mut findings = vec![interface(facts)];
    if is_tunnel {
        findings.extend(program::judge(facts, delivery));
    }
    for vip in vips {
        findings.extend(held(facts, *vip, delivery));
    }
    if has_v4 {
        findings.extend(arp(facts, delivery));
        findings.push(reverse_path(facts.sysctls.rp_filter, &facts.network.ways, &facts.interface.name));
    }
    if has_v6 {
        findings.push(ipv6(facts));
    }
    if is_tunnel {
        findings.extend(path_mtu::judge(facts, vips, delivery));
    }
    findings
}

fn interface(facts: &Facts) -> Finding {
    let name = &facts.interface.name;
    if facts.interface.up {
        return ok("interface", format!("{name} is up"));
    }
    bad(
        "interface",
        State::Fail,
        format!("{name} is down, or has no carrier"),
        format!("ip link set dev {name} up"),
    )
}

/// Whether the host takes packets to the VIP for its own, and whether it does so silently.
fn held(facts: &Facts, vip: IpAddr, delivery: Option<Delivery>) -> Vec<Finding> {
    let host = if vip.is_ipv4() { 32 } else { 128 };
    let add = format!("ip address add {vip}/{host} dev lo");
    let Some(held) = facts.network.held(vip) else {
        return vec![bad("vip", State::Fail, format!("{vip} is on no interface"), add)];
    };
    let Held { length, interface, .. } = held;
    let found = format!("{vip}/{length} is on {interface}");
    if *length != host {
        let advice = format!("ip address delete {vip}/{length} dev {interface} && {add}");
        return vec![bad("vip", State::Fail, format!("{found}, and a whole network with it"), advice)];
    }
    if held.tentative || held.duplicate {
        let why = if held.duplicate { "a neighbour has it too" } else { "still tentative" };
        let advice = format!("ip address delete {vip}/{length} dev {interface} && {add} nodad");
        return vec![bad("vip", State::Fail, format!("{found}, but not in use: {why}"), advice)];
    }
    let mut findings = Vec::new();
    if *interface == facts.interface.name {
        let advice = format!("ip address delete {vip}/{length} dev {interface} && {add}");
        let found = format!("{found} itself, which answers neighbours that ask for it");
        findings.push(bad("vip", heard(delivery), found, advice));
    } else {
        findings.push(ok("vip", found));
    }
    // Loopback interfaces know neither.
    if vip.is_ipv6() && interface != "lo" {
        findings.extend(neighbour_discovery(held, &add));
    }
    findings
}

fn neighbour_discovery(held: &Held, add: &str) -> Option<Finding> {
    let Held { address, interface, .. } = held;
    if held.ndisc_notify.unwrap_or(0) > 0 {
        let found = format!("{address} is announced to the neighbours of {interface} when that comes up");
        let advice = format!("sysctl -w net.ipv6.conf.{}.ndisc_notify=0, or put it on lo", dotted(interface));
        return Some(bad("ndisc_notify", State::Warn, found, advice));
    }
    if !held.nodad && held.accept_dad.unwrap_or(0) > 0 {
        let found = format!(
            "{address} on {interface} is subject to duplicate address detection, and every backend has it"
        );
        let advice = format!("ip address delete {address}/128 dev {interface} && {add} nodad");
        return Some(bad("dad", State::Warn, found, advice));
    }
    None
}

/// How bad it is to be heard as the owner of a VIP: with l2 the neighbours send to whoever answers.
fn heard(delivery: Option<Delivery>) -> State {
    match delivery {
        Some(Delivery::Ipip | Delivery::Gue) => State::Warn,
        Some(Delivery::L2) | None => State::Fail,
    }
}

/// What this host says in ARP (`arp_ignore` and `arp_announce` in Documentation/networking/ip-sysctl.rst).
fn arp(facts: &Facts, delivery: Option<Delivery>) -> [Finding; 2] {
    let announce = match facts.sysctls.arp_announce {
        Some(2) => ok("arp_announce", "a VIP never asks".to_owned()),
        other => bad(
            "arp_announce",
            heard(delivery),
            format!("{}: a VIP may ask in ARP, and neighbours learn that it is here", shown(other)),
            "sysctl -w net.ipv4.conf.all.arp_announce=2".to_owned(),
        ),
    };
    [arp_ignore(facts.sysctls.arp_ignore, heard(delivery)), announce]
}

fn ipv6(facts: &Facts) -> Finding {
    let name = &facts.interface.name;
    match facts.sysctls.disable_ipv6 {
        Some(0) => ok("ipv6", format!("on, for {name}")),
        _ => bad(
            "ipv6",
            State::Fail,
            format!("off for {name}: inner IPv6 packets are dropped there"),
            format!("sysctl -w net.ipv6.conf.{}.disable_ipv6=0", dotted(name)),
        ),
    }
}

#[cfg(test)]
mod tests;
