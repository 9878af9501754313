//! Entries of the journal, in its native protocol: one datagram an entry, a field a line
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
//!
//! ```text
//! MESSAGE=backend web/web-2 (10.0.0.12) is down, was up
//! PRIORITY=4
//! ANYCAST_EVENT=backend
//! ANYCAST_POOL=web
//! ANYCAST_BACKEND=web-2
//! ```
//!
//! A value of several lines follows its name and a line feed, as 8 bytes of length, little endian, and that many bytes.

use std::{
    fmt::{self, Write as _},
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use super::{
    queue::Queue,
    text::{FOR_MACHINES, is_shown},
};

/// What an entry's field may have, in bytes: datagrams are bounded.
const VALUE_BYTES: usize = 32 << 10;

/// A way to journald.
#[derive(Debug)]
pub struct Socket {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Socket {
    /// Opens one to where it listens.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        let opened = Self { socket, path: path.to_owned() };
        if opened.is_there() { Ok(opened) } else { Err(io::ErrorKind::NotConnected.into()) }
    }

    /// Whether somebody listens.
    pub fn is_there(&self) -> bool {
        UnixDatagram::unbound().and_then(|socket| socket.connect(&self.path)).is_ok()
    }

    /// Sends an entry, and waits until it is taken.
    ///
    /// # Errors
    /// Nobody listens any more, or it is too large.
    pub fn send(&self, entry: &[u8]) -> io::Result<()> {
        // By its path each time: one that was restarted listens on another socket.
        self.socket.send_to(entry, &self.path).map(drop)
    }
}

/// Writes entries.
#[derive(Debug)]
pub struct Journal {
    queue: Queue,
}

impl Journal {
    /// Writes them into a queue.
    pub fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut visitor = Visitor::default();
        event.record(&mut visitor);
        let Visitor { mut message, beside, fields } = visitor;
        message += &beside;
        let metadata = event.metadata();
        let mut entry = Vec::with_capacity(message.len() + 256);
        append(&mut entry, "MESSAGE", &message);
        append(&mut entry, "PRIORITY", priority(*metadata.level()));
        append(&mut entry, "SYSLOG_IDENTIFIER", "anycast-ctl");
        append(&mut entry, "ANYCAST_TARGET", metadata.target());
        for (name, value) in &fields {
            append(&mut entry, name, value);
        }
        self.queue.push(entry);
    }
}

/// Levels of syslog, syslog(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// The name of a field: capitals, digits and underscores, `ANYCAST_` before.
fn name(field: &str) -> String {
    let field = field.strip_prefix(FOR_MACHINES).unwrap_or(field);
    let upper = field.chars().map(|char| match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' => char.to_ascii_uppercase(),
        _ => '_',
    });
    "ANYCAST_".chars().chain(upper).take(64).collect()
}

fn append(entry: &mut Vec<u8>, name: &str, value: &str) {
    let value = value.get(..value.floor_char_boundary(VALUE_BYTES)).unwrap_or(value);
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[derive(Default)]
struct Visitor {
    message: String,
    /// What the message does not say, behind it.
    beside: String,
    fields: Vec<(String, String)>,
}

impl Visit for Visitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.message = value;
            return;
        }
        if is_shown(field) {
            // Into a text: it cannot fail.
            let _ = write!(self.beside, " {}={value}", field.name());
        }
        self.fields.push((name(field.name()), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_one_line_is_text_and_one_of_several_has_its_length() {
        let mut entry = Vec::new();
        append(&mut entry, "A", "one=two");
        append(&mut entry, "B", "one\ntwo");
        assert_eq!(entry, b"A=one=two\nB\n\x07\0\0\0\0\0\0\0one\ntwo\n");
    }

    #[test]
    fn names_are_those_the_journal_takes() {
        assert_eq!(name("anycast.event"), "ANYCAST_EVENT");
        assert_eq!(name("log.target-ü"), "ANYCAST_LOG_TARGET__");
        assert!(name(&"x".repeat(100)).len() <= 64);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let mut entry = Vec::new();
        append(&mut entry, "A", &"ü".repeat(VALUE_BYTES));
        assert_eq!(entry.len(), "A=\n".len() + VALUE_BYTES);
        assert!(std::str::from_utf8(&entry).is_ok());
    }
}
