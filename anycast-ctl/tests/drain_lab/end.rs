//! How a drain ends: by itself, or by its deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{
    api::types::{BackendState, BackendStatus},
    store::Author,
};
use xtask::lab::{Family, session::Ending};

use crate::{
    edge::Edge,
    held::{Held, SWEEP, ended},
};

#[test]
fn a_drain_ends_with_its_last_session_and_the_backend_is_removed() {
    let edge = Edge::start(3, |site| site);
    let held = Held::open(&edge, 48, false);
    let plan = edge.ctl("backend drain web4 backend2 --remove --dry-run");
    assert!(plan.contains("NOTE: backend2 is removed from pool web4 when no flow of it is left."), "{plan}");
    let mut waiting = edge.begin("backend drain web4 backend2 --remove --wait --json");
    edge.wait_for("it is draining", |edge| edge.backend("web4", "backend2").drain.is_some());
    let first = edge.drain("web4", "backend2");
    assert!(first.slots > 20_000 && first.removes && !first.empty, "{first:?}");
    assert_eq!(first.remaining_seconds, None);

    // Slots that nobody uses go first, then those whose sessions ended; every second session is held.
    let (mut seen, start) = (vec![first.slots], Instant::now());
    while start.elapsed() < SWEEP * 4 {
        let drain = edge.drain("web4", "backend2");
        assert!(!drain.empty && drain.slots > 0, "{drain:?} while sessions live; before {seen:?}");
        if seen.last() != Some(&drain.slots) {
            seen.push(drain.slots);
        }
        thread::sleep(Duration::from_millis(200));
    }
    println!("slots that wait for flows: {seen:?}");
    assert!(seen.len() > 2 && seen.is_sorted_by(|a, b| a > b) && seen.last() < Some(&48), "{seen:?}");
    let page = edge.ctl("pool show web4");
    assert!(
        page.contains("  backend2 is draining: ")
            && page.contains(" slots wait for others; it is removed then")
    );
    assert!(waiting.try_wait().unwrap().is_none(), "it does not wait");

    let broken = held.finish();
    assert!(broken.is_empty(), "{broken:#?}");
    let begun = Instant::now();
    let (code, out, err) = ended(&mut waiting);
    println!("it ended {:.1?} after the last session; it said\n{err}", begun.elapsed());
    assert_eq!(code, 0, "{err}");
    let last: BackendStatus = serde_json::from_str(&out).unwrap();
    assert_eq!((last.name.as_str(), last.state, last.slots), ("backend2", BackendState::Removed, 0));
    // Nobody looks on: a line at first and every ten seconds.
    let lines: Vec<&str> = err.lines().collect();
    assert!((2..=8).contains(&lines.len()), "{err}");
    assert!(lines.iter().all(|line| line.starts_with("draining backend2 of pool web4: ")), "{err}");
    assert!(!err.contains(['\r', '\x1b']), "{err:?}");

    let head = edge.head();
    assert_eq!((head.author, head.who.as_str()), (Author::Daemon, "anycast-ctl run"));
    assert_eq!(head.what, "backend remove web4 backend2");
    // Its name is free, and it may come back.
    edge.ctl("backend add web4 backend2 203.0.113.12 --wait");
    assert_eq!(edge.backend("web4", "backend2").state, BackendState::Up);
    assert_eq!(edge.backend("web6", "backend2").state, BackendState::Up);
}

#[test]
fn a_deadline_ends_a_drain_and_its_sessions() {
    let edge = Edge::start(3, |site| site);
    let held = Held::open(&edge, 24, true);
    let (code, text) = edge.try_ctl("backend drain web4 backend3 --wait=2");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("backend3 of pool web4 still has flows after 2 s: "), "{text}");
    assert!(text.contains("the drain goes on, `anycast-ctl backend undrain web4 backend3` takes it back"));

    let begun = Instant::now();
    let out = edge.ctl("backend drain web4 backend3 --deadline 8s --remove --wait");
    let took = begun.elapsed();
    assert!(out.contains("live on for 8s at most, and then it is removed\n"), "{out}");
    assert!(out.contains("\nbackend3 of pool web4 has no flow left\n"), "{out}");
    assert!(took > Duration::from_secs(7) && took < Duration::from_secs(16), "{took:?}");
    assert!(edge.is_removed("web4", "backend3"));
    thread::sleep(Duration::from_secs(1));
    let broken = held.finish();
    assert!(!broken.is_empty(), "no session was on it");
    for record in &broken {
        assert_eq!((record.family, &record.ending), (Family::V4, &Ending::Reset), "{record:#?}");
        assert_eq!(record.backend.as_deref(), Some("backend3"), "{record:#?}");
    }
}
