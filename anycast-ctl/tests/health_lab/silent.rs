//! A host that falls silent loses its slots; its sessions are reset at once, and nobody else's is touched.

use std::{thread, time::Duration};

use anycast_ctl::{api::types::BackendState, health::verdict::Verdict};
use xtask::lab::{
    Family,
    session::{Ending, Lifetime, Pattern, Server, Sessions},
};

use crate::harness::{backend, idle, new_flows, site, start, state, wait_for, wait_for_verdict};

const SESSIONS: usize = 1_000;

#[test]
fn sessions_of_a_silent_host_are_reset_and_others_are_untouched() {
    let check =
        r#"check = { type = "tcp", via = "vip", port = 7000, interval = "100ms", fast_interval = "100ms",
        timeout = "300ms", fall = 3 }"#
            .replace('\n', "");
    let mut lab = idle(4);
    let pause = Duration::from_millis(100)..Duration::from_millis(400);
    let servers: Vec<Server> = lab
        .plan()
        .backends
        .iter()
        .map(|host| Server::start(&lab, &host.name, pause.clone()).unwrap())
        .collect();
    let site = site(&lab, &check);
    start(&mut lab, &site);
    wait_for(&lab, "every backend is up", |lab| lab.status().unwrap().all_up());
    let pattern = Pattern {
        sessions: SESSIONS,
        pause,
        lifetime: Lifetime::Mixed(Duration::from_millis(500)..Duration::from_secs(5)),
        patience: Duration::from_secs(20),
        seed: 7,
    };
    let sessions = Sessions::start(&lab, pattern).unwrap();
    wait_for(&lab, "nearly all sessions are open", |_| sessions.open() > SESSIONS * 9 / 10);

    lab.run("backend2", "ip", &["link", "set", "eth0", "down"]).unwrap();
    let silent = sessions.elapsed();
    wait_for_verdict(&lab, "backend2", Verdict::Down);
    wait_for(&lab, "nobody is steered to it", |lab| state(lab, Family::V4, "backend2") == BackendState::Down);
    let found = sessions.elapsed();
    let flows = new_flows(&lab, "backend2");
    println!("found down after {:?}, as this test saw it", found - silent);
    let reason = backend(&lab, Family::V4, "backend2").reason.unwrap();
    assert!(reason.contains("no answer") || reason.contains("no route"), "{reason}");

    thread::sleep(Duration::from_secs(3));
    assert_eq!(new_flows(&lab, "backend2"), flows, "no flow was steered to it since");
    // Back again: its neighbours answer, and the checks pass.
    lab.run("backend2", "ip", &["link", "set", "eth0", "up"]).unwrap();
    let records = sessions.finish().unwrap();
    let (mut lost, mut finished) = (0, 0);
    for record in &records {
        match (&record.ending, record.backend.as_deref()) {
            (Ending::Finished, _) => finished += 1,
            // Those of the silent host, and those that were on their way to it.
            (Ending::Reset, Some("backend2") | None) if record.ended >= silent => lost += 1,
            (ending, backend) => {
                panic!("a session of {backend:?} ended after {:?}: {ending:?}", record.ended - record.opened)
            }
        }
    }
    println!("{finished} sessions finished, {lost} were reset");
    assert!(lost > SESSIONS / 8 && finished > SESSIONS / 2, "{lost} {finished}");
    drop(servers);
}
