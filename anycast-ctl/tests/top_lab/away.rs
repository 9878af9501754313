//! A daemon that goes and comes.

use crate::{
    edge::Edge,
    tmux::{Tmux, number, row},
};

#[test]
fn a_restart_is_survived_and_no_rate_is_absurd() {
    let mut edge = Edge::start(2);
    let traffic = edge.traffic();
    let tmux = Tmux::top(&edge.host.lab, 80, 24, "--interval 200ms");
    let rate = |screen: &str| row(screen, "www4").and_then(|words| number(words.get(1)?));
    tmux.wait_for("a rate", |screen| rate(screen).is_some_and(|rate| rate > 0.0));

    edge.kill_daemon();
    // The first time the connection may have broken while it was asked.
    let screen = tmux.wait_for("it says so", |screen| {
        screen.contains("DAEMON AWAY for") && screen.contains("no daemon is listening")
    });
    assert!(row(&screen, "www4").is_some(), "the last picture is kept:\n{screen}");
    tmux.keys(&["2"]);
    tmux.wait_for("keys still work", |screen| row(screen, "web4/backend1").is_some());
    tmux.keys(&["1"]);

    edge.run_daemon();
    let screen = tmux.wait_for("it is back", |screen| !screen.contains("DAEMON AWAY"));
    // One client after the other over a veth: a million packets a second are out of its reach.
    assert!(rate(&screen).is_none_or(|rate| rate < 1e6), "{screen}");
    tmux.wait_for("a rate again", |screen| rate(screen).is_some_and(|rate| rate > 0.0));
    drop(traffic);
    tmux.wait_for("it is quiet", |screen| rate(screen) == Some(0.0));
}

/// The program is taken down and comes back with counters at zero.
#[test]
fn counters_that_begin_anew_give_no_negative_or_absurd_rate() {
    let mut edge = Edge::start(1);
    let traffic = edge.traffic();
    let tmux = Tmux::top(&edge.host.lab, 80, 24, "--interval 200ms");
    let rate =
        |screen: &str| row(screen, "www4").and_then(|words| words.get(1).map(|word| (*word).to_owned()));
    let above_zero =
        |screen: &str| rate(screen).and_then(|rate| number(&rate)).is_some_and(|rate| rate > 0.0);
    tmux.wait_for("a rate", above_zero);
    drop(traffic);
    edge.ctl("down");
    tmux.wait_for("the daemon is gone", |screen| screen.contains("DAEMON AWAY"));
    edge.host.daemon = None;
    edge.run_daemon();
    let screen = tmux.wait_for("it is back", |screen| !screen.contains("DAEMON AWAY"));
    let shown = rate(&screen).unwrap();
    assert!(shown == "-" || number(&shown).is_some_and(|rate| (0.0..1e6).contains(&rate)), "{screen}");
    let _traffic = edge.traffic();
    tmux.wait_for("a rate again", above_zero);
}
