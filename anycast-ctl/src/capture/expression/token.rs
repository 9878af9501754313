//! The words and signs of an expression.

/// A word or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Where it starts, in bytes.
    pub at: usize,
    /// It.
    pub text: &'a str,
}

/// Signs, the longer ones first.
const SIGNS: [&str; 10] = ["&&", "||", "==", "!=", "(", ")", "!", "&", "|", "="];

/// Splits an expression.
pub fn tokens(expression: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = expression.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
        let length = sign.map_or_else(|| word(rest), str::len);
        tokens.push(Token { at, text: rest.get(..length).unwrap_or(rest) });
        at += length;
    }
    tokens
}

/// Bytes of the word that a text starts with.
fn word(text: &str) -> usize {
    let is_end = |letter: char| letter.is_whitespace() || "()!&|=".contains(letter);
    text.find(is_end).unwrap_or(text.len())
}
