//! From words to an expression.

use super::{
    Expression, ExpressionError, primitive,
    token::{Token, tokens},
};
use crate::spelling::quoted;

/// Bytes of the longest expression.
pub const MAX_BYTES: usize = 4096;

/// How deep parentheses and negations may be nested.
pub const MAX_DEPTH: usize = 64;

/// Reads an expression; an empty one is none.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(expression: &str) -> Result<Option<Expression>, ExpressionError> {
    if expression.len() > MAX_BYTES {
        let message = format!("it is longer than {MAX_BYTES} bytes");
        return Err(ExpressionError::new(expression, 0, message));
    }
    let mut words = Words { expression, tokens: tokens(expression), next: 0 };
    if words.tokens.is_empty() {
        return Ok(None);
    }
    let read = read(&mut words, 0)?;
    match words.peek() {
        None => Ok(Some(read)),
        Some(")") => Err(words.error("there is no `(` that this closes")),
        Some(word) => {
            let message =
                format!("{word} cannot follow here: join tests by `and` or `or`", word = quoted(word));
            Err(words.error(message))
        }
    }
}

/// Tests joined by `and` and `or`.
fn read(words: &mut Words<'_>, depth: usize) -> Result<Expression, ExpressionError> {
    let mut left = unary(words, depth)?;
    loop {
        if words.take_if(&["and", "&&"]) {
            left = left.and(unary(words, depth)?);
        } else if words.take_if(&["or", "||"]) {
            left = left.or(unary(words, depth)?);
        } else {
            return Ok(left);
        }
    }
}

fn unary(words: &mut Words<'_>, depth: usize) -> Result<Expression, ExpressionError> {
    if depth > MAX_DEPTH {
        return Err(words.error(format!("it is nested more than {MAX_DEPTH} deep")));
    }
    if words.take_if(&["not", "!"]) {
        return Ok(unary(words, depth + 1)?.negated());
    }
    if words.take_if(&["("]) {
        let inner = read(words, depth + 1)?;
        return if words.take_if(&[")"]) { Ok(inner) } else { Err(words.error("`)` is missing")) };
    }
    primitive::read(words)
}

/// What is left to read.
pub struct Words<'a> {
    expression: &'a str,
    tokens: Vec<Token<'a>>,
    next: usize,
}

impl<'a> Words<'a> {
    /// The next word or sign.
    pub fn peek(&self) -> Option<&'a str> {
        self.look(0)
    }

    /// The one after so many.
    pub fn look(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.next + ahead).map(|token| token.text)
    }

    /// Takes the next one.
    pub fn take(&mut self) -> Option<&'a str> {
        let word = self.peek();
        self.next += usize::from(word.is_some());
        word
    }

    /// Takes the next one if it is one of these; whether it was.
    pub fn take_if(&mut self, words: &[&str]) -> bool {
        let is_one = self.peek().is_some_and(|word| words.contains(&word));
        self.next += usize::from(is_one);
        is_one
    }

    /// Where the next one starts, in bytes; the end if there is none.
    pub fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.expression.len(), |token| token.at)
    }

    /// An error at the next one.
    pub fn error(&self, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.expression, self.at(), message)
    }

    /// An error at the one that was taken last.
    pub fn error_before(&self, message: impl Into<String>) -> ExpressionError {
        let last = self.next.checked_sub(1).and_then(|last| self.tokens.get(last));
        ExpressionError::new(self.expression, last.map_or(0, |token| token.at), message)
    }
}
