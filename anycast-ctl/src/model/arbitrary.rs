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
    (head, pools, vips, sizes(), option::of(announce())).prop_map(|(head, pools, vips, maps, announce)| {
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
                // One at least takes flows by itself.
                backup: backend.backup && j > 0,
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
            let address = address(192, i, v6);
            // Every VIP has a prefix of its own.
            let prefix = vip.prefix.map(|prefix| prefix.prefix_len()).filter(|length| *length > 30);
            let prefix =
                prefix.and_then(|length| IpNet::new(address, if v6 { 128 } else { length.max(32) }).ok());
            site.vips.push(Vip {
                name: numbered(&name, i),
                address,
                prefix,
                announce: if announce.is_none() && vip.announce == AnnouncePolicy::Always {
                    AnnouncePolicy::Auto
                } else {
                    vip.announce
                },
                services,
                pool,
                ..vip
            });
        }
        site.announce = announce.map(Box::new);
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

/// Every choice; what a daemon must be told is looked at where it is driven.
fn announce() -> impl Strategy<Value = Announce> {
    let milliseconds = || (0_u64..3_600_000).prop_map(Duration::from_millis);
    let periods = (milliseconds(), milliseconds(), milliseconds(), milliseconds());
    let shutdown = (any::<bool>(), option::of(any::<u32>()), 0_u8..=10, milliseconds())
        .prop_map(|(community, med, prepend, wait)| Shutdown { community, med, prepend, wait });
    let lease = prop_oneof![Just(0), 5_000_u64..3_600_000].prop_map(Duration::from_millis);
    let kernel = (choice(), interface(), 1..=u32::MAX, 5..=u8::MAX, any::<u32>(), option::of(any::<u32>()))
        .prop_map(|(mode, interface, table, protocol, metric, shutdown_metric)| KernelSettings {
            mode,
            interface,
            table,
            protocol,
            metric,
            shutdown_metric: shutdown_metric.filter(|it| mode == KernelMode::Route && *it != metric),
        });
    let daemon = prop_oneof![
        Just(Announce { bird: Some(BirdSettings::default()), ..Announce::default() }),
        Just(Announce {
            bird: Some(BirdSettings {
                protocol: "vip_{vip}".to_owned(),
                shutdown_protocol: Some("last_{vip}".to_owned()),
                ..BirdSettings::default()
            }),
            ..Announce::default()
        }),
        Just(Announce {
            bird: Some(BirdSettings { include: Some("/etc/bird/a.conf".into()), ..BirdSettings::default() }),
            ..Announce::default()
        }),
        Just(Announce { exabgp: Some(ExabgpSettings::default()), ..Announce::default() }),
        Just(Announce { frr: Some(FrrSettings::default()), ..Announce::default() }),
        Just(Announce {
            gobgp: Some(GobgpSettings { endpoint: "unix:///run/gobgp.sock".to_owned() }),
            ..Announce::default()
        }),
        kernel.prop_map(|kernel| Announce { kernel: Some(kernel), ..Announce::default() }),
    ];
    let choices = (choice(), choice(), 1..=u32::MAX);
    (daemon, choices, lease, periods, shutdown, milliseconds()).prop_map(
        |(
            daemon,
            (on_stop, all_down, asn),
            lease,
            (hold_up, more, hold_down, min_announced),
            shutdown,
            quiet,
        )| Announce {
            on_stop,
            all_down,
            asn: Some(asn),
            lease,
            hold_up,
            hold_up_max: hold_up + more,
            hold_down,
            min_announced,
            quiet: quiet.max(Duration::from_secs(1)),
            shutdown,
            ..daemon
        },
    )
}

/// A check with every key; no kind knows them all.
pub fn full_check() -> Check {
    let text = |text: &str| Some(text.to_owned());
    Check {
        kind: Some(CheckKind::Http),
        via: Some(Via::Vip),
        vips: Some(vec!["www".to_owned()]),
        port: Some(8_080),
        source: Some(vec![address(172, 1, false), address(172, 1, true)]),
        interval: Some(Duration::from_millis(1_500)),
        fast_interval: Some(Duration::from_millis(150)),
        timeout: Some(Duration::from_millis(200)),
        rise: Some(4),
        fall: Some(5),
        jitter: Some(Percent::of(20)),
        hold_down: Some(Duration::from_secs(20)),
        hold_down_max: Some(Duration::from_secs(300)),
        full_size: Some(true),
        method: text("HEAD"),
        path: text("/health"),
        host: text("www.example"),
        status: Some("200,204".parse().unwrap()),
        body: text("ok \"'ß"),
        drain_header: text("X-Drain"),
        tls: Some(true),
        server_name: text("sni.example"),
        verify: Some(true),
        ca: text("/etc/ca.pem"),
        certificate: text("/etc/own.pem"),
        key: text("/etc/own.key"),
        query: text("www.example"),
        query_type: Some(QueryType::Aaaa),
        transport: Some(DnsTransport::Both),
        rcode: Some(Rcode::NxDomain),
        answer: text("2001:db8::1"),
        send: Some("PING\n".parse().unwrap()),
        expect: Some("hex:00ff".parse().unwrap()),
        service: text("shop"),
        command: Some(vec!["/bin/true".to_owned(), "-x".to_owned()]),
    }
}

/// A check of any kind with any of the keys that it knows; VIPs are left to the pool.
fn check() -> impl Strategy<Value = Check> {
    (choice::<CheckKind>(), any::<u64>()).prop_map(|(kind, chosen)| {
        let full = Check { kind: Some(kind), ..full_check() };
        let needed = |name: &str| match kind {
            CheckKind::Dns => name == "query",
            CheckKind::Udp => name == "send",
            CheckKind::Exec => name == "command",
            // Keys of TLS want it to be on, and a certificate wants its key.
            CheckKind::Grpc => name == "tls",
            CheckKind::Tcp
            | CheckKind::Http
            | CheckKind::Https
            | CheckKind::Tls
            | CheckKind::Icmp
            | CheckKind::None => false,
        };
        let (mut check, together) = (Check::of(kind), chosen >> 40 & 1);
        for (bit, key) in health::KEYS.iter().enumerate() {
            let chosen = match key.name() {
                "certificate" | "key" => together == 1,
                "interval" | "fast_interval" => chosen >> 41 & 1 == 1,
                "vips" => false,
                "port" => true,
                _ => chosen >> bit & 1 == 1,
            };
            if key.fits(kind) && (chosen || needed(key.name())) {
                key.copy_from(&full, &mut check);
            }
        }
        check
    })
}

fn feedback() -> impl Strategy<Value = Feedback> {
    let path = option::of(Just("/load".to_owned()));
    (choice(), 1..=u16::MAX, path, 1_u64..3_600, 10_u64..60_000, 0_u8..=100).prop_map(
        |(kind, port, path, interval, timeout, floor)| Feedback {
            kind,
            port,
            path: path.filter(|_| kind == FeedbackKind::Http),
            interval: Duration::from_secs(interval),
            timeout: Duration::from_millis(timeout),
            floor: Percent::of(floor),
        },
    )
}

type PoolHealth =
    (Option<Check>, Unchecked, Percent, Option<MinHealthy>, Duration, RampCurve, Option<Feedback>);

fn least() -> impl Strategy<Value = MinHealthy> {
    prop_oneof![
        (1_u32..99_999).prop_map(MinHealthy::Count),
        (0_u8..=100).prop_map(|share| MinHealthy::Share(Percent::of(share)))
    ]
}

fn pool_health() -> impl Strategy<Value = PoolHealth> {
    let percent = (0_u8..=100).prop_map(Percent::of);
    let ramp = (0_u64..3_600).prop_map(Duration::from_secs);
    (option::of(check()), choice(), percent, option::of(least()), ramp, choice(), option::of(feedback()))
}

fn pool() -> impl Strategy<Value = Pool> {
    let slots = (5_u32..100_000).prop_filter_map("no prime", next_prime);
    let slots = prop_oneof![Just(DEFAULT_SLOTS), slots];
    let numbers = (slots, option::of(seed()), 1_u64..=86_400);
    (name(), choice(), choice(), numbers, choice(), (choice(), choice()), pool_health()).prop_map(
        |(name, delivery, hash, (slots, seed, seconds), udp, (on_down, on_empty), health)| Pool {
            delivery,
            hash,
            slots,
            seed,
            udp,
            on_down,
            on_empty,
            idle_timeout: Duration::from_secs(seconds),
            check: health.0.map(Box::new),
            unchecked: health.1,
            panic_threshold: health.2,
            min_healthy: health.3,
            slow_start: health.4,
            slow_start_curve: health.5,
            feedback: health.6.map(Box::new),
            ..Pool::new(name, Vec::new())
        },
    )
}

fn backend() -> impl Strategy<Value = Backend> {
    let until = option::of((0_u64..4_000_000_000).prop_map(Utc::from_unix));
    let weight = prop_oneof![Just(default_weight()), 1..=u32::MAX];
    let flags = (any::<bool>(), any::<bool>());
    (flags, weight, option::of(choice()), choice(), until, choice(), option::of(check())).prop_map(
        |((v6, backup), weight, delivery, state, until, when_drained, check)| Backend {
            backup,
            when_drained,
            check: check.map(Box::new),
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
    let length = option::of(0_u8..=32);
    (any::<bool>(), vec(service, 1..4), choice(), any::<bool>(), choice(), length, option::of(least()))
        .prop_map(|(v6, services, on_unknown_port, echo, announce, length, min_healthy)| Vip {
            on_unknown_port,
            echo,
            announce,
            // Of the address that it gets in the end.
            prefix: length.and_then(|length| IpNet::new(address(192, 0, v6), length).ok()),
            min_healthy,
            ..Vip::new("", address(192, 0, v6), services, "")
        })
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
