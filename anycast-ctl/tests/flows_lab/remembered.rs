//! Flows that are remembered, while slots are in transition.

use std::{collections::BTreeSet, net::Ipv4Addr};

use anycast_ctl::api::types::{FlowCounts, FlowState, FlowStatus, FlowsStatus, Kept};

use crate::{edge::Edge, held::Held, wire::Clients};

fn listed(edge: &Edge, words: &str) -> FlowsStatus {
    serde_json::from_str(&edge.ctl(&format!("flows list --json {words}"))).unwrap()
}

fn counted(edge: &Edge, words: &str) -> FlowCounts {
    serde_json::from_str(&edge.ctl(&format!("flows count --json {words}"))).unwrap()
}

/// Clients that a server is connected to, by its own word.
fn peers(edge: &Edge, server: &str) -> BTreeSet<String> {
    let sockets = edge.host.lab.run(server, "ss", &["-Htn", "state", "established"]).unwrap();
    let column = |line: &str| line.split_whitespace().nth(3).map(str::to_owned);
    sockets.lines().filter_map(column).collect()
}

fn client(flow: &FlowStatus) -> String {
    format!("{}:{}", flow.source, flow.source_port)
}

#[test]
fn sessions_of_a_transition_are_listed_at_the_backend_that_has_them() {
    // Nothing is forgotten while the test looks.
    let edge = Edge::start(2, |site| site.replace("idle_timeout = \"2s\"", "idle_timeout = \"5m\""));
    let before = edge.ctl("flows list");
    assert_eq!(before, "No flow is remembered: no slot is in transition, or nothing came since.\n");

    edge.ctl("backend drain web4 backend2 --deadline 1h");
    let held = Held::open(&edge, 40, true);
    edge.wait_for("sessions are remembered", |edge| listed(edge, "--pool web4").matched >= 4);

    let status = listed(&edge, "--vip www4 --pinned");
    assert_eq!(status.flows.len() as u64, status.matched);
    let at_server = peers(&edge, "backend1");
    for flow in &status.flows {
        assert_eq!((flow.vip.as_deref(), flow.pool.as_deref()), (Some("www4"), Some("web4")), "{flow:?}");
        assert_eq!((flow.backend.as_deref(), flow.kept), (Some("backend1"), Kept::InTransition), "{flow:?}");
        assert!(at_server.contains(&client(flow)), "{flow:?} is none of {at_server:?}");
    }
    assert_eq!(listed(&edge, "--backend web4/backend1 --pinned").flows.len(), status.flows.len());
    assert_eq!(listed(&edge, "--backend web4/backend2").flows, []);
    assert_eq!(listed(&edge, "--vip www6").flows, [], "its slots are stable");

    // The slots go back: what is remembered of their flows is all that keeps these where they are.
    edge.ctl("backend undrain web4 backend2");
    let held_slots = listed(&edge, "--vip www4 --pinned");
    assert!(held_slots.flows.iter().all(|flow| flow.kept == Kept::HoldsSlot), "{held_slots:#?}");
    let counts = counted(&edge, "--by backend");
    assert_eq!(counts.groups.len(), 1);
    assert_eq!(counts.groups[0].name.as_deref(), Some("web4/backend1"));
    assert_eq!(counts.groups[0].tally.pinned, status.matched);
    assert_eq!(counts.total.holding, status.matched);
    assert_eq!(counted(&edge, "--by vip").groups[0].name.as_deref(), Some("www4"));

    let page = edge.ctl("flows list --sort source --limit 2");
    let lines: Vec<&str> = page.lines().collect();
    assert!(lines[0].starts_with("CLIENT") && lines[0].ends_with("KEPT"), "{page}");
    assert!(lines[1].contains("www4  web4/backend1  pinned") && lines[1].ends_with("holds slot"), "{page}");
    assert!(page.ends_with("--limit shows more of them, --all every one.\n"), "{page}");
    let all = edge.ctl("flows list --all --json");
    let all: Vec<FlowStatus> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let clients: BTreeSet<String> = all.iter().map(client).collect();
    assert_eq!(clients, status.flows.iter().map(client).collect());
    let broken = held.finish();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_handshake_that_is_not_finished_is_embryonic() {
    let edge = Edge::start(2, |site| site.replace("idle_timeout = \"2s\"", "idle_timeout = \"5m\""));
    edge.ctl("backend drain web4 backend2 --deadline 1h");
    let clients = Clients::open(&edge);
    let nobody = Ipv4Addr::new(198, 51, 100, 99);
    (0..64).for_each(|port| clients.syn((nobody, 20_000 + port), 1, 60));
    edge.wait_for("half of them fell into slots in transition", |edge| {
        listed(edge, "--embryonic --from 198.51.100.96/28").matched > 10
    });
    let status = listed(&edge, "--embryonic --from 198.51.100.99 --sort age");
    assert!(status.flows.iter().all(|flow| {
        flow.state == FlowState::Embryonic
            && flow.backend.as_deref() == Some("backend1")
            && flow.kept == Kept::InTransition
            && (20_000..20_064).contains(&flow.source_port)
    }));
    assert_eq!(listed(&edge, "--pinned").flows, []);
    assert_eq!(listed(&edge, "--from 198.51.100.98").flows, []);

    // One goes on.
    let port = status.flows[0].source_port;
    clients.ack((nobody, port), 2, 60);
    edge.wait_for("it is pinned", |edge| listed(edge, "--pinned").matched == 1);
    let pinned = listed(&edge, "--pinned").flows;
    assert_eq!((pinned[0].source_port, pinned[0].backend.as_deref()), (port, Some("backend1")));
    assert_eq!(counted(&edge, "--by backend").total.embryonic, status.matched - 1);
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let edge = Edge::start(2, |site| site);
    for (words, code, told) in [
        ("flows list --pool web5", 1, "no pool is called `web5`: did you mean `web4`?"),
        ("flows list --backend web5/backend1", 1, "no pool is called `web5`"),
        ("flows list --backend backend1", 1, "write it as POOL/NAME"),
        ("flows count --vip www", 1, "no vip is called `www`"),
        ("flows list --from 198.51.100.0/33", 2, "give an address or a prefix"),
        ("flows list --limit 0", 2, "0 is not in 1..=10000"),
        ("flows list --embryonic --pinned", 2, "cannot be used with"),
        ("flows list --all --sort age", 2, "cannot be used with"),
    ] {
        let (found, text) = edge.try_ctl(words);
        assert!(found == code && text.contains(told), "{words}: {found} {text}");
    }
}
