//! The resolver and the interface lookup against the real kernel, in network namespaces that end with the test.
//!
//! Needs root. Every namespace is anonymous: it is gone when its last file descriptor is closed, also after a
//! panic or a kill.

// What fails here fails the test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod namespace;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use anycast_ctl::{
    api::types::XdpMode,
    interface::{Interface, InterfaceError},
    neighbour::{NextHop, Resolution, Resolutions, Resolver, ResolverHandle, Why},
};
use namespace::{Namespace, xdp};
use tokio::sync::watch;

/// A change must be seen within this of the `ip` command that makes it.
const AT_ONCE: Duration = Duration::from_millis(300);

/// Long enough for the kernel to ask, get an answer or give up.
const SOON: Duration = Duration::from_secs(5);

struct Watch {
    handle: ResolverHandle,
    resolutions: watch::Receiver<Resolutions>,
}

impl Watch {
    fn new(addresses: &[&str]) -> Self {
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_test_writer().try_init();
        let (handle, resolutions) = Resolver::spawn(BTreeMap::new()).unwrap();
        handle.set_addresses(addresses.iter().map(|address| ip(address)).collect());
        Self { handle, resolutions }
    }

    /// Waits until the address is known as wanted; panics with the last state after `limit`.
    async fn until(
        &mut self,
        address: &str,
        limit: Duration,
        wanted: impl Fn(&Resolution) -> bool,
    ) -> Resolution {
        let (address, begun) = (ip(address), Instant::now());
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let known = self.resolutions.borrow_and_update().get(&address).cloned();
            if let Some(known) = known.as_ref().filter(|known| wanted(known)) {
                println!("{address} after {:?}: {known:?}", begun.elapsed());
                return known.clone();
            }
            if tokio::time::timeout_at(deadline, self.resolutions.changed()).await.is_err() {
                panic!("{address}: not as wanted within {limit:?}, but {known:?}");
            }
        }
    }

    async fn resolved(&mut self, address: &str, limit: Duration) -> NextHop {
        self.until(address, limit, |it| it.next_hop().is_some()).await.next_hop().unwrap().clone()
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn silent(resolution: &Resolution) -> bool {
    matches!(resolution, Resolution::Unresolved(Why::NoAnswer { .. }))
}

fn link_down(resolution: &Resolution) -> bool {
    matches!(resolution, Resolution::Unresolved(Why::LinkDown { .. }))
}

fn no_route(resolution: &Resolution) -> bool {
    matches!(resolution, Resolution::Unresolved(Why::NoRoute { .. }))
}

fn has_mac(last: u8) -> impl Fn(&Resolution) -> bool {
    move |it| it.next_hop().is_some_and(|hop| hop.mac == [2, 0, 0, 0, 0, last])
}

/// Edge with `e0` and `e1`, each joined to the peer's `p0` and `p1`: 10.0.0.0/24 and fd00::/64 on the first,
/// 10.0.1.0/24 on the second; the edge is .1, the peer is .2. MACs are 02:00:00:00:<link>:<host>.
fn edge_and_peer() -> (Namespace, Namespace) {
    let (edge, peer) = (Namespace::new(), Namespace::new());
    for n in [0, 1] {
        let (e, p) = (format!("e{n}"), format!("p{n}"));
        edge.ip(&format!(
            "link add {e} address 02:00:00:00:0{n}:01 type veth peer name {p} netns {}",
            peer.path()
        ));
        peer.ip(&format!("link set {p} address 02:00:00:00:0{n}:02"));
        for (namespace, device, host) in [(&edge, &e, 1), (&peer, &p, 2)] {
            namespace.ip(&format!("addr add 10.0.{n}.{host}/24 dev {device}"));
            if n == 0 {
                namespace.ip(&format!("-6 addr add fd00::{host}/64 dev {device} nodad"));
            }
            namespace.ip(&format!("link set {device} up"));
        }
        edge.write(&format!("net/ipv4/neigh/{e}/retrans_time_ms"), "100");
        edge.write(&format!("net/ipv6/neigh/{e}/retrans_time_ms"), "100");
    }
    (edge, peer)
}

#[test]
fn on_link_backends_resolve_v4_and_v6() {
    let (edge, _peer) = edge_and_peer();
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2", "fd00::2"]);
        for address in ["10.0.0.2", "fd00::2"] {
            let found = watch.resolved(address, SOON).await;
            assert_eq!(found.interface, "e0");
            assert_eq!(found.neighbour, ip(address));
            assert_eq!(found.mac, [2, 0, 0, 0, 0, 2]);
            assert_eq!(found.source_mac, [2, 0, 0, 0, 0, 1]);
            assert_eq!(found.mtu, 1500);
            assert_eq!(found.ifindex, Interface::find("e0").await.unwrap().index);
        }
        watch.handle.set_addresses(BTreeSet::from([ip("fd00::2")]));
        watch.resolutions.changed().await.unwrap();
        let left: Vec<_> = watch.resolutions.borrow().keys().copied().collect();
        assert_eq!(left, [ip("fd00::2")], "a backend that left the set is not published");
    });
}

#[test]
fn a_backend_behind_a_gateway_resolves_to_the_gateway() {
    let (edge, _peer) = edge_and_peer();
    edge.ip("route add 192.0.2.0/24 via 10.0.0.2 mtu 1400");
    edge.ip("route add 198.51.100.0/24 via inet6 fd00::2 dev e0");
    edge.ip("-6 route add 2001:db8::/32 via fd00::2");
    edge.block_on(async {
        let mut watch = Watch::new(&["192.0.2.9", "198.51.100.9", "2001:db8::9"]);
        for (address, gateway, mtu) in [
            ("192.0.2.9", "10.0.0.2", 1400),
            ("198.51.100.9", "fd00::2", 1500),
            ("2001:db8::9", "fd00::2", 1500),
        ] {
            let found = watch.resolved(address, SOON).await;
            assert_eq!((found.neighbour, found.mtu), (ip(gateway), mtu), "{address}");
            assert_eq!(found.mac, [2, 0, 0, 0, 0, 2], "{address}");
        }
    });
}

/// Tunnels need the source address and the MTU, so a change of these alone is news.
#[test]
fn a_changed_mtu_or_source_address_is_followed() {
    let (edge, _peer) = edge_and_peer();
    edge.ip("route add 192.0.2.0/24 via 10.0.0.2");
    edge.ip("-6 route add 2001:db8::/32 via fd00::2");
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2", "192.0.2.9", "2001:db8::9"]);
        let has = |mtu: u32, source: &str| {
            let source = Some(ip(source));
            move |it: &Resolution| it.next_hop().is_some_and(|hop| (hop.mtu, hop.source) == (mtu, source))
        };
        for (address, source) in
            [("10.0.0.2", "10.0.0.1"), ("192.0.2.9", "10.0.0.1"), ("2001:db8::9", "fd00::1")]
        {
            watch.until(address, SOON, has(1500, source)).await;
        }
        edge.ip("link set e0 mtu 1420");
        watch.until("10.0.0.2", AT_ONCE, has(1420, "10.0.0.1")).await;
        watch.until("192.0.2.9", AT_ONCE, has(1420, "10.0.0.1")).await;
        watch.until("2001:db8::9", AT_ONCE, has(1420, "fd00::1")).await;
        edge.ip("route change 192.0.2.0/24 via 10.0.0.2 mtu 1300");
        watch.until("192.0.2.9", AT_ONCE, has(1300, "10.0.0.1")).await;
        edge.ip("-6 route change 2001:db8::/32 via fd00::2 mtu 1280");
        watch.until("2001:db8::9", AT_ONCE, has(1280, "fd00::1")).await;
        edge.ip("route change 192.0.2.0/24 via 10.0.0.2 mtu 9000");
        watch.until("192.0.2.9", AT_ONCE, has(1420, "10.0.0.1")).await;

        edge.ip("addr add 10.9.9.9/32 dev lo");
        edge.ip("route change 192.0.2.0/24 via 10.0.0.2 src 10.9.9.9");
        watch.until("192.0.2.9", AT_ONCE, has(1420, "10.9.9.9")).await;
        // No route changes with these addresses: the kernel prefers the other one.
        edge.ip("-6 addr add fd00::77/64 dev e0 nodad");
        edge.ip("-6 addr change fd00::1/64 dev e0 preferred_lft 0 valid_lft forever");
        watch.until("2001:db8::9", AT_ONCE, has(1280, "fd00::77")).await;
    });
}

#[test]
fn a_silent_backend_is_reported_and_resolves_when_it_comes_up() {
    let (edge, peer) = edge_and_peer();
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.7", "fd00::7"]);
        for (address, text) in [
            ("10.0.0.7", "no answer to ARP from 10.0.0.7 on e0"),
            ("fd00::7", "no answer to neighbour discovery from fd00::7 on e0"),
        ] {
            let Resolution::Unresolved(why) = watch.until(address, SOON, silent).await else {
                unreachable!()
            };
            assert_eq!(why.to_string(), text);
        }
        peer.ip("addr add 10.0.0.7/24 dev p0");
        peer.ip("-6 addr add fd00::7/64 dev p0 nodad");
        for address in ["10.0.0.7", "fd00::7"] {
            assert_eq!(watch.resolved(address, SOON).await.mac, [2, 0, 0, 0, 0, 2]);
        }
    });
}

#[test]
fn addresses_that_cannot_be_delivered_to_say_why() {
    let (edge, _peer) = edge_and_peer();
    edge.ip("route add blackhole 203.0.113.1");
    edge.ip("route add unreachable 203.0.113.2");
    edge.ip("route add prohibit 203.0.113.3");
    edge.ip("-6 route add blackhole 2001:db8::1");
    edge.block_on(async {
        let rows = [
            ("10.0.0.1", "10.0.0.1 is an address of this host itself"),
            ("fd00::1", "fd00::1 is an address of this host itself"),
            ("127.0.0.1", "127.0.0.1 is an address of this host itself"),
            ("10.0.0.255", "10.0.0.255 is no unicast address here"),
            ("203.0.113.1", "the route to 203.0.113.1 is of type blackhole"),
            ("203.0.113.2", "the route to 203.0.113.2 is of type unreachable"),
            ("203.0.113.3", "the route to 203.0.113.3 is of type prohibit"),
            ("203.0.113.4", "no route to 203.0.113.4"),
            ("2001:db8::1", "the route to 2001:db8::1 is of type blackhole"),
            ("2001:db8::2", "no route to 2001:db8::2"),
        ];
        let mut watch = Watch::new(&rows.map(|(address, _)| address));
        for (address, text) in rows {
            let Resolution::Unresolved(why) = watch.until(address, SOON, |_| true).await else {
                panic!("{address} resolved");
            };
            assert_eq!(why.to_string(), text);
        }
    });
}

#[test]
fn a_changed_mac_is_followed() {
    let (edge, peer) = edge_and_peer();
    // The peer announces a new MAC by a gratuitous ARP, as a failover or a live migration does.
    peer.write("net/ipv4/conf/p0/arp_notify", "1");
    edge.write("net/ipv4/neigh/e0/locktime", "0");
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2", "fd00::2"]);
        watch.resolved("10.0.0.2", SOON).await;
        watch.resolved("fd00::2", SOON).await;

        peer.ip("link set p0 address 02:00:00:00:00:99");
        watch.until("10.0.0.2", AT_ONCE, has_mac(0x99)).await;
        edge.ip("neigh replace fd00::2 lladdr 02:00:00:00:00:99 nud stale dev e0");
        watch.until("fd00::2", AT_ONCE, has_mac(0x99)).await;

        // The edge's own MAC: the kernel forgets the neighbours of the interface with it.
        edge.ip("link set e0 address 02:00:00:00:00:77");
        let moved =
            |it: &Resolution| it.next_hop().is_some_and(|hop| hop.source_mac == [2, 0, 0, 0, 0, 0x77]);
        watch.until("10.0.0.2", SOON, moved).await;
    });
}

#[test]
fn a_changed_route_is_followed() {
    let (edge, _peer) = edge_and_peer();
    edge.ip("route add 192.0.2.0/24 via 10.0.0.2");
    edge.block_on(async {
        let mut watch = Watch::new(&["192.0.2.9", "10.0.1.2"]);
        assert_eq!(watch.resolved("192.0.2.9", SOON).await.interface, "e0");
        watch.resolved("10.0.1.2", SOON).await;

        edge.ip("route replace 192.0.2.0/24 via 10.0.1.2");
        let moved =
            |it: &Resolution| it.next_hop().is_some_and(|hop| hop.interface == "e1" && hop.mac[4] == 1);
        watch.until("192.0.2.9", AT_ONCE, moved).await;
        edge.ip("route del 192.0.2.0/24");
        watch.until("192.0.2.9", AT_ONCE, no_route).await;

        // By policy routing, and by a nexthop object that is replaced under the route.
        edge.ip("rule add to 192.0.2.0/24 table 77");
        edge.ip("route add 192.0.2.0/24 via 10.0.0.2 table 77");
        assert_eq!(watch.resolved("192.0.2.9", AT_ONCE).await.interface, "e0");
        edge.ip("rule del to 192.0.2.0/24 table 77");
        watch.until("192.0.2.9", AT_ONCE, no_route).await;
        edge.ip("nexthop add id 9 via 10.0.0.2 dev e0");
        edge.ip("route add 192.0.2.0/24 nhid 9");
        assert_eq!(watch.resolved("192.0.2.9", AT_ONCE).await.interface, "e0");
        edge.ip("nexthop replace id 9 via 10.0.1.2 dev e1");
        watch.until("192.0.2.9", AT_ONCE, moved).await;
    });
}

#[test]
fn a_link_that_goes_down_and_comes_up_is_followed() {
    let (edge, peer) = edge_and_peer();
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2"]);
        watch.resolved("10.0.0.2", SOON).await;
        // Without carrier, then administratively: the route goes with the latter only. The kernel itself holds
        // back carrier changes for up to a second (net/core/link_watch.c).
        for (namespace, device, limit) in [(&peer, "p0", SOON), (&edge, "e0", AT_ONCE)] {
            namespace.ip(&format!("link set {device} down"));
            assert_eq!(
                watch.until("10.0.0.2", limit, link_down).await,
                Resolution::Unresolved(Why::LinkDown { interface: "e0".into() })
            );
            namespace.ip(&format!("link set {device} up"));
            watch.resolved("10.0.0.2", SOON).await;
        }
    });
}

#[test]
fn a_permanent_entry_stays_permanent_and_a_stale_one_is_confirmed() {
    let (edge, _peer) = edge_and_peer();
    edge.write("net/ipv4/neigh/e0/delay_first_probe_time", "1");
    edge.ip("neigh add 10.0.0.50 lladdr 02:00:00:00:00:50 nud permanent dev e0");
    edge.ip("neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 nud stale dev e0");
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.50", "10.0.0.2"]);
        watch.until("10.0.0.50", SOON, has_mac(0x50)).await;
        watch.resolved("10.0.0.2", AT_ONCE).await;
        let begun = Instant::now();
        while !edge.ip("neigh show 10.0.0.2").contains("REACHABLE") {
            assert!(begun.elapsed() < SOON, "a stale entry was not confirmed: {}", edge.ip("neigh show"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(edge.ip("neigh show 10.0.0.50").contains("PERMANENT"));
    });
}

#[test]
fn a_flushed_entry_costs_no_backend_and_a_dead_neighbour_does() {
    let (edge, peer) = edge_and_peer();
    edge.write("net/ipv4/neigh/e0/delay_first_probe_time", "1");
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2"]);
        watch.resolved("10.0.0.2", SOON).await;
        watch.resolutions.borrow_and_update();
        for _ in 0..5 {
            edge.ip("neigh flush dev e0");
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(edge.ip("neigh show 10.0.0.2").contains("REACHABLE"), "the kernel was made to ask again");
        }
        assert!(!watch.resolutions.has_changed().unwrap(), "nothing was published in between");

        // It dies without a word: its address goes, and the kernel's probes stay unanswered.
        peer.ip("addr del 10.0.0.2/24 dev p0");
        edge.ip("neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 nud probe dev e0");
        watch.until("10.0.0.2", SOON, silent).await;
    });
}

#[test]
fn a_neighbour_that_changes_its_address_without_a_word_is_found_again() {
    let (edge, peer) = edge_and_peer();
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2"]);
        watch.until("10.0.0.2", SOON, has_mac(0x02)).await;
        peer.ip("link set p0 address 02:00:00:00:00:77");
        // The kernel alone believes the old address for longer.
        watch.until("10.0.0.2", Duration::from_secs(25), has_mac(0x77)).await;
    });
}

#[test]
fn lost_notifications_are_made_up_for() {
    let (edge, _peer) = edge_and_peer();
    edge.block_on(async {
        let mut watch = Watch::new(&["10.0.0.2"]);
        watch.resolved("10.0.0.2", SOON).await;
        // The runtime has this one thread: while it makes routes, nobody reads the notifications.
        let route = |n: u32| format!("route add {}/32 dev e1\n", std::net::Ipv4Addr::from(0x6440_0000 + n));
        edge.ip_batch(&(0..40_000).map(route).collect::<String>());
        edge.ip("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:99 nud reachable dev e0");
        watch.until("10.0.0.2", SOON, has_mac(0x99)).await;
    });
}

#[test]
fn interfaces_are_described_and_missing_ones_named() {
    let (edge, _peer) = edge_and_peer();
    edge.ip("link property add dev e1 altname uplink-one");
    edge.block_on(async {
        let e0 = Interface::find("e0").await.unwrap();
        assert_eq!((e0.mac, e0.mtu, e0.up, e0.xdp), (Some([2, 0, 0, 0, 0, 1]), 1500, true, None));
        assert!(e0.rx_queues >= 1);
        e0.check_attachable().unwrap();
        assert_eq!(Interface::find("uplink-one").await.unwrap().name, "e1");

        let error = Interface::find("e9").await.unwrap_err().to_string();
        assert_eq!(error, "no interface is called `e9`: did you mean `e0`? there is `lo`, `e0`, `e1`");

        let lo = Interface::find("lo").await.unwrap();
        assert!(matches!(lo.check_attachable(), Err(InterfaceError::NotEthernet { .. })));
    });
}

#[test]
fn an_interface_with_a_program_is_refused_with_its_name() {
    let (edge, _peer) = edge_and_peer();
    edge.block_on(async {
        for (name, flag, mode, off) in [
            ("e0", xdp::NATIVE, XdpMode::Native, "xdpdrv"),
            ("e1", xdp::GENERIC, XdpMode::Generic, "xdpgeneric"),
        ] {
            xdp::attach(Interface::find(name).await.unwrap().index, flag).await;
            let taken = Interface::find(name).await.unwrap();
            let attached = taken.xdp.unwrap();
            assert_eq!(attached.mode, mode);
            let text = taken.check_attachable().unwrap_err().to_string();
            let id = attached.program_id;
            let expected = format!("interface `{name}` already has XDP program `only_pass` (id {id}): ");
            assert!(text.starts_with(&expected), "{text}");
            // What the message advises works.
            let advice = format!("link set dev {name} {off} off");
            assert!(text.contains(&format!("`ip {advice}`")), "{text}");
            edge.ip(&advice);
            Interface::find(name).await.unwrap().check_attachable().unwrap();
        }
    });
}

/// Not a bound, but a look: how long a thousand backends take.
#[test]
fn a_thousand_backends_are_resolved_and_followed() {
    let (edge, _peer) = edge_and_peer();
    let addresses: Vec<_> =
        (0..1000).map(|n: u32| std::net::Ipv4Addr::from(0x0a01_0000 + n).to_string()).collect();
    edge.ip("route add 10.1.0.0/16 dev e0");
    let entry =
        |address: &String| format!("neigh add {address} lladdr 02:00:00:00:00:55 nud permanent dev e0\n");
    edge.ip_batch(&addresses.iter().map(entry).collect::<String>());
    edge.block_on(async {
        let mut watch = Watch::new(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
        watch.until(&addresses[999], SOON, has_mac(0x55)).await;
        assert_eq!(watch.resolutions.borrow().len(), 1000);
        edge.ip(&format!("neigh replace {} lladdr 02:00:00:00:00:56 nud permanent dev e0", addresses[500]));
        watch.until(&addresses[500], AT_ONCE, has_mac(0x56)).await;
        edge.ip("route replace 10.1.0.0/16 dev e1");
        let moved = |it: &Resolution| it.next_hop().is_none_or(|hop| hop.interface != "e0");
        watch.until(&addresses[999], SOON, moved).await;
    });
}
