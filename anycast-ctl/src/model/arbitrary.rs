//! Valid sites of all kinds, for tests.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

use proptest::{collection::vec, option, prelude::*, sample};

use super::*;

/// A site without problems.
pub fn site() -> impl Strategy<Value = Site> {
    let head = (option::of(name()), vec(interface(), 1..4), option::of(seed()), tunnel(), any::<u32>());
    let pools = vec((pool(), vec((name(), backend()), 1..5)), 0..4);
    let vips = vec((name(), vip(), any::<sample::Index>()), 0..4);
    (head, pools, vips, sizes()).prop_map(|(head, pools, vips, maps)| {
        let (node, interfaces, seed, tunnel, too_big_per_second) = head;
        let interfaces = interfaces.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut site = Site { node, interfaces, seed, tunnel, ..Site::default() };
        site.icmp.too_big_per_second = too_big_per_second;
        for (i, (mut pool, backends)) in pools.into_iter().enumerate() {
            // Names are unique when they end in their own number.
            pool.name = numbered(&pool.name, i);
            let mixed = is_mixed(&pool);
            let of_pool = |(j, (name, backend)): (usize, (String, Backend))| Backend {
                name: numbered(&name, j),
                address: address(10, j, mixed && backend.address.is_ipv6()),
                delivery: backend.delivery.filter(|delivery| !mixed || *delivery != Delivery::L2),
                ..backend
            };
            pool.backends = backends.into_iter().enumerate().map(of_pool).collect();
            site.pools.push(pool);
        }
        for (i, (name, vip, place)) in vips.into_iter().enumerate() {
            if site.pools.is_empty() {
                break;
            }
            let pool = place.get(&site.pools);
            let v6 = is_mixed(pool) && vip.address.is_ipv6();
            let services = vip.services.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let pool = pool.name.clone();
            site.vips.push(Vip {
                name: numbered(&name, i),
                address: address(192, i, v6),
                services,
                pool,
                ..vip
            });
        }
        site.maps = MapSizes {
            slots: maps.slots.map(|slots| slots.max(site.slots_needed())),
            traffic_counters: maps.traffic_counters.map(|it| it.max(site.traffic_counters_needed())),
            vips: maps.vips.map(|vips| vips.max(site.vips.len() as u32)),
            ..maps
        };
        site
    })
}

/// Strange, but legal.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9][A-Za-z0-9._-]{0,50}",
        sample::select(vec!["true", "0x10", "1979-05-27", "inf", "name", "pool", "1.5", "a..b", "a--"])
            .prop_map(str::to_owned),
    ]
}

/// What the kernel takes, which is nearly anything.
fn interface() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("eth0".to_owned()),
        "[!-.0-9;-~]{1,15}".prop_filter("directories", |name| name != "." && name != ".."),
        sample::select(vec!["\"", "\\", "'''", "\"\"\"", "#", "\u{1}\u{7f}", "ß", "日本", "[[pool]]", "a=b"])
            .prop_map(str::to_owned),
    ]
}

fn seed() -> impl Strategy<Value = Seed> {
    any::<u64>().prop_map(Seed::new)
}

fn choice<T: clap::ValueEnum + std::fmt::Debug + 'static>() -> impl Strategy<Value = T> {
    sample::select(T::value_variants())
}

fn sizes() -> impl Strategy<Value = MapSizes> {
    let size = |range: std::ops::RangeInclusive<u32>| option::of(range);
    let all = (
        size(MapSizes::FLOWS),
        size(MapSizes::FLOWS),
        size(MapSizes::SLOTS),
        size(MapSizes::TRAFFIC_COUNTERS),
        size(MapSizes::VIPS),
    );
    all.prop_map(|(pins, embryonic, slots, traffic_counters, vips)| MapSizes {
        pins,
        embryonic,
        slots,
        traffic_counters,
        vips,
    })
}

fn tunnel() -> impl Strategy<Value = TunnelSettings> {
    let vlan =
        prop_oneof![Just(VlanTags::Strip), Just(VlanTags::Keep), VlanTags::VLANS.prop_map(VlanTags::Set)];
    let sources = sample::subsequence(vec![address(172, 1, false), address(172, 1, true)], 0..=2);
    (sources, 1..=u8::MAX, 1..=u16::MAX, vlan).prop_map(|(sources, ttl, gue_port, vlan)| TunnelSettings {
        sources,
        ttl,
        gue_port,
        vlan,
    })
}

fn pool() -> impl Strategy<Value = Pool> {
    let slots = (5_u32..100_000).prop_filter_map("no prime", next_prime);
    let slots = prop_oneof![Just(DEFAULT_SLOTS), slots];
    let numbers = (slots, option::of(seed()), 1_u64..=86_400);
    (name(), choice(), choice(), numbers, choice(), choice()).prop_map(
        |(name, delivery, hash, (slots, seed, seconds), udp, on_down)| Pool {
            delivery,
            hash,
            slots,
            seed,
            udp,
            on_down,
            idle_timeout: Duration::from_secs(seconds),
            ..Pool::new(name, Vec::new())
        },
    )
}

fn backend() -> impl Strategy<Value = Backend> {
    let until = option::of((0_u64..4_000_000_000).prop_map(Utc::from_unix));
    let weight = prop_oneof![Just(default_weight()), 1..=u32::MAX];
    (any::<bool>(), weight, option::of(choice()), choice(), until).prop_map(
        |(v6, weight, delivery, state, until)| Backend {
            weight,
            delivery,
            state,
            drain_until: until.filter(|_| state == AdminState::Draining),
            ..Backend::new("", address(10, 0, v6))
        },
    )
}

fn vip() -> impl Strategy<Value = Vip> {
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    let service = (protocol, any::<u16>()).prop_map(|(protocol, port)| Service { protocol, port });
    (any::<bool>(), vec(service, 1..4), choice(), any::<bool>()).prop_map(
        |(v6, services, on_unknown_port, echo)| Vip {
            on_unknown_port,
            echo,
            ..Vip::new("", address(192, 0, v6), services, "")
        },
    )
}

/// Whether both families may be in it: then none of its backends is on a segment. Some pools keep to one, so that there are
/// backends with delivery "l2" in pools with another.
fn is_mixed(pool: &Pool) -> bool {
    pool.delivery != Delivery::L2 && pool.hash != HashPolicy::SourceAddress
}

fn numbered(name: &str, number: usize) -> String {
    format!("{name}-{number}")
}

fn address(first: u8, number: usize, v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::new(0x2001, 0xdb8, first.into(), 0, 0, 0, 0, number as u16).into()
    } else {
        Ipv4Addr::new(first, 0, 2, number as u8 + 1).into()
    }
}
