//! What is shown under traffic.

use std::process::{Command, Stdio};

use crate::{
    edge::Edge,
    tmux::{Tmux, number, row},
};

/// Packets a second of a row, in the column after these many.
fn packets(screen: &str, name: &str, column: usize) -> f64 {
    row(screen, name).and_then(|words| number(words.get(column)?)).unwrap_or_default()
}

#[test]
fn vips_backends_and_totals_have_rates_and_the_last_minute_has_bars() {
    let edge = Edge::start(2);
    let _traffic = edge.traffic();
    let tmux = Tmux::top(&edge.host.lab, 80, 24, "");
    let screen = tmux.wait_for("packets to the VIP are counted", |screen| packets(screen, "www4", 1) > 0.0);
    assert!(screen.contains("All is well: 4 of 4 backends up"), "{screen}");
    assert_eq!(packets(&screen, "www6", 1), 0.0, "nobody asks the IPv6 VIP:\n{screen}");
    tmux.wait_for("bars", |screen| screen.contains('█') && screen.contains("peak"));

    tmux.keys(&["2"]);
    let screen = tmux.wait_for("backends have rates", |screen| {
        ["web4/backend1", "web4/backend2"].iter().all(|name| packets(screen, name, 2) > 0.0)
    });
    let words = row(&screen, "web4/backend1").unwrap();
    assert_eq!(words[1], "up", "{screen}");
    assert!(screen.contains("50.0%"), "each has half of the slots:\n{screen}");

    // A ping is answered by the program, for a reason of its own.
    let address = edge.host.lab.plan().vips.v4.to_string();
    let mut ping = Command::new("ping");
    ping.args(["-q", "-i", "0.2", &address]).stdin(Stdio::null()).stdout(Stdio::null());
    let _ping = edge.host.lab.spawn("client", ping).unwrap();
    tmux.keys(&["3"]);
    tmux.wait_for("the reason counts", |screen| packets(screen, "echo_answered", 2) > 0.0);
    tmux.keys(&["/"]);
    tmux.keys(&["-l", "echo_answered"]);
    tmux.keys(&["Enter", "Enter"]);
    tmux.wait_for("its VIP", |screen| {
        screen.contains("REASON echo_answered") && packets(screen, "www4", 2) > 0.0
    });
}

#[test]
fn a_drain_is_followed() {
    let edge = Edge::start(2);
    let _traffic = edge.traffic();
    let tmux = Tmux::top(&edge.host.lab, 80, 24, "--interval 200ms");
    tmux.keys(&["2"]);
    tmux.wait_for("backends are up", |screen| row(screen, "web4/backend1").is_some_and(|it| it[1] == "up"));
    edge.ctl("backend drain web4 backend1 --deadline 30s");
    let screen = tmux.wait_for("it drains, or is empty already", |screen| {
        let word = row(screen, "web4/backend1").map(|words| words[1].to_owned());
        word.is_some_and(|word| word == "draining" || word == "empty")
    });
    assert!(screen.contains("0.0%") && screen.contains("100.0%"), "{screen}");
    tmux.wait_for("slots wait for flows of before", |screen| screen.contains("slots in transition for"));
    tmux.keys(&["Enter"]);
    tmux.wait_for("the backend says why", |screen| screen.contains("BACKEND web4/backend1"));
    tmux.wait_for("no packets go there", |screen| screen.contains("draining, empty"));
    edge.ctl("backend undrain web4 backend1");
    tmux.keys(&["Escape"]);
    tmux.wait_for("it is taken back", |screen| {
        row(screen, "web4/backend1").is_some_and(|words| words[1] == "up") && screen.contains("50.0%")
    });
}
