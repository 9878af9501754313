//! What bgpd's running configuration says of routes that it originates.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use ipnet::IpNet;

/// The default instance of BGP, and the route-maps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The number of its autonomous system as it writes it; `None` where there is no instance.
    pub asn: Option<String>,
    /// Its `network` statements, with the route-map of each.
    pub networks: BTreeMap<IpNet, Option<String>>,
    /// What entries 10 of route-maps set, by the name of the route-map.
    pub maps: BTreeMap<String, BTreeSet<String>>,
}

/// Where a line stands.
enum Place {
    Elsewhere,
    Router,
    Family,
    Map(String),
}

impl Config {
    /// Reads what `show running-config` shows. What it does not know it passes over.
    pub fn read(text: &str) -> Self {
        let mut config = Self::default();
        let mut place = Place::Elsewhere;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let nested = line.starts_with(' ');
            place = match (words.as_slice(), place) {
                (["router", "bgp", asn], _) if !nested => {
                    config.asn = Some((*asn).to_owned());
                    Place::Router
                }
                (["route-map", name, "permit", "10"], _) if !nested => {
                    config.maps.entry((*name).to_owned()).or_default();
                    Place::Map((*name).to_owned())
                }
                (_, _) if !nested && !words.is_empty() => Place::Elsewhere,
                (["address-family", "ipv4" | "ipv6", "unicast"], Place::Router) => Place::Family,
                (["exit-address-family"], Place::Family) => Place::Router,
                (["network", prefix, rest @ ..], Place::Family) => {
                    if let Some(prefix) = prefix_of(prefix) {
                        config.networks.insert(prefix, map_of(rest));
                    }
                    Place::Family
                }
                (words, Place::Map(name)) => {
                    config.maps.entry(name.clone()).or_default().insert(words.join(" "));
                    Place::Map(name)
                }
                (_, place) => place,
            };
        }
        config
    }
}

/// Networks of the old classes may stand without a length.
fn prefix_of(text: &str) -> Option<IpNet> {
    let classful = |address: Ipv4Addr| match address.octets() {
        [0..=127, ..] => 8,
        [128..=191, ..] => 16,
        _ => 24,
    };
    text.parse().ok().or_else(|| {
        let address: Ipv4Addr = text.parse().ok()?;
        IpNet::new(address.into(), classful(address)).ok()
    })
}

fn map_of(rest: &[&str]) -> Option<String> {
    let mut words = rest.iter();
    words.find(|word| **word == "route-map")?;
    words.next().map(|name| (*name).to_owned())
}

/// What bgpd calls the family of a prefix.
pub const fn family(prefix: &IpNet) -> &'static str {
    match prefix {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "\
frr version 8.4.4
!
router bgp 65001
 bgp router-id 10.9.0.1
 neighbor 10.9.0.2 remote-as 65002
 !
 address-family ipv4 unicast
  network 10.0.0.0
  network 192.0.2.1/32 route-map anycast-announced
  no neighbor fd09::2 activate
 exit-address-family
 !
 address-family ipv4 multicast
  network 192.0.2.3/32
 exit-address-family
 !
 address-family ipv6 unicast
  network 2001:db8::1/128 route-map anycast-shutdown
 exit-address-family
!
exit
!
router bgp 65009 vrf red
 !
 address-family ipv4 unicast
  network 192.0.2.9/32
 exit-address-family
exit
!
route-map anycast-announced permit 10
exit
!
route-map anycast-shutdown permit 10
 set community graceful-shutdown additive
 set metric 500
exit
!
route-map anycast-shutdown permit 20
 set metric 1
exit
";

    #[test]
    fn networks_of_the_default_instance_are_read_with_their_route_maps() {
        let config = Config::read(RUNNING);
        assert_eq!(config.asn.as_deref(), Some("65001"));
        let expected = [
            ("10.0.0.0/8", None),
            ("192.0.2.1/32", Some("anycast-announced")),
            ("2001:db8::1/128", Some("anycast-shutdown")),
        ];
        let expected = expected.map(|(prefix, map)| (prefix.parse().unwrap(), map.map(str::to_owned)));
        assert_eq!(config.networks, expected.into());
    }

    #[test]
    fn entries_10_of_route_maps_are_read() {
        let shutdown = ["set community graceful-shutdown additive", "set metric 500"];
        let shutdown = shutdown.map(str::to_owned).into();
        let expected = [("anycast-announced", BTreeSet::new()), ("anycast-shutdown", shutdown)];
        assert_eq!(Config::read(RUNNING).maps, expected.map(|(name, sets)| (name.to_owned(), sets)).into());
    }

    #[test]
    fn what_is_no_configuration_has_no_instance() {
        for text in
            ["", "% Unknown command", "router bgp\n network x\n", "  router bgp 1", "network 1.2.3.4/32\n"]
        {
            assert_eq!(Config::read(text), Config::default(), "{text}");
        }
    }
}
