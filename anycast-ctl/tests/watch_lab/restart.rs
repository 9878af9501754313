//! A watcher outlives the daemon, and is told nothing twice.

use std::collections::BTreeSet;

use anycast_ctl::api::types::{DaemonStep, Event, Told};
use nix::sys::signal::Signal;

use crate::{edge::Edge, watcher::Watcher};

fn is_step(told: &Told, step: DaemonStep) -> bool {
    matches!(&told.event, Event::Daemon(daemon) if daemon.what == step)
}

#[test]
fn a_watcher_goes_on_with_the_next_daemon() {
    let mut edge = Edge::start(&[]);
    let watcher = Watcher::start(&edge, "events", "--json --since 1h");
    let started = watcher.wait_for(&edge, "the first is ready", |told| is_step(told, DaemonStep::Started));
    edge.ctl("backend weight web4 backend1 2");
    let is_weight =
        |told: &Told, what: &str| matches!(&told.event, Event::Revision(revision) if revision.what == what);
    watcher.wait_for(&edge, "the weight is told", |told| is_weight(told, "backend weight web4 backend1 2"));
    edge.end_daemon(Signal::SIGKILL);
    edge.run_daemon(&[]);
    let again = watcher.wait_for(&edge, "the second took over", |told| is_step(told, DaemonStep::TookOver));
    edge.ctl("backend weight web4 backend1 3");
    watcher
        .wait_for(&edge, "the next weight is told", |told| is_weight(told, "backend weight web4 backend1 3"));
    assert!(again.sequence > started.sequence);

    let told = watcher.told(&edge);
    assert!(told.is_sorted_by(|a, b| a.sequence < b.sequence), "{told:#?}");
    let numbers: BTreeSet<u64> = told.iter().map(|told| told.sequence).collect();
    let kept = edge.kept("");
    assert!(kept.iter().all(|kept| numbers.contains(&kept.sequence)), "{kept:#?}\n{told:#?}");
    let notes = watcher.notes(&edge);
    assert!(notes.contains("the daemon does not answer: waiting for it"), "{notes}");
    assert!(notes.contains("the daemon is back"), "{notes}");
    // The first daemon's events went with it: who comes with its last number is told all of the second's.
    let last = told.iter().rev().find(|told| told.sequence < again.sequence - kept.len() as u64).unwrap();
    assert_eq!(edge.kept(&format!("--since {}", last.sequence)), edge.kept(""));
}

#[test]
fn what_is_no_longer_kept_is_said_to_be_missing() {
    let edge = Edge::start(&["--keep-events", "3"]);
    for weight in 2..5 {
        edge.ctl(&format!("backend weight web4 backend1 {weight}"));
    }
    let kept = edge.kept("");
    assert_eq!(kept.len(), 3, "{kept:#?}");
    let watcher = Watcher::start(&edge, "events", "--json --since 1 --pool web4");
    let gap = watcher.wait_for(&edge, "the gap", |told| matches!(told.event, Event::Gap { .. }));
    let Event::Gap { missed } = gap.event else { unreachable!() };
    assert!(missed > 3, "{missed}");
    let (code, text) = edge.try_ctl(&["run", "--keep-events", "1000001"]);
    assert!(code == 2 && text.contains("give a number from 0 to 1000000"), "{text}");
}
