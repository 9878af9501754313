//! Whether two outputs look the same: numbers, times and names of the moment may differ.

use std::net::{IpAddr, SocketAddr};

/// Units that follow a number, and change with it.
const UNITS: &[&str] = &["B", "kB", "MB", "GB", "ns", "us", "µs", "ms", "s", "KiB", "MiB"];

/// The first line of `shown` that `printed` has not, in its place. A line `…` stands for any number of lines, and an `…` within
/// a line for the rest of it.
pub fn difference(shown: &str, printed: &str) -> Option<String> {
    let shown: Vec<String> = shown.lines().map(normal).filter(|line| !line.is_empty()).collect();
    let printed: Vec<String> = printed.lines().map(normal).filter(|line| !line.is_empty()).collect();
    let (mut at, mut skips) = (0, false);
    for line in &shown {
        if line == "…" {
            skips = true;
            continue;
        }
        let rest = printed.get(at..).unwrap_or_default();
        let found = if skips {
            rest.iter().position(|it| is_like(line, it))
        } else {
            rest.first().and_then(|it| is_like(line, it).then_some(0))
        };
        let Some(found) = found else {
            let instead = rest.first().map_or("the end of the output", |it| it.as_str());
            return Some(format!("shown: {line}\n      printed: {instead}"));
        };
        at += found + 1;
        skips = false;
    }
    let left = printed.get(at).filter(|_| !skips)?;
    Some(format!("shown: the end of the output\n      printed: {left}"))
}

fn is_like(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        Some((begin, _)) => printed.starts_with(begin.trim_end()),
        None => shown == printed,
    }
}

/// A line with `#` for what differs from run to run.
fn normal(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let core = word.trim_matches(|char: char| "()[],;:.'\"`".contains(char));
        let normal = if is_of_the_moment(core) { word.replace(core, "#") } else { word.to_owned() };
        let is_unit = UNITS.contains(&core) && words.last().is_some_and(|last| last.ends_with('#'));
        if is_unit {
            let last = words.last_mut().map(std::mem::take).unwrap_or_default();
            words.pop();
            words.push(format!("{last}{}", word.replace(core, "")));
        } else {
            words.push(normal);
        }
    }
    words.join(" ")
}

fn is_of_the_moment(word: &str) -> bool {
    let is_address = word.split('/').next().unwrap_or(word).parse::<IpAddr>().is_ok()
        || word.parse::<SocketAddr>().is_ok();
    let is_hexadecimal = word.len() >= 8 && word.chars().all(|char| char.is_ascii_hexdigit() || char == ':');
    let begins = word.trim_start_matches(['+', '-', '~']).starts_with(|char: char| char.is_ascii_digit());
    let is_bar = !word.is_empty() && word.chars().all(|char| char == '#' || ('▁'..='█').contains(&char));
    !is_address && (is_hexadecimal || begins || is_bar)
}

#[test]
fn numbers_differ_and_words_do_not() {
    let shown = "pid 123, for 4s\nweb-1  10.0.0.11  33.3%  5.89 kB  02:00:00:00:02:0b";
    assert_eq!(difference(shown, "pid 99999, for 1m\n\nweb-1 10.0.0.11 5% 1 B 02:00:00:00:01:01\n"), None);
    assert!(difference(shown, "pid 1, for 1s\nweb-2 10.0.0.11 5% 1 B 02:00:00:00:01:01").is_some());
    assert!(difference(shown, "pid 1, for 1s\nweb-1 10.0.0.12 5% 1 B 02:00:00:00:01:01").is_some());
    assert!(difference(shown, "pid 1, for 1s").is_some());
    assert!(difference("a", "a\nb").is_some());
    assert_eq!(difference("a\n…", "a\nb"), None);
    assert_eq!(difference("…\nb", "a\nb"), None);
    assert_eq!(difference("a goes …", "a goes there"), None);
}
