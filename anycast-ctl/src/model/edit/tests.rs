use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{
    model::{AdminState, Backend, Delivery, OnDown, Service, SiteDiff, UdpPolicy, WhenDrained, arbitrary},
    utc::Utc,
};

mod drains;

fn backend(n: u8) -> Backend {
    Backend::new(format!("b{n}"), [10, 0, 0, n].into())
}

fn vip(n: u8, pool: &str) -> Vip {
    Vip::new(format!("v{n}"), [192, 0, 2, n].into(), vec!["tcp/80".parse().unwrap()], pool)
}

/// Two pools, the second in nobody's use.
fn site() -> Site {
    Site {
        interfaces: vec!["eth0".into()],
        pools: vec![
            Pool::new("web", vec![backend(1), backend(2)]),
            Pool::new("spare", vec![backend(11), backend(12)]),
        ],
        vips: vec![vip(1, "web")],
        ..Site::default()
    }
}

fn in_web(edit: BackendEdit) -> Edit {
    Edit::Backend { pool: "web".into(), edit }
}

fn drain(name: &str, until: Option<Utc>) -> Edit {
    in_web(BackendEdit::Drain { name: name.into(), terms: terms(until) })
}

fn terms(until: Option<Utc>) -> DrainTerms {
    DrainTerms { until, remove: false }
}

/// The lines of what an edit changes.
fn changes(site: &Site, edit: &Edit) -> Vec<String> {
    let after = edit.apply(site).unwrap_or_else(|error| panic!("{edit}: {error}"));
    SiteDiff::between(site, &after).to_string().lines().map(str::to_owned).collect()
}

#[test]
fn every_edit_changes_what_it_says_and_nothing_else() {
    let name = || "b2".to_owned();
    let until = Utc::from_unix(1_795_284_000);
    let services: Vec<Service> = vec!["tcp/443".parse().unwrap(), "udp/443".parse().unwrap()];
    let rows = [
        (
            Edit::AddVip(vip(2, "spare")),
            "vip add v2 192.0.2.2",
            "+ vip v2: address 192.0.2.2, services tcp/80, pool spare, on_unknown_port pass, echo true",
        ),
        (
            Edit::RemoveVip { name: "v1".into() },
            "vip remove v1",
            "- vip v1: address 192.0.2.1, services tcp/80, pool web, on_unknown_port pass, echo true",
        ),
        (
            Edit::SetVip {
                name: "v1".into(),
                patch: VipPatch {
                    services: Some(services),
                    pool: Some("spare".into()),
                    ..VipPatch::default()
                },
            },
            "vip set v1 services tcp/443,udp/443 pool spare",
            "~ vip v1: services tcp/80 → tcp/443 udp/443, pool web → spare",
        ),
        (
            Edit::SetPool {
                name: "web".into(),
                patch: PoolPatch { udp: Some(UdpPolicy::Quic), ..PoolPatch::default() },
            },
            "pool set web udp quic",
            "~ pool web: udp stateless → quic",
        ),
        (
            in_web(BackendEdit::Add(backend(3))),
            "backend add web b3 10.0.0.3",
            "+ pool web: backend b3 address 10.0.0.3, weight 1, state active",
        ),
        (
            in_web(BackendEdit::Remove { name: name() }),
            "backend remove web b2",
            "- pool web: backend b2 address 10.0.0.2, weight 1, state active",
        ),
        (
            in_web(BackendEdit::Weight { name: name(), weight: 2 }),
            "backend weight web b2 2",
            "~ pool web: backend b2 weight 1 → 2",
        ),
        (
            in_web(BackendEdit::Set {
                name: name(),
                patch: BackendPatch { delivery: Some(Some(Delivery::Gue)), ..BackendPatch::default() },
            }),
            "backend set web b2 delivery gue",
            "~ pool web: backend b2 delivery none → gue",
        ),
        (
            drain("b2", Some(until)),
            "backend drain web b2 until 2026-11-21T18:00:00Z",
            "~ pool web: backend b2 state active → draining, drain_until none → 2026-11-21T18:00:00Z",
        ),
        (
            in_web(BackendEdit::Disable { name: name() }),
            "backend disable web b2",
            "~ pool web: backend b2 state active → disabled",
        ),
    ];
    for (edit, summary, line) in rows {
        assert_eq!(edit.summary(), summary);
        assert_eq!(changes(&site(), &edit), [line], "{summary}");
    }
    let removed = changes(&site(), &Edit::RemovePool { name: "spare".into() });
    assert_eq!(removed.len(), 3, "{removed:?}");
    let added = changes(&site(), &Edit::AddPool(Pool::new("third", vec![backend(21)])));
    assert_eq!(
        added,
        [
            "+ pool third: delivery l2, hash 5-tuple, slots 65537, udp stateless, on_down reset, on_empty drop, \
             idle_timeout 5m",
            "+ pool third: backend b21 address 10.0.0.21, weight 1, state active"
        ]
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_way_out() {
    let name = || "b1".to_owned();
    let disabled = in_web(BackendEdit::Disable { name: name() }).apply(&site()).unwrap();
    let draining = drain("b1", None).apply(&site()).unwrap();
    for (site, edit, complaint) in [
        (site(), Edit::AddVip(vip(1, "web")), "there is a VIP v1 already"),
        (site(), Edit::AddVip(Vip { name: "x".into(), ..vip(1, "web") }), "is already the address of vip[0]"),
        (site(), Edit::AddVip(vip(2, "wep")), "no pool is called `wep`: did you mean `web`?"),
        (site(), Edit::RemoveVip { name: "v2".into() }, "no VIP is called `v2`: did you mean `v1`?"),
        (site(), Edit::AddPool(Pool::new("web", vec![backend(9)])), "there is a pool web already"),
        (site(), Edit::AddPool(Pool::new("empty", vec![])), "a pool needs at least one backend"),
        (site(), Edit::RemovePool { name: "web".into() }, "pool web serves VIP `v1`: give it another pool"),
        (site(), in_web(BackendEdit::Add(backend(1))), "pool web already has a backend b1"),
        (
            site(),
            in_web(BackendEdit::Add(Backend { name: "x".into(), ..backend(1) })),
            "already has 10.0.0.1 as backend b1",
        ),
        (
            site(),
            in_web(BackendEdit::Remove { name: "b7".into() }),
            "no backend of pool `web` is called `b7`",
        ),
        (disabled.clone(), drain("b1", None), "take it back with `backend enable`"),
        (disabled, in_web(BackendEdit::Undrain { name: name() }), "disabled, not draining"),
        (draining, in_web(BackendEdit::Enable { name: name() }), "draining, not disabled"),
    ] {
        let error = edit.apply(&site).unwrap_err().to_string();
        assert!(error.contains(complaint), "{edit}: {error}");
    }
}

#[test]
fn a_patch_tells_null_from_absent() {
    let patch: BackendPatch = serde_json::from_str(r#"{"delivery": null}"#).unwrap();
    assert_eq!(patch.delivery, Some(None));
    assert_eq!(serde_json::from_str::<BackendPatch>("{}").unwrap(), BackendPatch::default());
    assert!(serde_json::from_str::<VipPatch>(r#"{"ecco": true}"#).is_err());
    let patch: PoolPatch = serde_json::from_str(r#"{"idle_timeout": "90s"}"#).unwrap();
    assert_eq!(patch.to_string(), " idle_timeout 1m30s");
    assert_eq!(serde_json::to_string(&patch).unwrap(), r#"{"idle_timeout":"1m30s"}"#);
}

/// One edit of any kind and the one that takes it back.
fn with_inverse(site: &Site, kind: usize, at: &Index) -> (Edit, Edit) {
    let pool = at.get(&site.pools);
    let backend = at.get(&pool.backends);
    let (name, pool_name) = (backend.name.clone(), pool.name.clone());
    let of = |edit| Edit::Backend { pool: pool_name.clone(), edit };
    let both = |scope: DrainScope| {
        let terms = DrainTerms { until: Some(Utc::from_unix(1_795_284_000)), remove: true };
        (Edit::Drain { scope: scope.clone(), terms }, Edit::Undrain { scope })
    };
    let fresh = Backend::new("fresh", [10, 9, 9, 9].into());
    match kind {
        0 => (Edit::AddVip(vip(99, &pool_name)), Edit::RemoveVip { name: "v99".into() }),
        1 => {
            let third = Pool::new("third", vec![fresh]);
            (Edit::AddPool(third), Edit::RemovePool { name: "third".into() })
        }
        2 => (of(BackendEdit::Add(fresh)), of(BackendEdit::Remove { name: "fresh".into() })),
        3 => (
            of(BackendEdit::Drain { name: name.clone(), terms: terms(None) }),
            of(BackendEdit::Undrain { name }),
        ),
        4 => (of(BackendEdit::Disable { name: name.clone() }), of(BackendEdit::Enable { name })),
        5 => (
            of(BackendEdit::Weight { name: name.clone(), weight: backend.weight % 100 + 1 }),
            of(BackendEdit::Weight { name, weight: backend.weight }),
        ),
        6 => (of(BackendEdit::Remove { name }), of(BackendEdit::Add(backend.clone()))),
        7 => both(DrainScope::Pool(pool_name)),
        8 => both(DrainScope::EveryPool),
        9 => both(DrainScope::Host(backend.address)),
        _ => {
            let set = |on_down| Edit::SetPool {
                name: pool_name.clone(),
                patch: PoolPatch { on_down: Some(on_down), ..PoolPatch::default() },
            };
            let other = if pool.on_down == OnDown::Keep { OnDown::Reset } else { OnDown::Keep };
            (set(other), set(pool.on_down))
        }
    }
}

/// How many backends a scope names.
fn named(site: &Site, scope: &DrainScope) -> usize {
    let of = |pool: &Pool| match scope {
        DrainScope::Pool(name) => {
            if pool.name == *name {
                pool.backends.len()
            } else {
                0
            }
        }
        DrainScope::EveryPool => pool.backends.len(),
        DrainScope::Host(address) => pool.backends.iter().filter(|it| it.address == *address).count(),
    };
    site.pools.iter().map(of).sum()
}

/// A site with something to edit: all backends active, and room in its maps.
fn any_site() -> impl Strategy<Value = Site> {
    let at_rest = |mut site: Site| {
        site.maps = Default::default();
        for backend in site.pools.iter_mut().flat_map(|pool| &mut pool.backends) {
            (backend.state, backend.drain_until) = (AdminState::Active, None);
            backend.when_drained = WhenDrained::Keep;
        }
        site
    };
    arbitrary::site().prop_map(at_rest).prop_filter("nothing to edit", |site| !site.pools.is_empty())
}

proptest! {
    #[test]
    fn an_edit_and_its_inverse_come_to_nothing(site in any_site(), kind in 0_usize..11, at: Index) {
        let (edit, inverse) = with_inverse(&site, kind, &at);
        // The last backend of a pool stays, and 10.9.9.9 is in reach of no IPv6.
        let Ok(after) = edit.apply(&site) else { return Ok(()) };
        let there = SiteDiff::between(&site, &after);
        prop_assert!(!there.is_empty(), "{}", edit);
        prop_assert!(after.problems().is_empty());
        let back = inverse.apply(&after).unwrap();
        prop_assert!(SiteDiff::between(&site, &back).is_empty(), "{} then {}", edit, inverse);
        // Seen from the other side it is the same, backwards.
        let mirrored = SiteDiff::between(&after, &site);
        prop_assert_eq!(there.differences.len(), mirrored.differences.len());
    }

    #[test]
    fn a_site_does_not_differ_from_itself(site in any_site()) {
        prop_assert!(SiteDiff::between(&site, &site).is_empty());
        let mut turned = site.clone();
        turned.pools.reverse();
        turned.vips.reverse();
        prop_assert!(SiteDiff::between(&site, &turned).is_empty());
    }

    #[test]
    fn edits_touch_only_what_they_name(site in any_site(), kinds in proptest::collection::vec((0_usize..11, any::<Index>()), 1..6)) {
        let mut state = site;
        for (kind, at) in kinds {
            let (edit, _) = with_inverse(&state, kind, &at);
            // Refused is one of the answers: the last backend stays, names are taken.
            if let Ok(after) = edit.apply(&state) {
                let changed = SiteDiff::between(&state, &after);
                let backends = |site: &Site| site.pools.iter().map(|pool| pool.backends.len()).sum::<usize>();
                let counted = backends(&after).abs_diff(backends(&state));
                // Drains of many change as many as they name, and add none.
                let many = if let Edit::Drain { scope, .. } | Edit::Undrain { scope } = &edit {
                    named(&state, scope)
                } else {
                    1
                };
                prop_assert!(changed.differences.len() <= many + counted, "{}: {}", edit, changed);
                state = after;
            }
        }
    }

    #[test]
    fn a_disabled_backend_stays_configured(site in any_site(), at: Index) {
        let pool = at.get(&site.pools);
        let backend = at.get(&pool.backends);
        let edit = BackendEdit::Disable { name: backend.name.clone() };
        let after = Edit::Backend { pool: pool.name.clone(), edit }.apply(&site).unwrap();
        let disabled = after.pool(&pool.name).and_then(|pool| pool.backend(&backend.name)).unwrap();
        prop_assert_eq!(disabled, &Backend { state: AdminState::Disabled, ..backend.clone() });
    }
}
