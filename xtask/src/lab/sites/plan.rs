//! Who is in a lab of two sites, at which addresses and in which autonomous systems.
//!
//! ```text
//!                        ┌───────────── site-a ── a-web1..3   203.0.113.0/25    2001:db8:0:a::/64
//!                        ├── a1 ───────────┤      .11 to .13
//! client ──── transit ───┼── a2 ───────────┘
//! .2       .1  AS 64512  ├── b1 ───────────┐
//!                        ├── b2 ───────────┤
//!                        └───────────── site-b ── b-web1..3   203.0.113.128/25  2001:db8:0:b::/64
//!                                                 .211 to .213
//! 198.51.100.0/24         192.0.2.128/25 in /30s
//! 2001:db8:0:3::/64       2001:db8:0:a1::/64, …
//! ```
//!
//! An edge has `eth0` towards transit and `eth1` on its site's segment. Transit has a port on each segment, too: by that the
//! backends answer the client directly, and edges reach the other site's backends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::plan::{Addresses, Host, Plan, client_net};

/// Number of transit's autonomous system.
pub const TRANSIT_ASN: u32 = 64_512;
/// Edge hosts of a site.
const EDGES: u8 = 2;
/// Servers of a site.
const BACKENDS: u8 = 3;

/// Every host of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitesPlan {
    /// The VIPs, of both sites.
    pub vips: Addresses,
    /// Opens connections.
    pub client: Host,
    /// `a`, which transit prefers, and `b`.
    pub sites: [Site; 2],
}

/// One site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Number of its autonomous system.
    pub asn: u32,
    /// The local preference that transit gives to its routes.
    pub preference: u32,
    /// Transit's addresses on its segment.
    pub gateway: Addresses,
    /// Hosts that run the daemon, the XDP program and a routing daemon.
    pub edges: Vec<Edge>,
    /// Servers of its pools.
    pub backends: Vec<Host>,
}

/// One edge host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Name of its namespace, and of transit's port towards it.
    pub name: String,
    /// Its addresses on `eth0`: its BGP sessions' and its tunnels' to other sites.
    pub link: Addresses,
    /// Transit's addresses at the other end.
    pub transit: Addresses,
    /// Its addresses on `eth1`, on the site's segment.
    pub arm: Addresses,
}

impl SitesPlan {
    /// The lab's only plan.
    pub(super) fn new() -> Self {
        Self {
            vips: Addresses {
                v4: Ipv4Addr::new(192, 0, 2, 1),
                v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1),
            },
            client: Host { name: "client".to_owned(), addresses: client_net(2) },
            sites: [Numbers::A.site(), Numbers::B.site()],
        }
    }

    /// Every edge host.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.sites.iter().flat_map(|site| &site.edges)
    }

    /// Every server.
    pub fn backends(&self) -> impl Iterator<Item = &Host> {
        self.sites.iter().flat_map(|site| &site.backends)
    }

    /// The site that an edge host or a server belongs to.
    pub fn site_of(&self, host: &str) -> Option<&Site> {
        let has = |site: &&Site| {
            site.edges.iter().any(|edge| edge.name == host)
                || site.backends.iter().any(|backend| backend.name == host)
        };
        self.sites.iter().find(has)
    }

    /// The lab as one edge host sees it: itself, its site's backends, and the client.
    pub(super) fn seen_from(&self, site: &Site, edge: &Edge) -> Plan {
        Plan {
            vips: self.vips,
            client: self.client.clone(),
            edge: Host { name: edge.name.clone(), addresses: edge.link },
            second_arm: Some(edge.arm),
            backends: site.backends.clone(),
            spares: Vec::new(),
        }
    }
}

impl Edge {
    /// Addresses of its tunnels' outer source: those of the arm towards its own site, and those of the link towards others.
    pub fn tunnel_sources(&self) -> [IpAddr; 4] {
        [self.link.v4.into(), self.link.v6.into(), self.arm.v4.into(), self.arm.v6.into()]
    }
}

/// What a site's addresses are made of.
struct Numbers {
    name: &'static str,
    /// The name as the network's digit.
    digit: u16,
    asn: u32,
    preference: u32,
    /// Below its hosts' numbers on the segment.
    base: u8,
    /// Below its first edge's link.
    link: u8,
}

impl Numbers {
    const A: Self = Self { name: "a", digit: 0xa, asn: 65_001, preference: 200, base: 0, link: 128 };
    const B: Self = Self { name: "b", digit: 0xb, asn: 65_002, preference: 100, base: 200, link: 136 };

    fn site(&self) -> Site {
        Site {
            name: self.name.to_owned(),
            asn: self.asn,
            preference: self.preference,
            gateway: self.segment(1),
            edges: (1..=EDGES).map(|number| self.edge(number)).collect(),
            backends: (1..=BACKENDS)
                .map(|number| Host {
                    name: format!("{}-web{number}", self.name),
                    addresses: self.segment(10 + number),
                })
                .collect(),
        }
    }

    fn edge(&self, number: u8) -> Edge {
        let end = |host: u8| Addresses {
            v4: Ipv4Addr::new(192, 0, 2, self.link + 4 * (number - 1) + host),
            v6: network(self.digit << 4 | u16::from(number), host),
        };
        Edge {
            name: format!("{}{number}", self.name),
            link: end(2),
            transit: end(1),
            arm: self.segment(1 + number),
        }
    }

    fn segment(&self, host: u8) -> Addresses {
        Addresses { v4: Ipv4Addr::new(203, 0, 113, self.base + host), v6: network(self.digit, host) }
    }
}

/// A host of one of the lab's networks; it shows the same digits in decimal: ::11 is 0x11.
fn network(digits: u16, host: u8) -> Ipv6Addr {
    let shown = u16::from(host / 10) << 4 | u16::from(host % 10);
    Ipv6Addr::new(0x2001, 0xdb8, 0, digits, 0, 0, 0, shown)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn addresses_are_unique_and_readable() {
        let plan = SitesPlan::new();
        let edges = plan.edges().flat_map(|edge| [edge.link, edge.transit, edge.arm]);
        let servers = plan.backends().map(|host| host.addresses);
        let all: Vec<Addresses> =
            edges.chain(servers).chain(plan.sites.iter().map(|site| site.gateway)).collect();
        let [v4, v6] = [
            all.iter().map(|it| IpAddr::from(it.v4)).collect::<BTreeSet<_>>(),
            all.iter().map(|it| it.v6.into()).collect(),
        ];
        assert_eq!((v4.len(), v6.len()), (all.len(), all.len()));
        let a2 = plan.edges().find(|edge| edge.name == "a2").unwrap();
        assert_eq!(a2.link.v4.to_string(), "192.0.2.134");
        assert_eq!(a2.link.v6.to_string(), "2001:db8:0:a2::2");
        assert_eq!(a2.transit.v6.to_string(), "2001:db8:0:a2::1");
        let b_web3 = plan.backends().last().unwrap();
        assert_eq!(
            (b_web3.name.as_str(), b_web3.addresses.v4.to_string()),
            ("b-web3", "203.0.113.213".to_owned())
        );
        assert_eq!(b_web3.addresses.v6.to_string(), "2001:db8:0:b::13");
    }

    #[test]
    fn hosts_are_found_in_their_sites() {
        let plan = SitesPlan::new();
        let site_of = |host| plan.site_of(host).map(|site| site.name.as_str());
        assert_eq!((site_of("a2"), site_of("b-web1"), site_of("client")), (Some("a"), Some("b"), None));
    }
}
