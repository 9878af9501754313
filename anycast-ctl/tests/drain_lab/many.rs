//! Drains of pools and hosts.

use anycast_ctl::api::types::{BackendState, HostStatus};

use crate::{
    edge::Edge,
    held::{Held, ended},
};

/// A second pool of the same servers.
const TWIN: &str = "
[[pool]]
name = \"twin\"
idle_timeout = \"1s\"
[[pool.backend]]
name = \"one\"
address = \"203.0.113.11\"
[[pool.backend]]
name = \"two\"
address = \"203.0.113.12\"
[[pool.backend]]
name = \"off\"
address = \"203.0.113.13\"
state = \"disabled\"

[[vip]]
name = \"more\"
address = \"192.0.2.9\"
services = [\"tcp/80\"]
pool = \"twin\"
";

fn edge() -> Edge {
    Edge::start(3, |site| site + TWIN)
}

fn states(edge: &Edge, pool: &str) -> Vec<BackendState> {
    edge.pool(pool).iter().map(|backend| backend.state).collect()
}

#[test]
fn a_pool_and_the_whole_edge_are_drained_and_taken_back() {
    use BackendState::{Disabled, Draining, Up};

    let edge = edge();
    let held = Held::open(&edge, 12, true);
    let revision = edge.head().revision;
    let mut waiting = edge.begin("pool drain web4 --deadline 1h --wait --json");
    edge.wait_for("it is draining", |edge| states(edge, "web4") == [Draining; 3]);
    assert_eq!(edge.head().revision, revision + 1);
    assert_eq!(edge.head().what.split(" until ").next().unwrap(), "pool drain web4");
    let deadlines: Vec<_> = edge.pool("web4").iter().map(|it| it.drain.unwrap().remaining_seconds).collect();
    assert!(deadlines.iter().all(|it| (3_500..=3_601).contains(&it.unwrap())), "{deadlines:?}");
    assert_eq!(states(&edge, "web6"), [Up; 3]);
    let status = edge.ctl("status");
    assert!(status.contains("pool web4 has no backend left for new flows"), "{status}");
    let broken = held.finish();
    assert!(broken.is_empty(), "{broken:#?}");
    let (code, out, err) = ended(&mut waiting);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("draining pool web4: 3 backends, "), "{err}");
    let pool: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (pool["name"].as_str(), pool["backends"][2]["drain"]["empty"].as_bool()),
        (Some("web4"), Some(true))
    );
    let said = edge.ctl("pool undrain web4");
    assert!(said.starts_with("pool web4 gets new flows again: 3 of 3 backends up\n"), "{said}");

    let said = edge.ctl("pool drain --all --wait");
    assert!(
        said.contains("draining every pool: no new flows")
            && said.contains("\nevery pool has no flow left\n")
    );
    for pool in ["web4", "web6"] {
        assert_eq!(states(&edge, pool), [Draining; 3]);
    }
    assert_eq!(states(&edge, "twin"), [Draining, Draining, Disabled]);
    edge.ctl("pool undrain --all");
    assert_eq!((states(&edge, "web6"), states(&edge, "twin")), (vec![Up; 3], vec![Up, Up, Disabled]));
}

#[test]
fn a_server_is_drained_in_all_its_pools() {
    let edge = edge();
    let held = Held::open(&edge, 12, true);
    let hosts: Vec<HostStatus> = serde_json::from_str(&edge.ctl("host list --json")).unwrap();
    assert_eq!(hosts.len(), 6);
    let revision = edge.head().revision;
    let said = edge.ctl("host drain 203.0.113.12 --deadline 1h");
    assert!(
        said.starts_with("draining host 203.0.113.12: no new flows for web4/backend2, twin/two, those there are live on for 1h"),
        "{said}"
    );
    assert_eq!(edge.head().revision, revision + 1);
    let list = edge.ctl("host list");
    assert!(
        list.contains("203.0.113.12      web4  backend2  draining, 59m ") || list.contains("draining, 1h"),
        "{list}"
    );
    assert!(!edge.drain("web4", "backend2").empty);
    let said = edge.ctl("host undrain 203.0.113.12");
    assert!(
        said.starts_with("host 203.0.113.12 gets new flows again: web4/backend2 up, twin/two up\n"),
        "{said}"
    );

    let mut waiting = edge.begin("host drain 203.0.113.12 --remove --wait --json");
    edge.wait_for("it is draining", |edge| edge.backend("twin", "two").drain.is_some());
    let broken = held.finish();
    assert!(broken.is_empty(), "{broken:#?}");
    let (code, out, err) = ended(&mut waiting);
    assert_eq!(code, 0, "{err}");
    let host: HostStatus = serde_json::from_str(&out).unwrap();
    assert_eq!(host.backends.len(), 2, "{host:?}");
    assert!(host.backends.iter().all(|it| it.backend.state == BackendState::Removed), "{host:?}");
    for (words, complaint) in [
        ("host drain 203.0.113.12", "no backend has the address 203.0.113.12: did you mean `203.0.113.11`?"),
        ("host undrain 192.0.2.1", "no backend has the address 192.0.2.1: there is "),
        ("pool drain web44", "no pool is called `web44`: did you mean `web4`?"),
        ("pool drain twin --revision 1", "made for revision 1"),
    ] {
        let (code, text) = edge.try_ctl(words);
        assert!(code == 1 && text.contains(complaint), "{words}: {text}");
    }
    // In another pool 203.0.113.13 takes flows.
    edge.ctl("host drain 203.0.113.13");
    assert_eq!(edge.backend("twin", "off").state, BackendState::Disabled);
    assert_eq!(edge.backend("web4", "backend3").state, BackendState::Draining);
}
