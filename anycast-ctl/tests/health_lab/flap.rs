//! What flaps stays down after a few moves. `ANYCAST_FLAP_SECONDS` sets for how long it does (20).

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::health::verdict::Verdict;
use xtask::lab::Family;

use crate::harness::{PORT, Told, backend, http, idle, site, start, wait_for};

#[test]
fn a_flapping_backend_moves_few_slots_and_is_shown_with_its_penalty() {
    let mut lab = idle(3);
    let hosts: Vec<_> = lab.plan().backends.clone();
    let servers: Vec<Told> = hosts
        .iter()
        .map(|host| {
            let own = host.addresses;
            Told::start(&lab, &host.name, &[own.v4.into(), own.v6.into()], PORT, &http("200 OK", "", "ok"))
        })
        .collect();
    let check = format!(
        r#"check = {{ type = "http", port = {PORT}, interval = "200ms", fast_interval = "100ms", fall = 2, rise = 2 }}"#
    );
    let site = site(&lab, &check);
    start(&mut lab, &site);
    wait_for(&lab, "every backend is up", |lab| lab.status().unwrap().all_up());

    let seconds = std::env::var("ANYCAST_FLAP_SECONDS").ok().and_then(|text| text.parse().ok());
    let for_so_long = Duration::from_secs(seconds.unwrap_or(20));
    let begun = Instant::now();
    let (mut changes, mut before) = (0, Verdict::Up);
    for round in 0.. {
        let good = round % 2 == 1;
        servers[1].tell(&if good { http("200 OK", "", "ok") } else { http("503 Busy", "", "no") });
        let turn = Instant::now();
        while turn.elapsed() < Duration::from_secs(2) {
            let verdict = backend(&lab, Family::V4, "backend2").verdict;
            changes += usize::from(verdict != before);
            before = verdict;
            thread::sleep(Duration::from_millis(50));
        }
        if begun.elapsed() > for_so_long {
            break;
        }
    }
    println!("{changes} changes of its verdict in {:?}", begun.elapsed());
    assert!((1..=5).contains(&changes), "{changes}");
    let shown = backend(&lab, Family::V4, "backend2");
    let penalty = shown.penalty.unwrap();
    assert!(penalty.falls >= 2 && penalty.needs_ms >= 10_000, "{penalty:?}");
    let page = lab.ctl(&["health", "show", "web4", "backend2"]).unwrap();
    assert!(page.contains("every check must pass for"), "{page}");
    assert!(page.contains("status 503, expected 200-399"), "{page}");
}
