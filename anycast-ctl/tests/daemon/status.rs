//! What the daemon that only remembers says of itself.

use anycast_ctl::{
    api::types::{
        BackendState, BackendStatus, BaseOwnerStatus, DetailStatus, DrainStatus, InterfaceStatus, MapStatus,
        MapsStatus, NextHopStatus, PoolStatus, Progress, ReasonStatus, SlotOwner, SlotRun, SlotsStatus,
        Status, Traffic, TransitionStatus, VipBackendStatus, VipStatus, XdpMode,
    },
    drain,
    model::{AdminState, Backend, Delivery, OnDown, OnEmpty, OnUnknownPort, Pool, Site, UdpPolicy, Vip},
};

/// The site that [`status`] is about.
pub fn site() -> Site {
    let backend = |name: &str, last| Backend::new(name, [10, 0, 0, last].into());
    let l2 = Backend { delivery: Some(Delivery::L2), ..backend("web-2", 12) };
    let web = Pool { delivery: Delivery::Ipip, ..Pool::new("web", vec![backend("web-1", 11), l2]) };
    let www = Vip::new(
        "www",
        [192, 0, 2, 1].into(),
        vec!["tcp/80".parse().unwrap(), "tcp/443".parse().unwrap()],
        "web",
    );
    Site { interfaces: vec!["eth0".into()], pools: vec![web], vips: vec![www], ..Site::default() }
}

/// Makes a status one of another site: what was there keeps its figures.
pub fn follow(status: &mut Status, site: &Site) {
    let earlier = std::mem::take(&mut status.pools);
    status.pools = site
        .pools
        .iter()
        .map(|pool| {
            let known = earlier.iter().find(|it| it.name == pool.name);
            PoolStatus {
                name: pool.name.clone(),
                slots: pool.slots,
                delivery: pool.delivery,
                udp: pool.udp,
                on_down: pool.on_down,
                on_empty: pool.on_empty,
                idle_timeout_seconds: pool.idle_timeout.as_secs(),
                transition: known.map(|known| known.transition.clone()).unwrap_or_default(),
                backends: pool
                    .backends
                    .iter()
                    .map(|it| {
                        let known =
                            known.and_then(|known| known.backends.iter().find(|known| known.name == it.name));
                        backend(pool, it, known)
                    })
                    .collect(),
            }
        })
        .collect();
    let earlier = std::mem::take(&mut status.vips);
    status.vips = site
        .vips
        .iter()
        .map(|vip| {
            let known = earlier.iter().find(|it| it.name == vip.name);
            VipStatus {
                name: vip.name.clone(),
                address: vip.address,
                services: vip.services.clone(),
                pool: vip.pool.clone(),
                on_unknown_port: vip.on_unknown_port,
                echo: vip.echo,
                traffic: known.map(|known| known.traffic).unwrap_or_default(),
                reasons: known.map(|known| known.reasons.clone()).unwrap_or_default(),
                details: known.map(|known| known.details.clone()).unwrap_or_default(),
                backends: known.map(|known| known.backends.clone()).unwrap_or_default(),
            }
        })
        .collect();
}

fn backend(pool: &Pool, it: &Backend, known: Option<&BackendStatus>) -> BackendStatus {
    let fresh = BackendStatus {
        name: it.name.clone(),
        address: it.address,
        weight: it.weight,
        delivery: pool.delivery_of(it),
        backup: it.backup,
        mtu: None,
        state: BackendState::Unresolved,
        detail: Some(format!("waiting for an answer to ARP from {} on eth0", it.address)),
        next_hop: None,
        slots: 0,
        slots_wanted: 0,
        pins: 0,
        drain: None,
        traffic: Traffic::default(),
    };
    let resting = match known {
        Some(known) if known.next_hop.is_some() => BackendState::Up,
        Some(_) | None => BackendState::Unresolved,
    };
    let remaining = |until: anycast_ctl::utc::Utc| until.since(anycast_ctl::utc::Utc::now()).as_secs();
    BackendStatus {
        weight: it.weight,
        delivery: pool.delivery_of(it),
        backup: it.backup,
        address: it.address,
        state: match it.state {
            AdminState::Active => resting,
            AdminState::Draining => BackendState::Draining,
            AdminState::Disabled => BackendState::Disabled,
        },
        drain: (it.state == AdminState::Draining).then(|| DrainStatus {
            remaining_seconds: it.drain_until.map(remaining),
            flows: 12,
            slots: 32_768,
            // One that never had a next hop never had flows.
            empty: known.is_none_or(|known| known.next_hop.is_none()),
            removes: drain::removes(pool, it),
            last: drain::wants_removal(it) && !drain::removes(pool, it),
        }),
        ..known.cloned().unwrap_or(fresh)
    }
}

/// The first half is in transition to the second backend.
pub fn slots(pool: &PoolStatus) -> SlotsStatus {
    let owner = |backend: &BackendStatus| SlotOwner { name: backend.name.clone(), address: backend.address };
    SlotsStatus {
        pool: pool.name.clone(),
        slots: pool.slots,
        backends: pool.backends.iter().map(owner).collect(),
        runs: vec![
            SlotRun { first: 0, length: 32_768, current: Some(1), base: Some(0) },
            SlotRun { first: 32_768, length: 32_769, current: Some(0), base: None },
        ],
    }
}

/// Two backends, one of them silent.
pub fn status() -> Status {
    let traffic = Traffic { packets: 12_345_678, bytes: 9_876_543_210, new_flows: 4_321 };
    let refused =
        ReasonStatus { code: 3, reason: "ttl_exceeded".into(), verdict: "drop".into(), packets: 17 };
    let answered =
        ReasonStatus { code: 14, reason: "echo_answered".into(), verdict: "answer".into(), packets: 4 };
    Status {
        version: "0.1.0".into(),
        pid: 4242,
        announcements: None,
        uptime_seconds: 11_530,
        multi_buffer: true,
        desired: Progress { revision: 1, applied: 1, settled: true, behind: None },
        detached: false,
        interfaces: vec![InterfaceStatus {
            name: "eth0".into(),
            index: 2,
            mode: XdpMode::Native,
            present: true,
            detail: None,
        }],
        vips: vec![VipStatus {
            name: "www".into(),
            address: "192.0.2.1".parse().unwrap(),
            services: vec!["tcp/80".parse().unwrap(), "tcp/443".parse().unwrap()],
            pool: "web".into(),
            on_unknown_port: OnUnknownPort::Pass,
            echo: true,
            traffic,
            reasons: vec![refused.clone(), answered.clone()],
            details: vec![DetailStatus { code: 2, detail: "fragment_stray".into(), packets: 5 }],
            backends: vec![VipBackendStatus {
                name: "web-1".into(),
                address: "10.0.0.11".parse().unwrap(),
                traffic,
            }],
        }],
        pools: vec![PoolStatus {
            name: "web".into(),
            slots: 65_537,
            delivery: Delivery::Ipip,
            udp: UdpPolicy::Stateless,
            on_down: OnDown::Reset,
            on_empty: OnEmpty::Drop,
            idle_timeout_seconds: 300,
            transition: TransitionStatus {
                slots: 32_768,
                since_seconds: Some(130),
                base_owners: vec![BaseOwnerStatus {
                    name: "web-2".into(),
                    address: "10.0.0.12".parse().unwrap(),
                    slots: 32_768,
                }],
            },
            backends: vec![
                BackendStatus {
                    name: "web-1".into(),
                    address: "10.0.0.11".parse().unwrap(),
                    weight: 1,
                    delivery: Delivery::Ipip,
                    backup: false,
                    mtu: Some(1480),
                    state: BackendState::Up,
                    detail: None,
                    next_hop: Some(NextHopStatus {
                        interface: "eth0".into(),
                        neighbour: "10.0.0.11".parse().unwrap(),
                        mac: "02:00:00:00:00:11".into(),
                    }),
                    slots: 65_537,
                    slots_wanted: 32_769,
                    pins: 12,
                    drain: None,
                    traffic,
                },
                BackendStatus {
                    name: "web-2".into(),
                    address: "10.0.0.12".parse().unwrap(),
                    weight: 1,
                    delivery: Delivery::L2,
                    backup: false,
                    mtu: None,
                    state: BackendState::Unresolved,
                    detail: Some("no answer to ARP from 10.0.0.12 on eth0".into()),
                    next_hop: None,
                    slots: 0,
                    slots_wanted: 32_768,
                    pins: 0,
                    drain: None,
                    traffic: Traffic::default(),
                },
            ],
        }],
        drift: Default::default(),
        web: None,
        rights: None,
        maps: MapsStatus {
            pins: MapStatus { used: 12, capacity: 262_144 },
            embryonic: MapStatus { used: 3, capacity: 65_536 },
            slots: MapStatus { used: 65_537, capacity: 2_097_152 },
            traffic_counters: MapStatus { used: 4, capacity: 131_072 },
            vips: MapStatus { used: 1, capacity: 64 },
        },
        reasons: vec![
            ReasonStatus { code: 2, reason: "no_service".into(), verdict: "pass".into(), packets: 0 },
            refused,
            answered,
        ],
    }
}
