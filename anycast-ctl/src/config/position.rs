//! Where in the text something is.

use toml::de::DeValue;

use super::{Fault, read::Misread};

/// A text whose lines can be told apart.
pub struct Lines<'a> {
    text: &'a str,
    /// Offsets of the first byte of every line.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines.
    pub fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { text, starts: std::iter::once(0).chain(ends.map(|(end, _)| end + 1)).collect() }
    }

    /// Line and column, both counted from 1, of a byte of the text.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let (line, start) = self.line(offset);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The same with line and column.
    pub fn fault(&self, Misread { at, path, message }: Misread) -> Fault {
        let (line, column) = self.position(at);
        Fault { line, column, path, message }
    }

    /// The plain key and the value in the line of that byte, when it is in or just behind the value.
    pub fn assignment(&self, offset: usize) -> Option<(&'a str, &'a str)> {
        let (_, start) = self.line(offset);
        let (key, value) = self.text.get(start..)?.lines().next()?.split_once('=')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let behind = offset > start + key.len();
        let key = key.trim();
        let value = value.split_once('#').map_or(value, |(value, _)| value).trim();
        (behind && key.len() <= 64 && key.bytes().all(plain)).then_some((key, value))
    }

    /// The line of that byte from its first character that is no white space up to the byte.
    pub fn start_of(&self, offset: usize) -> &'a str {
        let (_, start) = self.line(offset);
        self.text.get(start..offset).unwrap_or_default().trim_start()
    }

    /// The line, counted from 1, of a byte, and where it starts.
    fn line(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        (line, self.starts.get(line - 1).copied().unwrap_or_default())
    }
}

/// Where the value at a path as `pool[0].backend[1].weight` begins, or the innermost part of the path that is there.
pub fn find(document: &DeValue<'_>, path: &str) -> usize {
    let mut value = document;
    let mut at = 0;
    for step in path.split(['.', '[']) {
        let next = match step.strip_suffix(']') {
            Some(index) => index.parse::<usize>().ok().and_then(|index| value.get(index)),
            None => value.get(step),
        };
        let Some(next) = next else { break };
        at = next.span().start;
        value = next.get_ref();
    }
    at
}
