use super::*;
use crate::model::{Announce, BirdSettings, FrrSettings};
use crate::model::{Backend, Pool, Seed};

fn site() -> Site {
    let backends =
        vec![Backend::new("web-1", [10, 0, 0, 1].into()), Backend::new("web-2", [10, 0, 0, 2].into())];
    Site {
        interfaces: vec!["eth0".into()],
        seed: Some(Seed::new(0xdead_beef)),
        pools: vec![Pool::new("web", backends)],
        ..Site::default()
    }
}

#[test]
fn lines_are_for_people() {
    let (before, mut after) = (site(), site());
    after.interfaces.push("eth1".into());
    after.maps.pins = Some(2_048);
    after.pools[0].backends[1].weight = 2;
    assert_eq!(
        SiteDiff::between(&before, &after).to_string(),
        "~ site: interfaces eth0 → eth0 eth1, maps.pins none → 2048\n~ pool web: backend web-2 weight 1 → 2\n"
    );
    assert_eq!(SiteDiff::between(&site(), &site()).to_string(), "");
}

#[test]
fn a_seed_is_told_of_and_not_shown() {
    let (before, mut after) = (site(), site());
    after.seed = Some(Seed::new(0xfeed_f00d));
    after.pools[0].seed = Some(Seed::new(0xfeed_f00d));
    let diff = SiteDiff::between(&before, &after);
    assert_eq!(
        diff.to_string(),
        "~ site: seed (secret) → (another secret)\n~ pool web: seed none → (secret)\n"
    );
    let json = serde_json::to_string(&diff).unwrap();
    assert!(!json.contains("beef") && !json.contains("f00d"), "{json}");
}

#[test]
fn json_says_what_and_where() {
    let (before, mut after) = (site(), site());
    after.pools[0].backends[1].weight = 2;
    let diff = SiteDiff::between(&before, &after);
    assert_eq!(
        serde_json::to_value(&diff).unwrap(),
        serde_json::json!([{
            "change": "changed", "kind": "backend", "pool": "web", "backend": "web-2",
            "fields": [{"key": "weight", "before": "1", "after": "2"}],
        }])
    );
    let read: SiteDiff = serde_json::from_value(serde_json::to_value(&diff).unwrap()).unwrap();
    assert_eq!(read, diff);
}

#[test]
fn a_table_that_comes_goes_or_is_another_one_is_told_of() {
    let announcing = |announce: Announce| Site { announce: Some(Box::new(announce)), ..site() };
    let bird = announcing(Announce { bird: Some(BirdSettings::default()), ..Announce::default() });
    let frr = announcing(Announce { frr: Some(FrrSettings::default()), ..Announce::default() });
    for (before, after, says) in [
        (&site(), &bird, "~ site: announce none → bird"),
        (&bird, &site(), "~ site: announce bird → none"),
        (&bird, &frr, "~ site: announce bird → frr"),
    ] {
        let text = SiteDiff::between(before, after).to_string();
        assert!(text.starts_with(says), "{text}");
    }
}
