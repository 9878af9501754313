//! What goes to the terminal: results to stdout, complaints to stderr.

use std::io::{self, Write as _};

use anyhow::Context as _;
use serde::Serialize;

use super::Common;

/// Prints the value as JSON if that was asked for, else what `text` makes of it.
pub fn show<T: Serialize>(common: &Common, value: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
    if common.json {
        let mut json = serde_json::to_string_pretty(value).context("write the answer as JSON")?;
        json.push('\n');
        return print(&json);
    }
    print(&text(value))
}

/// Prints all at once. A reader that went away has what it wanted.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_to_reader(text).map(drop)
}

/// The same, and whether the reader is still there.
pub fn print_to_reader(text: &str) -> anyhow::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("write to stdout"),
    }
}

/// Prints what is odd, but no reason to stop.
pub fn warn(warning: &str) {
    let _ = writeln!(io::stderr(), "anycast-ctl: warning: {warning}");
}

/// Prints an error and its causes on one line.
pub fn complain(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "anycast-ctl: {}", chain(error));
}

/// Each cause once: some messages end with their cause already.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no such file").context("read x: no such file").context("load the site");
        assert_eq!(chain(&error), "load the site: read x: no such file");
    }
}
