//! Whether two outputs look the same: numbers, times and names of the moment may differ.

use std::net::{IpAddr, SocketAddr};

/// Units that follow a number, and change with it.
const UNITS: &[&str] = &["B", "kB", "MB", "GB", "ns", "us", "µs", "ms", "s", "KiB", "MiB"];

/// Where `printed` is something else than what is shown. An `…` stands for any words; how lines are broken does not matter.
pub fn difference(shown: &str, printed: &str) -> Option<String> {
    let shown: Vec<String> = shown.lines().flat_map(normal).collect();
    let printed: Vec<String> = printed.lines().flat_map(normal).collect();
    let parts: Vec<&[String]> = shown.split(|word| word == "…").collect();
    let mut rest = &printed[..];
    for (number, part) in parts.iter().enumerate() {
        let is_last = number + 1 == parts.len();
        let found = match number {
            0 => rest.starts_with(part).then_some(0),
            _ if is_last => rest.len().checked_sub(part.len()).filter(|at| rest[*at..] == **part),
            _ => (0..=rest.len()).find(|at| rest[*at..].starts_with(part)),
        };
        let left = found.map(|at| &rest[at + part.len()..]);
        match left {
            Some(left) if !is_last || left.is_empty() => rest = left,
            _ => {
                let same = part.iter().zip(rest).take_while(|(a, b)| number == 0 && a == b).count();
                let words = |words: &[String]| {
                    words.iter().skip(same).take(12).cloned().collect::<Vec<_>>().join(" ")
                };
                return Some(format!("shown:   {}\n      printed: {}", words(part), words(rest)));
            }
        }
    }
    None
}

/// The words of a line, with `#` for what differs from run to run.
fn normal(line: &str) -> Vec<String> {
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
    words
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
    assert_eq!(difference("a goes … yes\n…\nb", "a goes there,\nand yes c\n\nb"), None);
    assert_eq!(difference("a long\nline", "a long line"), None);
    assert!(difference("a\n…\nb\n…\nc", "a c b").is_some());
}
