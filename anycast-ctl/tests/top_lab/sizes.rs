//! Narrow terminals, and terminals that change.

use crate::{
    edge::Edge,
    tmux::{Tmux, number, row},
};

#[test]
fn twenty_columns_show_names_and_rates_and_sizes_are_followed() {
    let edge = Edge::start(2);
    let _traffic = edge.traffic();
    let tmux = Tmux::top(&edge.host.lab, 20, 8, "--interval 200ms");
    tmux.wait_for("the rate", |screen| {
        let words = row(screen, "www4");
        words.is_some_and(|words| number(words[1]).is_some_and(|rate| rate > 0.0))
    });
    for (width, height) in [(1, 1), (20, 2), (3, 24), (200, 3), (80, 24)] {
        tmux.resize(width, height);
        tmux.keys(&["2", "Enter", "Escape", "?", "?", "1"]);
    }
    tmux.wait_for("all of it again", |screen| {
        screen.contains("ROUTE") && screen.contains("Space pause") && row(screen, "www4").is_some()
    });
}
