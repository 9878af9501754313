//! The terminal is left as it was found, whatever ends it.

use std::{env, fs, path::Path};

use anycast_ctl::top::Screen;

use crate::{edge::Edge, tmux::Tmux};

/// Has this program panic while it draws on the terminal that it is started in.
const PANICS: &str = "TOP_LAB_PANICS";

/// What the shell's terminal is like.
fn settings(tmux: &Tmux, file: &Path) -> String {
    let _ = fs::remove_file(file);
    tmux.type_line(&format!("stty -a > {}.new; mv {0}.new {0}", file.display()));
    tmux.wait_for("settings", |_| file.exists());
    format!(
        "{} cursor {} other screen {}",
        fs::read_to_string(file).unwrap(),
        tmux.variable("cursor_flag"),
        tmux.variable("alternate_on")
    )
}

fn wait_for_shell(tmux: &Tmux) {
    tmux.wait_for("the shell", |screen| screen.trim_end().ends_with("ready>") && !screen.contains("q quit"));
}

#[test]
fn keys_and_signals_end_it_and_the_terminal_is_as_before() {
    let edge = Edge::start(1);
    let tmux = Tmux::shell(&edge.host.lab, 80, 24);
    let file = edge.host.path("settings");
    let before = settings(&tmux, &file);
    assert!(before.contains(" echo ") && before.ends_with("cursor 1 other screen 0"), "{before}");

    for key in ["q", "C-c"] {
        tmux.start_top("");
        assert_eq!(tmux.variable("alternate_on"), "1");
        tmux.keys(&[key]);
        wait_for_shell(&tmux);
        assert_eq!(settings(&tmux, &file), before, "after {key}");
    }
    for signal in ["TERM", "INT", "HUP"] {
        // The shell waits for it, so somebody else sends the signal.
        tmux.type_line(&format!("(sleep 2; pkill -{signal} -P $$ -x anycast-ctl) & {}", tmux.command_line()));
        tmux.wait_for("top has drawn", |screen| screen.contains("q quit"));
        wait_for_shell(&tmux);
        assert_eq!(settings(&tmux, &file), before, "after SIG{signal}");
    }
    tmux.start_top("");
    tmux.keys(&["C-z"]);
    wait_for_shell(&tmux);
    assert_eq!(settings(&tmux, &file), before, "while it is stopped");
    tmux.type_line("fg");
    tmux.wait_for("it is drawn anew", |screen| screen.contains("q quit") && screen.contains("www4"));
    tmux.keys(&["q"]);
    wait_for_shell(&tmux);
    assert_eq!(settings(&tmux, &file), before, "after it was stopped and continued");
}

#[test]
fn a_daemon_that_is_not_there_is_an_error_and_the_screen_is_not_touched() {
    let mut edge = Edge::start(1);
    edge.kill_daemon();
    let tmux = Tmux::shell(&edge.host.lab, 80, 24);
    tmux.type_line(&format!("{}; echo code $?", tmux.command_line()));
    let screen = tmux.wait_for("it ends", |screen| screen.contains("code 1"));
    assert!(screen.contains("no daemon is listening"), "{screen}");
}

/// Started by the test itself a second time, in the terminal.
#[test]
fn a_panic_leaves_the_terminal_as_it_was_and_is_read_there() {
    if env::var_os(PANICS).is_some() {
        let _screen = Screen::open().unwrap();
        panic!("as it was told to");
    }
    let edge = Edge::start(1);
    let tmux = Tmux::shell(&edge.host.lab, 120, 24);
    let file = edge.host.path("settings");
    let before = settings(&tmux, &file);
    let program = env::current_exe().unwrap();
    let test = "restore::a_panic_leaves_the_terminal_as_it_was_and_is_read_there";
    tmux.type_line(&format!(
        "RUST_BACKTRACE=0 {PANICS}=1 {} --exact {test} --nocapture; echo code $?",
        program.display()
    ));
    let screen = tmux.wait_for("it ends", |screen| screen.contains("code 101"));
    assert!(screen.contains("as it was told to"), "{screen}");
    assert_eq!(settings(&tmux, &file), before);
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let edge = Edge::start(1);
    let tmux = Tmux::shell(&edge.host.lab, 80, 24);
    let file = edge.host.path("pid");
    tmux.type_line(&format!(
        "echo $$ > {}.new; mv {0}.new {0}; exec {}",
        file.display(),
        tmux.command_line()
    ));
    tmux.wait_for("top has drawn", |screen| screen.contains("q quit"));
    let pid = fs::read_to_string(&file).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    let name = || fs::read_to_string(process.join("comm")).unwrap_or_default();
    assert_eq!(name().trim(), "anycast-ctl");
    tmux.cut();
    edge.wait_for("it has ended", |_| name().is_empty());
}
