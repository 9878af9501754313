//! Where VIPs are held, and what the host's own stack does with packets for them.

use std::net::IpAddr;

use super::{super::Check, Facts, Finding, fail, ok, warn};
use crate::{
    doctor::facts::Device,
    finding::State,
    health::spec::Spec,
    host::{
        dotted,
        judge::{arp_ignore, reverse_path, shown},
    },
    model::{Delivery, Site, Via, Vip},
};

/// One finding for each VIP that is not as it must be, or one for all.
pub fn vips(facts: &Facts) -> Vec<Finding> {
    let Some(site) = site(facts) else { return Vec::new() };
    let found: Vec<Finding> = site.vips.iter().filter_map(|vip| misplaced(facts, site, vip)).collect();
    if !found.is_empty() {
        return found;
    }
    let held = site.vips.iter().filter(|vip| facts.network.held(vip.address).is_some()).count();
    vec![ok(Check::Vip, format!("{held} of {} are held by this host, silently", site.vips.len()))]
}

fn misplaced(facts: &Facts, site: &Site, vip: &Vip) -> Option<Finding> {
    let (address, length) = (vip.address, if vip.address.is_ipv4() { 32 } else { 128 });
    let add = format!("ip address add {address}/{length} dev lo");
    let Some(held) = facts.network.held(address) else {
        let found = format!("{address} is on no interface, and pool {} delivers to this host", vip.pool);
        return is_local(facts, site, vip).then(|| fail(Check::Vip, found, add).of(&vip.name));
    };
    if held.interface == "lo" {
        return None;
    }
    let found = format!(
        "{address}/{} is on {}, which answers neighbours that ask for it",
        held.length, held.interface
    );
    let advice = format!("ip address delete {address}/{} dev {} && {add}", held.length, held.interface);
    Some(warn(Check::Vip, found, advice).of(&vip.name))
}

/// Whether its pool delivers to this host itself.
fn is_local(facts: &Facts, site: &Site, vip: &Vip) -> bool {
    site.pool(&vip.pool).is_some_and(|pool| {
        let local = pool.backends.iter().filter(|it| pool.delivery_of(it) == Delivery::Local);
        local.map(|backend| backend.address).any(|address| facts.network.held(address).is_some())
    })
}

/// What an interface's settings do to packets for VIPs.
pub fn judge(device: &Device, facts: &Facts) -> Vec<Finding> {
    vec![rp_filter(device, facts), accept_local(device, facts), arp(device, facts), forwarding(device, facts)]
}

fn rp_filter(device: &Device, facts: &Facts) -> Finding {
    let local = site(facts)
        .is_some_and(|site| site.vips.iter().any(|vip| vip.address.is_ipv4() && is_local(facts, site, vip)));
    if local {
        return reverse_path(device.rp_filter, &facts.network.ways, &device.interface.name);
    }
    let found = match device.rp_filter {
        Some(0) => "off".to_owned(),
        Some(1) => "strict, which what is steered elsewhere does not meet".to_owned(),
        Some(2) => "loose".to_owned(),
        other => shown(other),
    };
    ok(Check::RpFilter, found)
}

/// Backends elsewhere answer checks of a VIP that this host holds from an address that is this host's own.
fn accept_local(device: &Device, facts: &Facts) -> Finding {
    match (asked_and_held(facts), device.accept_local) {
        (Some(vip), Some(false)) => {
            let found = format!(
                "off, and {vip} is held here: checks of other backends by `via = \"vip\"` are never answered"
            );
            let name = dotted(&device.interface.name);
            warn(Check::AcceptLocal, found, format!("sysctl -w net.ipv4.conf.{name}.accept_local=1"))
        }
        (_, Some(true)) => ok(Check::AcceptLocal, "on"),
        (None, Some(false)) => {
            ok(Check::AcceptLocal, "off, and backends elsewhere are checked by no IPv4 VIP that is held here")
        }
        (_, None) => ok(Check::AcceptLocal, shown(None)),
    }
}

/// An IPv4 VIP that this host holds, and by which a backend elsewhere is checked.
fn asked_and_held(facts: &Facts) -> Option<IpAddr> {
    let site = site(facts)?;
    let backends = site.pools.iter().flat_map(|pool| pool.backends.iter().map(move |it| (pool, it)));
    let elsewhere = backends.filter(|(pool, backend)| pool.delivery_of(backend) != Delivery::Local);
    let checks = elsewhere.filter_map(|(pool, backend)| Spec::of(site, pool, backend));
    let mut asked = checks.filter(|check| check.via == Via::Vip).flat_map(|check| check.vips);
    asked.find(|(_, vip)| vip.is_ipv4() && facts.network.held(*vip).is_some()).map(|(_, vip)| vip)
}

fn arp(device: &Device, facts: &Facts) -> Finding {
    let held = vip_addresses(facts).any(|vip| vip.is_ipv4() && facts.network.held(vip).is_some());
    if held {
        // Routers send here by their routes; it is a neighbour on the same segment that would be misled.
        return arp_ignore(device.arp_ignore, State::Warn);
    }
    ok(Check::ArpIgnore, format!("{}, and no IPv4 VIP is held here", shown(device.arp_ignore)))
}

/// A packet to a VIP that the program passes, of a port that is not served, is not this host's own unless it holds the VIP.
/// Forwarding sends it back to the router it came from.
fn forwarding(device: &Device, facts: &Facts) -> Finding {
    for (v6, family, ip) in [(false, "ipv4", "ip"), (true, "ipv6", "ip -6")] {
        let on = device.forwarding.get(usize::from(v6)).copied().flatten() == Some(1);
        let stray =
            vip_addresses(facts).find(|vip| vip.is_ipv6() == v6 && facts.network.held(*vip).is_none());
        if let Some(vip) = stray.filter(|_| on) {
            let found = format!(
                "on for {family}, and {vip} is not held here: what is not served there goes in a circle"
            );
            let advice = format!(
                "sysctl -w net.{family}.conf.{}.forwarding=0, or {ip} route add blackhole {vip}",
                dotted(&device.interface.name)
            );
            return warn(Check::Forwarding, found, advice);
        }
    }
    ok(Check::Forwarding, "packets to VIPs are not sent back")
}

fn site(facts: &Facts) -> Option<&Site> {
    facts.site.as_ref()?.as_ref().ok()
}

fn vip_addresses(facts: &Facts) -> impl Iterator<Item = IpAddr> {
    site(facts).into_iter().flat_map(|site| &site.vips).map(|vip| vip.address)
}
