//! Drains of one backend, a pool, every pool and a host.

use super::*;

/// 10.0.0.1 is in both pools, and disabled in the second; 10.0.0.11 is draining already.
fn shared() -> Site {
    let mut site = site();
    let twin = Backend { name: "twin".into(), state: AdminState::Disabled, ..backend(1) };
    site.pools[1].backends.push(twin);
    site.pools[1].backends[0].state = AdminState::Draining;
    site
}

fn host(n: u8) -> DrainScope {
    DrainScope::Host([10, 0, 0, n].into())
}

#[test]
fn many_backends_are_drained_and_taken_back_at_once() {
    let until = Some(Utc::from_unix(1_795_284_000));
    let line = |pool: &str, name: &str, was: &str| {
        let state = if was == "draining" { String::new() } else { format!("state {was} → draining, ") };
        format!("~ pool {pool}: backend {name} {state}drain_until none → 2026-11-21T18:00:00Z")
    };
    let (b1, b2) = (line("web", "b1", "active"), line("web", "b2", "active"));
    let (b11, b12) = (line("spare", "b11", "draining"), line("spare", "b12", "active"));
    for (scope, summary, lines) in [
        (DrainScope::Pool("web".into()), "pool drain web until 2026-11-21T18:00:00Z", vec![&b1, &b2]),
        (DrainScope::EveryPool, "pool drain --all until 2026-11-21T18:00:00Z", vec![&b1, &b2, &b11, &b12]),
        (host(1), "host drain 10.0.0.1 until 2026-11-21T18:00:00Z", vec![&b1]),
        (host(11), "host drain 10.0.0.11 until 2026-11-21T18:00:00Z", vec![&b11]),
    ] {
        let edit = Edit::Drain { scope: scope.clone(), terms: terms(until) };
        assert_eq!(edit.summary(), summary);
        assert_eq!(changes(&shared(), &edit).iter().collect::<Vec<_>>(), lines, "{summary}");
        let drained = edit.apply(&shared()).unwrap();
        let back = Edit::Undrain { scope }.apply(&drained).unwrap();
        // What was disabled stays so, and nothing drains any more.
        let states = |site: &Site| -> Vec<AdminState> {
            site.pools.iter().flat_map(|pool| &pool.backends).map(|backend| backend.state).collect()
        };
        let elsewhere = usize::from(!lines.contains(&&b11));
        assert_eq!(states(&back).iter().filter(|it| **it == AdminState::Draining).count(), elsewhere);
        assert_eq!(states(&back).last(), Some(&AdminState::Disabled));
    }
    assert_eq!(Edit::Undrain { scope: DrainScope::EveryPool }.summary(), "pool undrain --all");
    assert_eq!(Edit::Undrain { scope: host(1) }.summary(), "host undrain 10.0.0.1");
}

#[test]
fn a_drain_may_end_in_a_removal_and_is_taken_back_with_it() {
    let edit =
        in_web(BackendEdit::Drain { name: "b2".into(), terms: DrainTerms { until: None, remove: true } });
    assert_eq!(edit.summary(), "backend drain web b2 --remove");
    assert_eq!(
        changes(&site(), &edit),
        ["~ pool web: backend b2 state active → draining, when_drained none → remove"]
    );
    let drained = edit.apply(&site()).unwrap();
    let when = |site: &Site| site.pools[0].backends[1].when_drained;
    // Another deadline leaves that as it is.
    let again = drain("b2", Some(Utc::from_unix(1_795_284_000))).apply(&drained).unwrap();
    assert_eq!(when(&again), WhenDrained::Remove);
    let undrain = in_web(BackendEdit::Undrain { name: "b2".into() });
    assert_eq!(undrain.apply(&again).unwrap(), site());
    let set = |when_drained| {
        let patch = BackendPatch { when_drained: Some(when_drained), ..BackendPatch::default() };
        in_web(BackendEdit::Set { name: "b2".into(), patch })
    };
    assert_eq!(set(WhenDrained::Remove).summary(), "backend set web b2 when_drained remove");
    let kept = set(WhenDrained::Keep).apply(&drained).unwrap();
    assert_eq!((when(&kept), kept.pools[0].backends[1].state), (WhenDrained::Keep, AdminState::Draining));
}

#[test]
fn drains_of_nothing_are_refused() {
    let all = |scope: DrainScope| Edit::Drain { scope, terms: terms(None) };
    let mut disabled = site();
    for pool in &mut disabled.pools {
        pool.backends.iter_mut().for_each(|backend| backend.state = AdminState::Disabled);
    }
    let empty = Site { pools: vec![], vips: vec![], ..site() };
    let pool = |name: &str| DrainScope::Pool(name.into());
    for (site, edit, complaint) in [
        (site(), all(pool("wep")), "no pool is called `wep`: did you mean `web`?"),
        (site(), Edit::Undrain { scope: pool("wep") }, "no pool is called `wep`"),
        (
            site(),
            all(host(13)),
            "no backend has the address 10.0.0.13: did you mean `10.0.0.1`? there is `10.0.0.1`, `10.0.0.2`, \
             `10.0.0.11`, `10.0.0.12`",
        ),
        (site(), Edit::Undrain { scope: host(99) }, "no backend has the address 10.0.0.99"),
        (disabled.clone(), all(pool("web")), "pool web has no backend that takes flows"),
        (disabled.clone(), all(host(1)), "host 10.0.0.1 has no backend that takes flows"),
        (disabled, all(DrainScope::EveryPool), "every pool has no backend that takes flows"),
        (empty.clone(), all(DrainScope::EveryPool), "there is no pool yet"),
        (empty, all(host(1)), "there is no backend yet"),
    ] {
        let error = edit.apply(&site).unwrap_err().to_string();
        assert!(error.contains(complaint), "{edit}: {error}");
    }
    // Nothing to take back is no mistake.
    assert!(changes(&site(), &Edit::Undrain { scope: pool("web") }).is_empty());
}
