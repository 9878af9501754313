//! A watcher is shown what is dropped, beside the events that count it.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::{
    edge::{Edge, NO_SERVICE},
    watcher::Watcher,
};

#[test]
fn dropped_packets_are_shown_as_long_as_somebody_watches() {
    let mut edge = Edge::start(&[]);
    let ordinary = edge.host.program("eth0");
    let mut watcher = Watcher::start(&edge, "packets", "--json --vip www4 --packets 5");
    edge.wait_for("the program shows packets", |edge| edge.host.program("eth0") != ordinary);
    let shown = |edge: &Edge, watcher: &Watcher| {
        let text = watcher.text(edge);
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let lines = whole.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["event"] == "packet").collect::<Vec<_>>()
    };
    // Knocks that come before it is told what to show are not seen.
    let mut knocked = None::<Instant>;
    edge.wait_for("packets are shown", |edge| {
        if knocked.is_none_or(|knocked| knocked.elapsed() > Duration::from_secs(5)) {
            edge.knock(500);
            knocked = Some(Instant::now());
        }
        !shown(edge, &watcher).is_empty()
    });
    let is_dropped = |text: &str| text.contains("\"drops\"");
    edge.wait_for("they are counted", |edge| is_dropped(&watcher.text(edge)));
    for packet in shown(&edge, &watcher) {
        let facts = ["vip", "reason", "verdict", "side"].map(|fact| packet[fact].as_str().unwrap());
        assert_eq!(facts, ["www4", "unknown_port_dropped", "drop", "before"], "{packet}");
        let hex = packet["hex"].as_str().unwrap();
        assert!(hex.contains(&format!("{NO_SERVICE:04x}")), "{packet}");
    }
    // As many as a burst of the limit, and no more.
    let burst = shown(&edge, &watcher).len();
    assert!(burst <= 10, "{burst}");

    // The next daemon shows them, too, and whoever reads lines.
    edge.end_daemon(Signal::SIGKILL);
    edge.run_daemon(&[]);
    edge.wait_for("the next daemon shows packets", |edge| {
        edge.knock(1);
        shown(edge, &watcher).len() > burst
    });
    let mut reader = Watcher::start(&edge, "lines", "--packets 1");
    edge.wait_for("a line tells of a packet", |edge| {
        edge.knock(1);
        let text = reader.text(edge);
        text.lines().any(|line| line.contains(" > ") && line.contains("unknown_port_dropped"))
    });

    watcher.process.stop().unwrap();
    reader.process.stop().unwrap();
    edge.wait_for("nothing is shown to nobody", |edge| {
        edge.try_ctl(&["capture", "--list", "--json"]).1.trim() == "[]"
    });
}
