//! Keys in a real terminal.

use crate::{
    edge::Edge,
    tmux::{Tmux, row},
};

/// Which of two rows comes first.
fn is_before(screen: &str, one: &str, other: &str) -> bool {
    let line = |name: &str| screen.lines().position(|line| line.split_whitespace().next() == Some(name));
    line(one).zip(line(other)).is_some_and(|(one, other)| one < other)
}

#[test]
fn lists_are_sorted_filtered_and_opened() {
    let edge = Edge::start(2);
    let _traffic = edge.traffic();
    let tmux = Tmux::top(&edge.host.lab, 80, 24, "--interval 200ms");
    tmux.wait_for("the busy VIP comes first", |screen| is_before(screen, "www4", "www6"));
    tmux.keys(&["r"]);
    tmux.wait_for("the idle one does", |screen| {
        is_before(screen, "www6", "www4") && screen.contains("by PACKETS/S ↑")
    });
    tmux.keys(&["<"]);
    tmux.wait_for("by name", |screen| is_before(screen, "www4", "www6") && screen.contains("by NAME ↑"));

    tmux.keys(&["/", "w", "w", "w", "6"]);
    tmux.wait_for("only one is left", |screen| {
        row(screen, "www4").is_none() && screen.contains("1 of 2 with /www6")
    });
    tmux.keys(&["Escape"]);
    tmux.wait_for("both are back", |screen| row(screen, "www4").is_some());

    // www4, then backend1 of it, then back.
    tmux.keys(&["Home", "Enter"]);
    tmux.wait_for("where its packets go", |screen| {
        screen.contains("VIPs > www4") && screen.contains("pool web4") && row(screen, "backend2").is_some()
    });
    tmux.keys(&["/"]);
    tmux.keys(&["-l", "backend1"]);
    tmux.keys(&["Enter", "Enter"]);
    let screen = tmux.wait_for("its checks", |screen| {
        screen.contains("BACKEND web4/backend1") && screen.contains("passed") && screen.contains("ago")
    });
    assert!(screen.contains("checks: up for"), "{screen}");
    tmux.keys(&["Escape"]);
    tmux.wait_for("the filter is as it was left", |screen| screen.contains("with /backend1"));
    // Two escapes that arrive together are one to a terminal: waited for in between.
    tmux.keys(&["Escape"]);
    tmux.wait_for("the filter is gone", |screen| {
        !screen.contains("with /backend1") && row(screen, "backend2").is_some()
    });
    tmux.keys(&["Escape"]);
    tmux.wait_for("the list it began with", |screen| {
        screen.contains("1 VIPs") && row(screen, "www6").is_some()
    });

    tmux.keys(&["4"]);
    tmux.wait_for("pools", |screen| row(screen, "web4").is_some());
    tmux.keys(&["5"]);
    tmux.wait_for("routes", |screen| screen.contains("ROUTE") && row(screen, "www4").is_some());
    tmux.keys(&["?"]);
    tmux.wait_for("help", |screen| screen.contains("anycast-ctl top: keys"));
    tmux.keys(&["?"]);
    tmux.keys(&["C-l"]);
    tmux.keys(&["+"]);
    tmux.wait_for("another interval", |screen| screen.contains("every 500ms"));
}

#[test]
fn a_pause_stands_still_and_goes_on() {
    let edge = Edge::start(1);
    let tmux = Tmux::top(&edge.host.lab, 80, 24, "--interval 200ms");
    tmux.keys(&["2"]);
    tmux.wait_for("it is up", |screen| row(screen, "web4/backend1").is_some_and(|words| words[1] == "up"));
    tmux.keys(&["Space"]);
    tmux.wait_for("it stands still", |screen| screen.contains("PAUSED at"));
    edge.ctl("backend mark web4 backend1 down");
    edge.wait_for("the daemon has it down", |edge| {
        edge.ctl("backend list --pool web4 --json").contains("\"down\"")
    });
    // A picture that went on would have shown it at the next key at the latest.
    tmux.keys(&["Down"]);
    let screen = tmux.wait_for("it is drawn anew", |screen| screen.contains("PAUSED at"));
    assert_eq!(row(&screen, "web4/backend1").unwrap()[1], "up", "{screen}");
    tmux.keys(&["Space"]);
    tmux.wait_for("it goes on, with an alarm", |screen| {
        row(screen, "web4/backend1").is_some_and(|words| words[1] == "down") && screen.contains("ALARM:")
    });
}
