//! TCP flags in an expression: single words, and tcpdump's arithmetic on the header's fourteenth byte.

use anycast_common::parse::protocol;

use super::{Expression, ExpressionError, Test, parse::Words};
use crate::{capture::label::TCP_FLAGS, spelling::quoted};

/// Reads a test of flags, if there is one.
pub fn read(words: &mut Words<'_>) -> Result<Option<Expression>, ExpressionError> {
    let Some(word) = words.peek() else { return Ok(None) };
    if let Some(bit) = bit(word) {
        words.take();
        // Only TCP has flags that are set.
        return Ok(Some(Test::Flags(bit, bit).into()));
    }
    if !matches!(word, "tcp[tcpflags]" | "tcp[13]") {
        return Ok(None);
    }
    words.take();
    let mask = if words.take_if(&["&"]) { value(words)? } else { u8::MAX };
    let is_equal = if words.take_if(&["==", "="]) {
        true
    } else if words.take_if(&["!="]) {
        false
    } else {
        return Err(words.error("`==` or `!=` is missing here, as in `tcp[tcpflags] & tcp-syn != 0`"));
    };
    let test = Expression::from(Test::Flags(mask, value(words)?));
    let is_tcp = Expression::from(Test::Protocol(protocol::TCP));
    Ok(Some(is_tcp.and(if is_equal { test } else { test.negated() })))
}

/// Flags joined by `|`, in parentheses or not, or a number.
fn value(words: &mut Words<'_>) -> Result<u8, ExpressionError> {
    let in_parentheses = words.take_if(&["("]);
    let mut value = single(words)?;
    while words.take_if(&["|"]) {
        value |= single(words)?;
    }
    if in_parentheses && !words.take_if(&[")"]) {
        return Err(words.error("`)` is missing"));
    }
    Ok(value)
}

fn single(words: &mut Words<'_>) -> Result<u8, ExpressionError> {
    let Some(word) = words.take() else { return Err(words.error("flags are missing here, like tcp-syn")) };
    let hexadecimal = word.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let number = hexadecimal.or_else(|| word.parse().ok());
    let flag = number.or_else(|| bit(word.strip_prefix("tcp-")?));
    flag.ok_or_else(|| {
        words.error_before(format!(
            "{word} is no TCP flag: write tcp-syn, tcp-ack and so on",
            word = quoted(word)
        ))
    })
}

/// The flag of that name.
fn bit(word: &str) -> Option<u8> {
    let word = if word == "push" { "psh" } else { word };
    TCP_FLAGS.iter().position(|flag| *flag == word).map(|place| 1 << place)
}
