//! How a command is typed, and what is to be expected of it.

use std::process::{Command, Stdio};

use xtask::markdown::shell::simple_commands;

/// The lab does not wait for as long as people would.
pub fn hurry(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        if ["--for", "--interval"].contains(&words[at - 1].as_str()) {
            words[at] = "1s".to_owned();
        }
    }
    words.join(" ").replace("idle_timeout = \"10s\"", "idle_timeout = \"1s\"")
}

pub fn is_daemon(text: &str) -> bool {
    simple_commands(text)
        .iter()
        .any(|words| words[0] == "anycast-ctl" && words.get(1).is_some_and(|it| it == "run"))
}

/// Whether a command ends by Ctrl-C only, or when something happens.
pub fn goes_on(text: &str) -> bool {
    simple_commands(text).iter().any(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let has = |word: &str| words.contains(&word);
        match words[..] {
            ["anycast-ctl", "top", ..] => !has("--count"),
            ["anycast-ctl", "watch", ..] => !has("--no-follow"),
            ["anycast-ctl", "capture", ..] => !has("--list") && !has("--for"),
            ["anycast-ctl", "announce", "watchdog", ..] => true,
            ["curl", ..] => {
                words.iter().any(|it| it.starts_with('-') && it.contains('N') && !it.starts_with("--"))
                    && !has("--max-time")
            }
            ["tcpdump", ..] => !has("-c"),
            _ => false,
        }
    })
}

/// Whether a command only looks, so that it may be repeated.
pub fn is_question(text: &str) -> bool {
    let questions = ["status", "show", "list", "health", "explain", "doctor", "check"];
    let commands = simple_commands(text);
    commands.iter().all(|words| {
        words[0] == "curl"
            || words[0] == "anycast-ctl"
                && words[1..].iter().take(2).any(|it| questions.contains(&it.as_str()))
    })
}

/// Whether a shell takes this for whole commands.
pub fn is_whole(text: &str) -> bool {
    let check = Command::new("bash").args(["-n", "-c", text]).stderr(Stdio::null()).status();
    check.unwrap().success()
}

#[test]
fn commands_are_told_apart() {
    assert!(is_daemon("anycast-ctl run --config a") && !is_daemon("anycast-ctl status"));
    assert!(goes_on("sudo anycast-ctl top") && !goes_on("anycast-ctl top --count 1"));
    assert!(goes_on("curl -sN http://x/") && !goes_on("curl -s --no-progress-meter http://x/"));
    assert!(is_question("anycast-ctl pool show web") && !is_question("anycast-ctl backend add web x y"));
    assert!(is_whole("a; b") && !is_whole("for x in 1; do"));
    assert_eq!(hurry("a --for 60s --deadline 1m"), "a --for 1s --deadline 1m");
}
