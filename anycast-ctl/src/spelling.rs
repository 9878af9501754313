//! How names that came from outside are repeated in messages, and guessed when they were mistyped.

/// Names listed in one message; beyond that their number says more.
const LISTED: usize = 10;
/// Characters of one name repeated in a message.
const REPEATED_CHARS: usize = 64;
/// Characters of what another program said.
const SAID_CHARS: usize = 1_000;

/// The text in backquotes, cut to a readable length, with nothing in it that a terminal would obey.
pub fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(REPEATED_CHARS).flat_map(char::escape_debug).collect();
    let rest = if chars.next().is_some() { "…" } else { "" };
    format!("`{head}{rest}`")
}

/// What another program said, for a message: its lines joined by semicolons, cut to a bounded length, with nothing in it that a
/// terminal would obey.
pub fn one_line(text: &str) -> String {
    let mut joined = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !joined.is_empty() {
            joined.push_str("; ");
        }
        joined.push_str(line);
        if joined.len() > 4 * SAID_CHARS {
            break;
        }
    }
    let (mut said, mut room) = (String::with_capacity(joined.len()), SAID_CHARS);
    for char in joined.chars() {
        let spelt = if char.is_control() { char.escape_debug().to_string() } else { char.to_string() };
        let Some(left) = room.checked_sub(spelt.chars().count()) else {
            said.push('…');
            break;
        };
        said.push_str(&spelt);
        room = left;
    }
    said
}

/// "`a`, `b`, `c`", or the first ten "and 90 more".
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let head = names.take(LISTED).map(quoted).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{head} and {more} more") } else { head }
}

/// What is said of a name that nothing has: "no pool is called `webb`: did you mean `web`? there is `web`, `dns`".
pub fn unknown<'a>(kind: &str, name: &str, known: impl ExactSizeIterator<Item = &'a str> + Clone) -> String {
    let name_quoted = quoted(name);
    if known.len() == 0 {
        return format!("no {kind} is called {name_quoted}: there is none yet, add one");
    }
    let meant = nearest(name, known.clone());
    let meant = meant.map(|meant| format!("did you mean {}? ", quoted(meant))).unwrap_or_default();
    format!("no {kind} is called {name_quoted}: {meant}there is {}", listed(known))
}

/// The candidate that was probably meant: at most every third character is wrong, misplaced, missing or too many.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.len() / 3).max(1);
    candidates
        .take(100)
        .filter(|candidate| word.len() <= REPEATED_CHARS && candidate.len().abs_diff(word.len()) <= limit)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in bytes, by rows, with two neighbours that changed places counting once.
fn distance(word: &str, other: &str) -> usize {
    let (word, other) = (word.as_bytes(), other.as_bytes());
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (typed, byte) in word.iter().enumerate() {
        let mut below = vec![typed + 1];
        for (column, candidate) in other.iter().enumerate() {
            let replaced = at(&row, column) + usize::from(byte != candidate);
            let inserted_or_missing = at(&row, column + 1).min(at(&below, column)) + 1;
            let swapped = match (typed.checked_sub(1), column.checked_sub(1)) {
                (Some(typed), Some(column))
                    if word.get(typed) == Some(candidate) && other.get(column) == Some(byte) =>
                {
                    at(&above, column) + 1
                }
                (None | Some(_), None | Some(_)) => usize::MAX,
            };
            below.push(replaced.min(inserted_or_missing).min(swapped));
        }
        above = std::mem::replace(&mut row, below);
    }
    at(&row, other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (word, other, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("adress", "address", 1),
            ("wieght", "weight", 1),
            ("hsah", "hash", 1),
            ("ab", "ba", 1),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(word, other), edits, "{word} {other}");
        }
    }

    #[test]
    fn nearest_is_near() {
        let known = ["name", "address", "weight"];
        assert_eq!(nearest("wieght", known.into_iter()), Some("weight"));
        assert_eq!(nearest("Name", known.into_iter()), Some("name"));
        assert_eq!(nearest("port", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known.into_iter()), None);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let known = ["web", "dns"];
        assert_eq!(
            unknown("pool", "webb", known.into_iter()),
            "no pool is called `webb`: did you mean `web`? there is `web`, `dns`"
        );
        assert_eq!(
            unknown("pool", "mail", known.into_iter()),
            "no pool is called `mail`: there is `web`, `dns`"
        );
        assert_eq!(unknown("pool", "x", [].into_iter()), "no pool is called `x`: there is none yet, add one");
    }

    #[test]
    fn what_others_say_is_one_line() {
        assert_eq!(one_line("% no\r\n\n  such  \u{1b}[2J\n"), "% no; such  \\u{1b}[2J");
        assert_eq!(one_line("`it's` \"é\""), "`it's` \"é\"");
        assert_eq!(one_line(&"x".repeat(5_000)).chars().count(), SAID_CHARS + 1);
        // What is escaped takes more room.
        for bells in ["\u{7}\n".repeat(1 << 20), "\u{7}".repeat(1 << 20)] {
            assert!((SAID_CHARS - 10..=SAID_CHARS + 1).contains(&one_line(&bells).chars().count()));
        }
    }

    #[test]
    fn repeats_nothing_a_terminal_obeys() {
        assert_eq!(quoted("\u{1b}[31mred\n"), "`\\u{1b}[31mred\\n`");
        assert_eq!(quoted(&"x".repeat(65)), format!("`{}…`", "x".repeat(64)));
        assert_eq!(listed(["a"; 12].into_iter()), format!("{}`a` and 2 more", "`a`, ".repeat(9)));
    }
}
