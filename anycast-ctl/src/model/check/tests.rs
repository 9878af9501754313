use crate::{
    model::{Backend, Delivery, Service, VlanTags},
    utc::Utc,
};

use super::*;

fn backend(name: &str, address: &str) -> Backend {
    Backend::new(name, address.parse().unwrap())
}

fn vip(name: &str, address: &str, services: &[&str], pool: &str) -> Vip {
    let services = services.iter().map(|service| service.parse().unwrap()).collect();
    Vip::new(name, address.parse().unwrap(), services, pool)
}

/// Two families, each with two backends and a VIP.
fn site() -> Site {
    let pool =
        |name: &str, one: &str, other: &str| Pool::new(name, vec![backend("a", one), backend("b", other)]);
    Site {
        interfaces: vec!["eth0".into()],
        pools: vec![pool("web4", "10.0.0.1", "10.0.0.2"), pool("web6", "2001:db8::1", "2001:db8::2")],
        vips: vec![
            vip("www4", "192.0.2.1", &["tcp/80", "tcp/443"], "web4"),
            vip("www6", "2001:db8:ffff::1", &["tcp/any", "udp/443"], "web6"),
        ],
        ..Site::default()
    }
}

/// All problems, after that change to a good site.
fn problems(change: impl FnOnce(&mut Site)) -> Vec<String> {
    let mut site = site();
    change(&mut site);
    site.problems().iter().map(Problem::to_string).collect()
}

#[test]
fn a_good_site_has_no_problems() {
    assert_eq!(site().problems(), []);
    // A fresh daemon serves nothing yet; pools may wait for a VIP, and share servers.
    assert_eq!(problems(|site| (site.pools, site.vips) = (vec![], vec![])), [""; 0]);
    assert_eq!(
        problems(|site| site.pools.push(Pool { name: "spare".into(), ..site.pools[0].clone() })),
        [""; 0]
    );
}

#[test]
fn interfaces() {
    // Nothing comes in for a host that serves nothing.
    assert_eq!(problems(|site| (site.interfaces, site.vips) = (vec![], vec![])), [""; 0]);
    assert_eq!(
        problems(|site| site.interfaces.clear()),
        [r#"interfaces: no interface to attach to: name at least one, as in ["eth0"]"#]
    );
    assert_eq!(
        problems(
            |site| site.interfaces = ["eth0", "", "sixteen-bytes-xx", "eth0", "a b"].map(Into::into).into()
        ),
        [
            "interfaces[1]: `` is no interface name: 1 to 15 bytes without `/`, `:` and white space",
            "interfaces[2]: `sixteen-bytes-xx` is no interface name: 1 to 15 bytes without `/`, `:` and white space",
            "interfaces[3]: `eth0` is already interfaces[0]: remove one",
            "interfaces[4]: `a b` is no interface name: 1 to 15 bytes without `/`, `:` and white space",
        ]
    );
}

#[test]
fn names() {
    let rule = "use 1 to 63 letters, digits, `.`, `_` and `-`, beginning with a letter or digit";
    for name in ["", "a b", "a/b", "..", "-x", "ä", "a\n"] {
        assert_eq!(
            problems(|site| site.vips[0].name = name.into()),
            [format!("vip[0].name: {} is no name: {rule}", quoted(name))]
        );
    }
    assert_eq!(problems(|site| site.vips[0].name = "x".repeat(63)), [""; 0]);
    assert_eq!(problems(|site| site.vips[0].name = "x".repeat(64)).len(), 1);
}

#[test]
fn nodes_are_named_as_everything_else() {
    assert_eq!(problems(|site| site.node = Some("edge-1.example.net".into())), [""; 0]);
    let rule = "use 1 to 63 letters, digits, `.`, `_` and `-`, beginning with a letter or digit";
    assert_eq!(
        problems(|site| site.node = Some("edge 1".into())),
        [format!("node: `edge 1` is no name: {rule}")]
    );
}

#[test]
fn only_a_draining_backend_has_a_deadline() {
    let until = Some(Utc::from_unix(1_795_284_000));
    for (state, is) in [(AdminState::Active, "active"), (AdminState::Disabled, "disabled")] {
        assert_eq!(
            problems(|site| {
                site.pools[0].backends[1] = Backend { state, drain_until: until, ..backend("b", "10.0.0.2") }
            }),
            [format!(
                "pool[0].backend[1].drain_until: the backend is {is}, not draining: add state = \"draining\", or remove \
                 drain_until"
            )]
        );
        assert_eq!(problems(|site| site.pools[0].backends[1].state = state), [""; 0]);
    }
    let state = AdminState::Draining;
    for drain_until in [None, until] {
        assert_eq!(
            problems(|site| {
                site.pools[0].backends[1] = Backend { state, drain_until, ..backend("b", "10.0.0.2") }
            }),
            [""; 0]
        );
    }
}

/// A file cannot say these, but JSON can.
#[test]
fn numbers_of_outer_headers() {
    assert_eq!(
        problems(|site| {
            (site.tunnel.ttl, site.tunnel.gue_port) = (0, 0);
            site.tunnel.vlan = VlanTags::Set(4_095);
        }),
        [
            "tunnel.ttl: 0 is out of range: give 1 to 255",
            "tunnel.gue_port: 0 is out of range: give 1 to 65535",
            "tunnel.vlan: 4095 is out of range: give 1 to 4094",
        ]
    );
}

#[test]
fn room_for_vips() {
    for (vips, message) in [
        (0, "0 VIPs are out of range: give 1 to 1024"),
        (1_025, "1025 VIPs are out of range: give 1 to 1024"),
        (1, "there are 2 VIPs: take at least that, or leave it out"),
    ] {
        assert_eq!(problems(|site| site.maps.vips = Some(vips)), [format!("maps.vips: {message}")]);
    }
    assert_eq!(problems(|site| site.maps.vips = Some(2)), [""; 0]);
}

#[test]
fn duplicates() {
    assert_eq!(
        problems(|site| site.pools[1].name = "web4".into()),
        [
            "pool[1].name: `web4` is already the name of pool[0]: names of pools are unique, rename one",
            "vip[1].pool: no pool is called `web6`: did you mean `web4`? there is `web4`, `web4`",
        ]
    );
    assert_eq!(
        problems(|site| {
            site.vips[1] = vip("www4", "192.0.2.1", &["udp/53", "udp/53"], "web4");
            site.pools[0].backends[1] = backend("a", "10.0.0.1");
        }),
        [
            "pool[0].backend[1].name: `a` is already the name of pool[0].backend[0]: names of backends in a pool \
             are unique, rename one",
            "pool[0].backend[1].address: 10.0.0.1 is already the address of pool[0].backend[0]: for a greater share \
             give it a greater weight",
            "vip[1].name: `www4` is already the name of vip[0]: names of VIPs are unique, rename one",
            "vip[1].address: 192.0.2.1 is already the address of vip[0]: a VIP has one entry, list all its services \
             there",
            "vip[1].services[1]: `udp/53` is already vip[1].services[0]: remove one",
        ]
    );
}

#[test]
fn references_and_emptiness() {
    assert_eq!(
        problems(|site| {
            site.vips[0].pool = "dns".into();
            site.vips[1].services.clear();
            site.pools[1].backends.clear();
        }),
        [
            "pool[1].backend: a pool needs at least one backend: add one",
            "vip[0].pool: no pool is called `dns`: there is `web4`, `web6`",
            r#"vip[1].services: no services: name at least one, as in ["tcp/443"]"#,
        ]
    );
    assert_eq!(
        problems(|site| {
            site.pools.clear();
            site.vips.pop();
        }),
        ["vip[0].pool: no pool is called `web4`: there is none yet, add one"]
    );
}

#[test]
fn families() {
    assert_eq!(
        problems(|site| {
            site.pools[0].backends[1] = backend("b", "2001:db8::9");
            site.vips[1].pool = "web4".into();
        }),
        [
            "pool[0].backend[1].address: 2001:db8::9 is IPv6, the pool's first `l2` backend is IPv4: put the IPv6 \
             backends into a pool of their own, or reach them through a tunnel, delivery = \"ipip\" or \"gue\"",
            "vip[1].pool: 2001:db8:ffff::1 is IPv6, the `l2` backends of `web4` are IPv4: servers answer from the VIP \
             itself, so name a pool of IPv6 backends",
        ]
    );
}

#[test]
fn tunnels_and_the_host_itself_take_any_family() {
    for delivery in [Delivery::Ipip, Delivery::Gue, Delivery::Local] {
        assert_eq!(
            problems(|site| {
                site.pools[0].delivery = delivery;
                site.pools[0].backends[1] = backend("b", "2001:db8::9");
                site.vips[1].pool = "web4".into();
            }),
            [""; 0]
        );
        // Only those that say so are free of the rule.
        assert_eq!(
            problems(|site| {
                site.pools[0].backends[1] =
                    Backend { delivery: Some(delivery), ..backend("b", "2001:db8::9") };
            }),
            [""; 0]
        );
        assert_eq!(
            problems(|site| {
                site.pools[0].delivery = delivery;
                site.pools[0].backends[0].delivery = Some(Delivery::L2);
                site.vips[1].pool = "web4".into();
            })
            .len(),
            1
        );
    }
}

#[test]
fn tunnel_sources() {
    let sources = |sources: &[&str]| sources.iter().map(|source| source.parse().unwrap()).collect();
    assert_eq!(problems(|site| site.tunnel.sources = sources(&["192.0.2.10", "2001:db8:0:9::10"])), [""; 0]);
    assert_eq!(
        problems(|site| {
            site.tunnel.sources = sources(&["192.0.2.10", "192.0.2.11", "::1", "10.0.0.2"]);
            site.pools[0].delivery = Delivery::Gue;
        }),
        [
            "tunnel.source[1]: 192.0.2.11 is not the first IPv4 address: give one of each family at most",
            "tunnel.source[2]: ::1 cannot be the source of tunnels: loopback addresses do not leave their host",
            "tunnel.source[3]: 10.0.0.2 is not the first IPv4 address: give one of each family at most",
            "tunnel.source[3]: 10.0.0.2 is the address of backend `b`: it takes packets from itself for forged ones, \
             give an address of this host",
        ]
    );
}

#[test]
fn addresses() {
    for (address, why) in [
        ("0.0.0.0", "0.0.0.0/8 is no host's address"),
        ("127.0.0.1", "loopback addresses do not leave their host"),
        ("224.0.0.1", "it is a multicast address"),
        ("255.255.255.255", "it is the broadcast address"),
    ] {
        assert_eq!(
            problems(|site| site.pools[0].backends[0] = backend("a", address)),
            [format!("pool[0].backend[0].address: {address} cannot be a backend: {why}")]
        );
    }
    for (address, why) in [
        ("::", "it is the unspecified address"),
        ("::1", "loopback addresses do not leave their host"),
        ("ff02::1", "it is a multicast address"),
        ("::ffff:10.0.0.1", "it is an IPv4 address mapped into IPv6, write the IPv4 one"),
        ("fe80::1", "fe80::/10 means another host on every link, give a global or unique local address"),
    ] {
        assert_eq!(
            problems(|site| site.vips[1].address = address.parse().unwrap()),
            [format!("vip[1].address: {address} cannot be a VIP: {why}")]
        );
    }
    assert_eq!(
        problems(|site| site.pools[0].backends[1] = backend("b", "192.0.2.1")),
        [
            "pool[0].backend[1].address: 192.0.2.1 is the address of VIP `www4`: give the server's own address, or its \
          packets would go in a circle"
        ]
    );
}

#[test]
fn slots_and_weights() {
    for (slots, message) in [
        (0, "0 slots are too few for 2 backends: take a hundred times as many and a prime, 211"),
        (1, "1 slots are too few for 2 backends: take a hundred times as many and a prime, 211"),
        (65_536, "65536 is not prime, so that a backend could not reach all slots: take 65537"),
        (u32::MAX, "4294967295 slots are too many: at most 8388593, and 65537 serve most pools"),
    ] {
        assert_eq!(problems(|site| site.pools[0].slots = slots), [format!("pool[0].slots: {message}")]);
    }
    for slots in [2, 3, MAX_SLOTS] {
        assert_eq!(problems(|site| site.pools[0].slots = slots), [""; 0]);
    }
    assert_eq!(
        problems(|site| site.pools[0].backends[1].weight = 0),
        [
            "pool[0].backend[1].weight: weight 0 would never be chosen: give 1 or more, or set state = \"draining\""
        ]
    );
}

#[test]
fn limits() {
    let many = |count: u32| {
        let address = |n: u32| std::net::Ipv4Addr::from_bits(0x0a00_0001 + n).into();
        (0..count).map(|n| Backend::new(format!("b{n}"), address(n))).collect::<Vec<_>>()
    };
    assert_eq!(problems(|site| site.pools[0].backends = many(65_533)), [""; 0]);
    assert_eq!(
        problems(|site| site.pools[0].backends = many(65_534)),
        ["pool: 65536 backends, all pools together, are too many: at most 65535"]
    );
    assert_eq!(
        problems(|site| site.vips[0].services =
            (0..=4_094).map(|port| Service { port, ..site.vips[0].services[0] }).collect()),
        ["vip: 4097 services, all VIPs together, are too many: at most 4096"]
    );
    assert_eq!(
        problems(|site| {
            let (pool, vip) = (site.pools[0].clone(), site.vips[0].clone());
            let address = |n: u32| std::net::Ipv4Addr::from_bits(0xc612_0000 + n).into();
            site.pools.extend((0..1_023).map(|n| Pool { name: format!("p{n}"), ..pool.clone() }));
            site.vips.extend((0..1_023).map(|n| Vip {
                name: format!("v{n}"),
                address: address(n),
                ..vip.clone()
            }));
        }),
        ["pool: 1025 pools are too many: at most 1024", "vip: 1025 VIPs are too many: at most 1024"]
    );
}

#[test]
fn backups_stand_in_for_somebody() {
    let with = |backups: [bool; 2]| {
        problems(|site| {
            site.pools[0].backends.iter_mut().zip(backups).for_each(|(it, backup)| it.backup = backup);
        })
    };
    assert_eq!(with([false, true]), [""; 0]);
    assert_eq!(
        with([true, true]),
        [
            "pool[0].backend: every backend is a backup, but none is there that they stand in for: set backup = false on \
             those that are to take flows at all times, or add such a one"
        ]
    );
}
