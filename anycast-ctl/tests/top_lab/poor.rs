//! Terminals without colours, without UTF-8, and such as cannot be drawn on.

use crate::{edge::Edge, tmux::Tmux};

/// Whether a capture has colours: SGR 30 to 48 but the default's 39, and 90 and above.
fn has_colours(capture: &str) -> bool {
    let sequences = capture.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m'));
    let numbers =
        sequences.flat_map(|(sequence, _)| sequence.split(';').filter_map(|it| it.parse::<u32>().ok()));
    numbers.into_iter().any(|number| matches!(number, 30..=38 | 40..=48 | 90..))
}

#[test]
fn colours_and_signs_are_those_the_terminal_has() {
    let edge = Edge::start(1);
    let _traffic = edge.traffic();
    let tmux = Tmux::shell(&edge.host.lab, 80, 24);
    tmux.start_top("--interval 200ms");
    tmux.wait_for("bars", |screen| screen.contains('█'));
    assert!(has_colours(&tmux.coloured()));
    tmux.keys(&["q"]);
    tmux.wait_for("the shell", |screen| screen.contains("ready>") && !screen.contains("q quit"));

    tmux.type_line("export NO_COLOR=1 LC_ALL=C; clear");
    tmux.start_top("--interval 200ms");
    tmux.wait_for("bars of ASCII", |screen| screen.contains('#'));
    let capture = tmux.coloured();
    assert!(!has_colours(&capture), "{capture}");
    assert!(capture.is_ascii(), "{capture}");
    tmux.keys(&["q"]);
    tmux.wait_for("the shell", |screen| screen.contains("ready>") && !screen.contains("q quit"));

    tmux.type_line(&format!("clear; TERM=dumb {} --count 1", tmux.command_line()));
    tmux.wait_for("a table", |screen| screen.contains("NEW FLOWS/S") && screen.contains("www4"));
}
