//! Whether what clients send fits the path once the edge host has put outer headers around it.
//!
//! A packet that does not fit is not lost: the edge host answers the client with "fragmentation needed" or "packet too big".
//! That costs each connection a round trip, and clients behind filters that drop such answers the connection. The segment size
//! this host announces (`advmss` of its route to them) keeps them from sending such packets at all.

use std::net::IpAddr;

use super::{Delivery, facts::Facts};
use crate::{
    finding::{Finding, State, bad, ok},
    host::Way,
};

/// Headers of TCP, without options.
const TCP: u32 = 20;

/// Header of UDP.
const UDP: u32 = 8;

/// What clients' own networks carry, nearly all of them: Ethernet's.
const CLIENTS_MTU: u32 = 1500;

/// A finding for each family of the VIPs.
pub fn judge(facts: &Facts, vips: &[IpAddr], delivery: Option<Delivery>) -> Vec<Finding> {
    let overhead = overhead(facts, delivery);
    let families = [false, true].into_iter().filter(|is_v6| vips.iter().any(|vip| vip.is_ipv6() == *is_v6));
    families.map(|is_v6| family(facts, is_v6, overhead)).collect()
}

fn family(facts: &Facts, is_v6: bool, overhead: u32) -> Finding {
    let (name, headers) = if is_v6 { ("mtu_ipv6", ip(true) + TCP) } else { ("mtu_ipv4", ip(false) + TCP) };
    let mtu = facts.interface.mtu;
    let Some(way) = facts.network.ways.iter().find(|way| way.is_v6 == is_v6) else {
        return ok(
            name,
            "no default route: see that the routes to clients have an advmss that fits".to_owned(),
        );
    };
    let announced = way.advmss.unwrap_or(way.mtu.saturating_sub(headers));
    let segment = announced.min(CLIENTS_MTU - headers);
    let whole = segment + headers + overhead;
    if whole <= mtu {
        return ok(
            name,
            format!(
                "segments of {segment} bytes are {whole} with all headers: {} takes {mtu}",
                facts.interface.name
            ),
        );
    }
    bad(
        name,
        State::Warn,
        format!(
            "clients may send segments of {segment} bytes, {whole} with all headers, and {} takes {mtu}: \
             each connection that does loses a round trip",
            facts.interface.name
        ),
        format!("{}, or raise the MTU on the way from the edge hosts", change(way, mtu - overhead - headers)),
    )
}

/// The most that outer headers take.
fn overhead(facts: &Facts, delivery: Option<Delivery>) -> u32 {
    let status = facts.receiver.as_ref().ok();
    let outer_v6 = status.is_none_or(|status| status.senders.iter().any(|sender| sender.is_v6()));
    let gue = match delivery {
        Some(Delivery::Gue) => true,
        Some(Delivery::Ipip | Delivery::L2) => false,
        None => status.is_none_or(|status| status.gue_port.is_some()),
    };
    ip(outer_v6) + if gue { UDP } else { 0 }
}

const fn ip(is_v6: bool) -> u32 {
    if is_v6 { 40 } else { 20 }
}

fn change(way: &Way, advmss: u32) -> String {
    let ip = if way.is_v6 { "ip -6" } else { "ip" };
    match (way.gateway, way.interfaces.as_slice()) {
        (Some(gateway), [interface]) => {
            format!("{ip} route change default via {gateway} dev {interface} advmss {advmss}")
        }
        _ => format!("add `advmss {advmss}` to the routes that `{ip} route show default` shows"),
    }
}
