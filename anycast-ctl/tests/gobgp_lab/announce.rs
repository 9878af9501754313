//! A route comes and goes.

use anycast_ctl::{
    announce::driver::Level,
    model::{Announce, Shutdown},
};

use crate::harness::{Lab, V4, V6, both, snippet};

#[test]
fn a_route_is_heard_by_the_neighbour_and_is_gone_again() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    for ((_, prefix), next_hop) in [(V4, "10.9.0.1"), (V6, "fd09::1")] {
        lab.await_route(prefix, true);
        let route = lab.router.route(prefix);
        for expected in ["origin: IGP", "as_path: 65001\n", &format!("next_hop: {next_hop}")] {
            assert!(route.contains(expected), "{expected} in {route}");
        }
        assert!(!route.contains("community") && !route.contains("med"), "{route}");
    }
    gobgp.bring(&both(Level::Withdrawn));
    for (_, prefix) in [V4, V6] {
        lab.await_route(prefix, false);
    }
}

#[test]
fn what_it_has_and_tells_whom_is_seen() {
    let lab = Lab::new();
    let mut gobgp = lab.connect(Shutdown::default());
    assert!(gobgp.look(&both(Level::Announced)).routes.is_empty());
    gobgp.bring(&both(Level::Announced));
    let seen = gobgp.look(&both(Level::Announced));
    assert_eq!(seen.daemon, "GoBGP, AS 65001");
    for (peer, address) in seen.peers.iter().zip(["10.9.0.2", "fd09::2"]) {
        assert_eq!((peer.name.as_str(), peer.address), (address, address.parse().ok()));
        assert_eq!((peer.asn, peer.established, peer.state.as_str()), (Some(65000), true, "Established"));
        assert!(peer.since.is_some() && peer.error.is_none(), "{peer:?}");
    }
    for ((vip, _), peer) in [(V4, "10.9.0.2"), (V6, "fd09::2")] {
        let route = &seen.routes[vip];
        assert_eq!(route.level, Level::Announced);
        assert_eq!(route.exported_to.as_deref(), Some(&[peer.to_owned()][..]));
        assert_eq!(route.trouble, None);
    }
}

#[test]
fn a_neighbour_of_the_other_family_is_told_nothing_and_that_is_no_trouble() {
    let mut lab = Lab::configured(&one_neighbour());
    lab.start();
    lab.await_sessions(1);
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    let seen = gobgp.look(&both(Level::Announced));
    assert_eq!(seen.routes[V4.0].trouble, None);
    assert_eq!(seen.routes[V6.0].exported_to, Some(Vec::new()));
    let trouble = seen.routes[V6.0].trouble.clone().unwrap();
    assert!(trouble.contains("for IPv6") && trouble.contains("ipv6-unicast"), "{trouble}");
}

#[test]
fn the_guides_settings_are_those_of_this_driver() {
    let site: toml::Table = snippet(1).parse().unwrap();
    let announce: Announce = site["announce"].clone().try_into().unwrap();
    assert_eq!(announce.gobgp.unwrap().endpoint, "unix:///run/gobgp.sock");
}

#[test]
fn ipv6_over_a_session_of_ipv4_which_routers_refuse_shows() {
    let both_families = ["ipv4-unicast", "ipv6-unicast"].map(|family| {
        format!("[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = \"{family}\"\n")
    });
    let mut lab = Lab::configured(&(one_neighbour() + &both_families.concat()));
    lab.router.also("", "export none;", "export none; }; ipv6 { import all; export none;");
    lab.start();
    lab.await_sessions(1);
    let mut gobgp = lab.connect(Shutdown::default());
    gobgp.bring(&both(Level::Announced));
    lab.await_route(V4.1, true);
    let seen = gobgp.look(&both(Level::Announced));
    assert_eq!(seen.routes[V4.0].trouble, None);
    let trouble = seen.routes[V6.0].trouble.clone().unwrap();
    assert!(trouble.contains("IPv4 next hop") && trouble.contains("`10.9.0.2`"), "{trouble}");
    assert!(!lab.router.has(V6.1));
}

/// The guide's configuration without its second neighbour.
fn one_neighbour() -> String {
    let (one, _second) = snippet(0).rsplit_once("[[neighbors]]").unwrap();
    one.to_owned()
}
