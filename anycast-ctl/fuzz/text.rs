//! What must hold of every text that goes to people: logs, answers of the API, messages of commands.

/// Characters that a message may have: names are cut, lists end.
const MOST: usize = 4_096;

/// It is one line, of a bounded length, and has nothing in it that a terminal would obey.
#[track_caller]
pub fn is_one_line(text: &str) {
    assert!(!text.is_empty(), "a message says nothing");
    assert!(!text.chars().any(char::is_control), "a message is no line: {text:?}");
    assert!(text.chars().count() <= MOST, "a message of {} characters: {text:?}", text.chars().count());
}
