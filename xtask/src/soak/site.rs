//! The site of an edge in the soak: two pools that differ in all that matters to sessions, three ways of delivery in each, and on
//! one edge a pool of that host itself.

use std::{fmt::Write as _, net::Ipv6Addr};

use anyhow::Result;

use super::datagrams::PORT;
use crate::lab::{
    Addresses, Family, INTERFACE,
    sites::{SitesLab, TRANSIT},
};

/// The edge that serves VIPs of its own.
pub const LOCAL: &str = "a1";
/// Its VIPs, which are announced by nobody: transit has routes to them.
pub const LOCAL_VIPS: Addresses = Addresses {
    v4: std::net::Ipv4Addr::new(192, 0, 2, 9),
    v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 9),
};
/// How each of a site's servers is reached from its own edges.
const DELIVERIES: [&str; 3] = ["l2", "ipip", "gue"];

/// In every pool. Checks are patient: on a busy machine one that fails shall have failed.
const POOL: &str = "idle_timeout = \"5s\"\npanic_threshold = \"100%\"\n\
    check = { type = \"http\", port = 80, interval = \"500ms\", fast_interval = \"250ms\", timeout = \"1s\", \
    hold_down = \"1s\", hold_down_max = \"2s\" }";
/// Short times: a run has minutes.
const ANNOUNCE: &str = "lease = \"5s\"\nhold_up = \"1s\"\nhold_up_max = \"3s\"\nquiet = \"2s\"";

/// What becomes of the flows of a backend that is down: of one pool they end, of the other they live.
pub const fn on_down(family: Family) -> &'static str {
    match family {
        Family::V4 => "reset",
        Family::V6 => "keep",
    }
}

/// Whether datagrams of a pool have a backend of their own.
pub const fn pins_datagrams(family: Family) -> bool {
    matches!(family, Family::V6)
}

/// The delivery of a server at its own site.
pub fn delivery(backend: &str) -> &'static str {
    let number = backend.chars().last().and_then(|last| last.to_digit(10)).unwrap_or(1);
    DELIVERIES.get(number.saturating_sub(1) as usize).copied().unwrap_or("l2")
}

/// The site file of an edge.
pub fn file(sites: &SitesLab, edge: &str) -> Result<String> {
    let mut text = sites.site_with_backups(edge, POOL)? + &sites.announce(edge, ANNOUNCE)?;
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        let udp = if pins_datagrams(family) { "pinned" } else { "stateless" };
        let lines = format!("{name}on_down = \"{}\"\nudp = \"{udp}\"\n", on_down(family));
        text = text.replacen(&name, &lines, 1);
    }
    text = text.replace("\"tcp/80\"", &format!("\"tcp/80\", \"udp/{PORT}\""));
    let own = sites.plan().site_of(edge).into_iter().flat_map(|site| &site.backends);
    for host in own {
        let name = format!("name = \"{}\"\n", host.name);
        text = text.replace(&name, &format!("{name}delivery = \"{}\"\n", delivery(&host.name)));
    }
    if edge == LOCAL {
        text.push_str(&local(sites, edge));
    }
    Ok(text)
}

/// The same with another weight of a backend, in both pools.
pub fn with_weight(file: &str, backend: &str, weight: usize) -> String {
    let name = format!("name = \"{backend}\"\n");
    let mut parts = file.split(&name);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(&name);
        text.push_str(&part.replacen("weight = 1\n", &format!("weight = {weight}\n"), 1));
    }
    text
}

/// Pools of the edge itself, and the VIPs they serve.
fn local(sites: &SitesLab, edge: &str) -> String {
    let mut text = String::new();
    let host = sites.plan().edges().find(|planned| planned.name == edge);
    for (family, host) in Family::ALL.into_iter().filter_map(|family| Some((family, host?))) {
        let (pool, vip, address) = (local_pool(family), LOCAL_VIPS.of(family), host.arm.of(family));
        let _ = write!(
            text,
            "\n[[pool]]\nname = \"{pool}\"\ndelivery = \"local\"\n\
             [[pool.backend]]\nname = \"{edge}\"\naddress = \"{address}\"\n\
             \n[[vip]]\nname = \"{pool}\"\naddress = \"{vip}\"\nservices = [\"udp/{PORT}\"]\n\
             pool = \"{pool}\"\nannounce = \"never\"\n"
        );
    }
    text
}

/// Name of the local VIP of a family, and of its pool.
pub const fn local_pool(family: Family) -> &'static str {
    match family {
        Family::V4 => "own4",
        Family::V6 => "own6",
    }
}

/// Has the edge hold its own VIPs, and transit send them there.
pub fn lead_to_local(sites: &SitesLab) -> Result<()> {
    let host = sites.plan().edges().find(|edge| edge.name == LOCAL);
    for (family, host) in Family::ALL.into_iter().filter_map(|family| Some((family, host?))) {
        let (vip, via) = (LOCAL_VIPS.of(family).to_string(), host.link.of(family).to_string());
        match family {
            Family::V4 => sites.run(LOCAL, "ip", &["address", "add", &format!("{vip}/32"), "dev", "lo"])?,
            Family::V6 => {
                let words =
                    ["address", "add", &format!("{vip}/128"), "dev", "lo", "nodad", "preferred_lft", "0"];
                sites.run(LOCAL, "ip", &words)?
            }
        };
        sites.run(TRANSIT, "ip", &["route", "add", &vip, "via", &via])?;
    }
    // Whoever asks there for a packet is counted, where no program of this project can be wrong.
    for edge in sites.plan().edges() {
        let rules = format!(
            "table netdev soak {{\n  counter passed {{ }}\n  chain passed {{ \
             type filter hook ingress device \"{INTERFACE}\" priority 0; \
             counter name passed; }}\n}}\n"
        );
        sites.run(&edge.name, "nft", &[&rules])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_that_of_one_backend() {
        let file = "name = \"a\"\nweight = 1\nname = \"b\"\nweight = 1\nname = \"a\"\nweight = 1\n";
        let changed = "name = \"a\"\nweight = 5\nname = \"b\"\nweight = 1\nname = \"a\"\nweight = 5\n";
        assert_eq!(with_weight(file, "a", 5), changed);
        assert_eq!(["a-web1", "a-web2", "b-web3"].map(delivery), ["l2", "ipip", "gue"]);
    }
}
