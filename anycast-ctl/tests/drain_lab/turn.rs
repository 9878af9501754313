//! What may happen while a drain is under way.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{api::types::BackendState, model::WhenDrained};
use nix::sys::signal::Signal;

use crate::{
    edge::Edge,
    held::{Held, SWEEP, ended},
};

#[test]
fn an_undrain_keeps_the_backend() {
    let edge = Edge::start(2, |site| site);
    let held = Held::open(&edge, 16, true);
    let mut interrupted = edge.begin("backend drain web4 backend2 --remove --wait");
    edge.wait_for("it is draining", |edge| edge.backend("web4", "backend2").drain.is_some());
    thread::sleep(Duration::from_secs(1));
    interrupted.signal(Signal::SIGINT).unwrap();
    let (code, out, err) = ended(&mut interrupted);
    assert_eq!(code, 1, "{err}");
    assert!(out.starts_with("draining backend2 of pool web4: no new flows"), "{out}");
    assert!(
        err.ends_with(
            "interrupted; the drain of backend2 of pool web4 goes on, `anycast-ctl backend undrain web4 backend2` takes it \
             back\n"
        ),
        "{err}"
    );
    assert!(edge.drain("web4", "backend2").removes);

    let mut waiting = edge.begin("backend drain web4 backend2 --wait");
    thread::sleep(Duration::from_secs(1));
    edge.ctl("backend undrain web4 backend2");
    let (code, _, err) = ended(&mut waiting);
    assert_eq!(code, 1, "{err}");
    assert!(err.ends_with("backend2 of pool web4 is no longer draining: it was taken back\n"), "{err}");
    let revision = edge.head().revision;
    let broken = held.finish();
    assert!(broken.is_empty(), "{broken:#?}");
    thread::sleep(SWEEP * 2);
    assert_eq!(edge.backend("web4", "backend2").state, BackendState::Up);
    assert_eq!(edge.head().revision, revision);
    let site: anycast_ctl::model::Site = serde_json::from_str(&edge.ctl("export --json")).unwrap();
    let backend = site.pool("web4").unwrap().backend("backend2").unwrap();
    assert_eq!(backend.when_drained, WhenDrained::Keep);
}

#[test]
fn a_daemon_that_is_killed_goes_on_with_the_drain() {
    let mut edge = Edge::start(2, |site| site);
    let held = Held::open(&edge, 16, true);
    let mut waiting = edge.begin("backend drain web4 backend2 --remove --wait");
    edge.wait_for("sessions alone are waited for", |edge| {
        edge.backend("web4", "backend2").drain.is_some_and(|drain| drain.slots < 100)
    });
    edge.kill_daemon();
    thread::sleep(Duration::from_secs(2));
    edge.run_daemon();
    let start = Instant::now();
    while start.elapsed() < SWEEP * 2 {
        let drain = edge.drain("web4", "backend2");
        assert!(!drain.empty && drain.removes && drain.slots > 0, "{drain:?}");
        thread::sleep(Duration::from_millis(300));
    }
    edge.kill_daemon();
    // Sessions end while nobody is there to see it.
    let broken = held.finish();
    assert!(broken.is_empty(), "{broken:#?}");
    edge.run_daemon();
    assert!(!edge.drain("web4", "backend2").empty, "it cannot know that yet");
    let (code, _, err) = ended(&mut waiting);
    assert_eq!(code, 0, "{err}");
    assert!(edge.is_removed("web4", "backend2"));
    assert_eq!(edge.head().who, "anycast-ctl run");
}
