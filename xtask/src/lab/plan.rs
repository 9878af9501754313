//! Who is in a lab and at which addresses: all from the blocks RFC 5737 and RFC 3849 reserve for documentation.
//!
//! ```text
//! client ──── router ──┬── edge        XDP program on eth0
//! .2       .1      .1  │   .2
//!                      ├── backend1    VIPs on lo, answers the client through the router
//!                      │   .11
//!                      └── …
//! 198.51.100.0/24      203.0.113.0/24
//! 2001:db8:0:3::/64    2001:db8:0:2::/64
//! ```
//!
//! With two arms, the edge's `eth0` is on a network of its own with the router, 192.0.2.128/25 and 2001:db8:0:4::/64, and
//! its `eth1` on the segment in `eth0`'s place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// Most backends and spares a lab can hold: they are numbered within one /24.
pub const MAX_BACKENDS: usize = 200;
/// The first backend's host number is one above this.
const BACKEND_BASE: usize = 10;

/// One address of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// IPv4.
    pub v4: Ipv4Addr,
    /// IPv6.
    pub v6: Ipv6Addr,
}

impl Addresses {
    /// The one of that family.
    pub fn of(self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.v4.into(),
            Family::V6 => self.v6.into(),
        }
    }
}

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The VIP of that family in a lab's site.
    pub fn vip_name(self) -> &'static str {
        match self {
            Self::V4 => "www4",
            Self::V6 => "www6",
        }
    }

    /// The pool of that family in a lab's site.
    pub fn pool_name(self) -> &'static str {
        match self {
            Self::V4 => "web4",
            Self::V6 => "web6",
        }
    }
}

/// A host of the lab and its own addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Name of its namespace.
    pub name: String,
    /// Its own addresses, on `eth0`.
    pub addresses: Addresses,
}

/// Every host of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The VIPs, on every backend's `lo`.
    pub vips: Addresses,
    /// Opens connections.
    pub client: Host,
    /// Runs the controller and the XDP program.
    pub edge: Host,
    /// Its addresses on `eth1`, towards the backends, if it has two arms.
    #[serde(default)]
    pub second_arm: Option<Addresses>,
    /// Servers of the pools.
    pub backends: Vec<Host>,
    /// Servers that run but are in no pool.
    pub spares: Vec<Host>,
}

/// The router's addresses towards the client.
pub(super) const ROUTER_TO_CLIENT: Addresses = client_net(1);
/// The router's addresses on the segment.
pub(super) const ROUTER_ON_SEGMENT: Addresses = segment(1, 1);
/// The router's addresses towards an edge with two arms.
pub(super) const ROUTER_TO_EDGE: Addresses = edge_net(129, 1);

impl Plan {
    /// A lab with that many backends and spares.
    pub fn new(backends: usize, spares: usize) -> Result<Self> {
        if backends == 0 {
            bail!("plan a lab without backends: at least 1 is needed");
        }
        let total = backends.saturating_add(spares);
        if total > MAX_BACKENDS {
            bail!("plan a lab of {total} backends and spares: at most {MAX_BACKENDS} fit its segment");
        }
        let mut servers = (1..=total).map(server).collect::<Result<Vec<_>>>()?;
        let spares = servers.split_off(backends);
        Ok(Self {
            vips: Addresses {
                v4: Ipv4Addr::new(192, 0, 2, 1),
                v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1),
            },
            client: Host { name: "client".to_owned(), addresses: client_net(2) },
            edge: Host { name: "edge".to_owned(), addresses: segment(2, 2) },
            second_arm: None,
            backends: servers,
            spares,
        })
    }

    /// The same lab whose edge takes packets in by one interface and sends them to backends by another.
    #[must_use]
    pub fn with_two_arms(mut self) -> Self {
        self.second_arm = Some(self.edge.addresses);
        self.edge.addresses = edge_net(130, 2);
        self
    }

    /// The edge's addresses on the backends' segment: the outer source of its tunnels.
    pub fn edge_on_segment(&self) -> Addresses {
        self.second_arm.unwrap_or(self.edge.addresses)
    }

    /// Backends, then spares.
    pub fn servers(&self) -> impl Iterator<Item = &Host> {
        self.backends.iter().chain(&self.spares)
    }
}

fn server(number: usize) -> Result<Host> {
    let host = u8::try_from(BACKEND_BASE + number)?;
    // The IPv6 address shows the same digits: ::11 is 0x11.
    let digits = u16::from_str_radix(&host.to_string(), 16)?;
    Ok(Host { name: format!("backend{number}"), addresses: segment(host, digits) })
}

pub(super) const fn client_net(host: u8) -> Addresses {
    Addresses {
        v4: Ipv4Addr::new(198, 51, 100, host),
        v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 3, 0, 0, 0, host as u16),
    }
}

const fn edge_net(host: u8, digits: u16) -> Addresses {
    Addresses { v4: Ipv4Addr::new(192, 0, 2, host), v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 4, 0, 0, 0, digits) }
}

const fn segment(host: u8, digits: u16) -> Addresses {
    Addresses {
        v4: Ipv4Addr::new(203, 0, 113, host),
        v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, digits),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn addresses_are_unique_and_readable() {
        let plan = Plan::new(MAX_BACKENDS - 1, 1).unwrap();
        let addresses: BTreeSet<IpAddr> =
            plan.servers().flat_map(|host| Family::ALL.map(|family| host.addresses.of(family))).collect();
        assert_eq!(addresses.len(), 2 * MAX_BACKENDS);
        let first = &plan.backends[0];
        assert_eq!(first.name, "backend1");
        assert_eq!(first.addresses.v4.to_string(), "203.0.113.11");
        assert_eq!(first.addresses.v6.to_string(), "2001:db8:0:2::11");
        assert_eq!(plan.spares[0].name, format!("backend{MAX_BACKENDS}"));
    }

    #[test]
    fn a_second_arm_takes_the_place_on_the_segment() {
        let (one, two) = (Plan::new(1, 0).unwrap(), Plan::new(1, 0).unwrap().with_two_arms());
        assert_eq!(one.edge_on_segment(), one.edge.addresses);
        assert_eq!(two.edge_on_segment(), one.edge.addresses);
        assert_eq!(two.edge.addresses.v4.to_string(), "192.0.2.130");
    }

    #[test]
    fn impossible_labs_are_refused() {
        assert!(Plan::new(0, 1).is_err());
        assert!(Plan::new(MAX_BACKENDS, 1).is_err());
        assert!(Plan::new(usize::MAX, 1).is_err());
    }
}
