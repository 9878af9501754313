//! Expressions of captures: whatever is read holds for just those packets that its opposite does not hold for.
//!
//! An input is an expression, and after a line's end a frame.

use anycast_common::{
    tap::{Facts, Filter, matches},
    walk::Walk,
};
use anycast_ctl::capture::{
    compile::{Names, compile},
    expression::{Expression, ExpressionError, MAX_BYTES, parse},
};

use crate::text::is_one_line;

/// Every name is somebody's, but for the empty one.
struct Anybody;

impl Names for Anybody {
    fn vip(&self, name: &str) -> Result<u16, String> {
        number(name)
    }

    fn pool(&self, name: &str) -> Result<u16, String> {
        number(name)
    }

    fn backend(&self, pool: &str, name: &str) -> Result<u16, String> {
        number(pool).and(number(name))
    }
}

fn number(name: &str) -> Result<u16, String> {
    name.bytes().next().map(|byte| u16::from(byte % 4)).ok_or_else(|| "no name".to_owned())
}

pub fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (Ok(text), frame) = (str::from_utf8(&input[..end]), &input[(end + 1).min(input.len())..]) else {
        return;
    };
    let expression = match parse(text) {
        Ok(Some(expression)) => expression,
        Ok(None) => return assert_eq!(text.trim(), "", "an expression was not read"),
        Err(error) => return tells(text, &error),
    };
    assert!(text.len() <= MAX_BYTES);
    let Some(filter) = compiled(text, &expression) else { return };
    let Some(opposite) = compiled(text, &Expression::Not(Box::new(expression))) else { return };
    let facts = Facts::of_packet(&frame).with_walk(&Walk::default(), 0);
    assert_ne!(matches(&filter, &facts), matches(&opposite, &facts), "{text} and its opposite");
}

/// None where it is too large for the program, or holds for nothing.
fn compiled(text: &str, expression: &Expression) -> Option<Filter> {
    compile(text, Some(expression), &Anybody).map_err(|error| tells(text, &error)).ok()
}

fn tells(text: &str, error: &ExpressionError) {
    is_one_line(&error.to_string());
    assert!(error.at <= text.chars().count(), "{error} of {text:?}");
}
