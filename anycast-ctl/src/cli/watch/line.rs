//! An event on a line.

use crate::{
    api::types::{Severity, Told},
    events::Subject,
};

/// Of a terminal, ECMA-48.
const DIM: &str = "\x1b[2m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";

/// When, how bad, of what kind, about whom, and what.
pub fn of(told: &Told, colours: bool) -> String {
    let Told { event, at, severity, words, .. } = told;
    let (kind, subject) = (event.kind(), subject(event.subject()));
    // Some words are a backend's own: a terminal must not obey them.
    let words: String = words
        .chars()
        .flat_map(|char| if char.is_control() { char.escape_default().collect() } else { vec![char] })
        .collect();
    let (dim, colour, plain) = match (colours, severity) {
        (false, _) => ("", "", ""),
        (true, Severity::Info) => (DIM, "", PLAIN),
        (true, Severity::Warning) => (DIM, YELLOW, PLAIN),
        (true, Severity::Error) => (DIM, RED, PLAIN),
    };
    format!("{dim}{at}{plain} {colour}{severity:<7}{plain} {kind:<9} {subject:<14} {words}")
}

/// `www`, `web`, `web/web-2`, or `-`.
fn subject(subject: Subject<'_>) -> String {
    match subject {
        Subject { pool: Some(pool), backend: Some(backend), .. } => format!("{pool}/{backend}"),
        Subject { pool: Some(name), .. } | Subject { vip: Some(name), .. } => name.to_owned(),
        Subject { .. } => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::types::Event, moment::Moment};

    fn told(words: &str) -> Told {
        Told {
            event: Event::Settled { pool: "web".to_owned(), seconds: 1 },
            sequence: 1,
            at: Moment::from_unix_ms(1_795_284_000_250),
            severity: Severity::Warning,
            words: words.to_owned(),
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        let line = of(&told("it is over"), false);
        assert_eq!(line, "2026-11-21T18:00:00.250Z warning settled   web            it is over");
        assert!(of(&told("it is over"), true).contains("\x1b[33mwarning\x1b[0m"));
    }

    #[test]
    fn nothing_in_it_is_obeyed_by_a_terminal() {
        let line = of(&told("a\x1b[2Jb\nc\u{9b}d"), false);
        assert!(line.ends_with(r"a\u{1b}[2Jb\nc\u{9b}d"), "{line}");
    }
}
