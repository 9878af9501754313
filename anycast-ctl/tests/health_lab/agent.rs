//! What backends say of themselves: drains, states and loads.

use anycast_ctl::{api::types::BackendState, health::verdict::Verdict};
use xtask::lab::{Family, OwnedLab};

use crate::harness::{PORT, Told, backend, http, idle, site, start, state, status, wait_for};

/// A lab whose pools have these lines, each server of which is told what to answer on that port.
fn told(lines: &str, answers: [&str; 3]) -> (OwnedLab, Vec<Told>) {
    let mut lab = idle(3);
    let hosts = lab.plan().backends.clone();
    let servers = hosts
        .iter()
        .zip(answers)
        .map(|(host, answer)| {
            let own = host.addresses;
            Told::start(&lab, &host.name, &[own.v4.into(), own.v6.into()], PORT, answer)
        })
        .collect();
    let site = site(&lab, lines);
    start(&mut lab, &site);
    wait_for(&lab, "every backend is up", |lab| lab.status().unwrap().all_up());
    (lab, servers)
}

#[test]
fn a_server_that_answers_with_the_drain_header_is_drained_and_not_down() {
    let lines = format!(
        r#"check = {{ type = "http", port = {PORT}, interval = "200ms", fast_interval = "100ms", drain_header = "X-Drain" }}"#
    );
    let (lab, servers) = told(&lines, [&http("200 OK", "", "ok"); 3].map(String::as_str));
    servers[1].tell(&http("503 Going", "X-Drain: 1\r\n", "bye"));
    wait_for(&lab, "it is draining", |lab| state(lab, Family::V4, "backend2") == BackendState::Draining);
    let shown = backend(&lab, Family::V4, "backend2");
    assert!(shown.asks_drain && shown.verdict == Verdict::Up, "{shown:?}");
    assert!(lab.ctl(&["health"]).unwrap().contains("drains itself"));
    assert!(
        lab.controller_log().unwrap().contains("backend web4/backend2 (203.0.113.12) asks to be drained")
    );
    // Without the header it is a failure like another.
    servers[1].tell(&http("503 Broken", "", "no"));
    wait_for(&lab, "it is down", |lab| backend(lab, Family::V4, "backend2").verdict == Verdict::Down);
    servers[1].tell(&http("200 OK", "", "ok"));
    wait_for(&lab, "it is back", |lab| state(lab, Family::V4, "backend2") == BackendState::Up);
}

#[test]
fn an_agents_words_are_obeyed() {
    let lines = format!(r#"feedback = {{ type = "agent", port = {PORT}, interval = "1s", floor = "1%" }}"#);
    let (lab, servers) = told(&lines, ["50%\n", "up 100%\n", "up 100%\n"]);
    wait_for(&lab, "it has half of its share", |lab| {
        let pool = status(lab).pools.into_iter().find(|pool| pool.name == "web4").unwrap();
        pool.backends[0].slots.abs_diff(65_537 / 5) < 2_000
    });
    servers[0].tell("drain\n");
    wait_for(&lab, "it drains", |lab| state(lab, Family::V4, "backend1") == BackendState::Draining);
    servers[0].tell("ready down #disk is full\n");
    wait_for(&lab, "it is down", |lab| state(lab, Family::V4, "backend1") == BackendState::Down);
    let page = lab.ctl(&["backend", "show", "web4", "backend1"]).unwrap();
    assert!(page.contains("agent: down (disk is full)"), "{page}");
    // What makes no sense changes nothing.
    servers[0].tell("sideways\n");
    servers[1].tell("maint\n");
    wait_for(&lab, "the other one is down", |lab| state(lab, Family::V4, "backend2") == BackendState::Down);
    assert_eq!(state(&lab, Family::V4, "backend1"), BackendState::Down);
    servers[0].tell("up\n");
    servers[1].tell("ready\n");
    wait_for(&lab, "both are back", |lab| lab.status().unwrap().all_up());
}

#[test]
fn whoever_has_more_load_gets_fewer_flows() {
    let lines = format!(
        r#"feedback = {{ type = "http", port = {PORT}, path = "/load", interval = "1s", floor = "25%" }}"#
    );
    let (calm, loaded) = (http("200 OK", "", "0.5\n"), http("200 OK", "", "95%\n"));
    let (lab, _servers) = told(&lines, [&calm, &calm, &loaded]);
    wait_for(&lab, "the one that is loaded has less than a third", |lab| {
        let pool = status(lab).pools.into_iter().find(|pool| pool.name == "web4").unwrap();
        pool.backends[2].slots < 21_400 && pool.backends.iter().map(|it| it.slots).sum::<u32>() == 65_537
    });
}
