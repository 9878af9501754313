//! The site file: TOML that a person wrote, into the desired state, or into a list of everything wrong with it.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    model::{Problem, Site},
    spelling::{one_line, quoted},
};

pub mod pairs;
mod position;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use schema::schema;
pub use write::to_toml;

use position::{Lines, find};
use read::Misread;
use value::TIME_RULE;

/// Longest site file that is read. The largest site that passes its checks has some 10 MiB.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Faults that are located and shown: nobody reads more at once.
const MAX_FAULTS: usize = 1_000;

/// A site file that cannot be used. The message names the file, and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing has that name.
    #[error("cannot read {}: there is no such file; create it, or name another with --config", .0.display())]
    Missing(PathBuf),
    /// A directory has that name.
    #[error("cannot read {}: it is a directory; name the file in it, as in {}", .0.display(), .0.join("site.toml").display())]
    Directory(PathBuf),
    /// The user has no right to read it.
    #[error("cannot read {}: permission denied; run as a user who may, or change its mode", .0.display())]
    Denied(PathBuf),
    /// Reading failed.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It is longer than any site.
    #[error("cannot read {}: it is longer than {} MiB; is it a site file?", .0.display(), MAX_FILE_BYTES >> 20)]
    TooLong(PathBuf),
    /// TOML is UTF-8.
    #[error("{file}:{line}:{column}: not UTF-8 from here on: save the file as UTF-8 text")]
    NotUtf8 {
        /// The file.
        file: String,
        /// Line of the first byte that is not, counted from 1.
        line: usize,
        /// Its column in characters, counted from 1.
        column: usize,
    },
    /// It was read, and breaks rules. One line each, in the order of the file.
    #[error("{}", report(.file, .faults, *.more))]
    Invalid {
        /// The file.
        file: String,
        /// Everything wrong with it, up to a thousand; at least one.
        faults: Vec<Fault>,
        /// How many there are beyond these.
        more: usize,
    },
}

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The key, as `pool[0].backend[1].weight`; empty where it could not be told.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads and checks a site file.
///
/// # Errors
///
/// [`ConfigError`], as the file cannot be read, or breaks rules.
pub fn load(path: &Path) -> Result<Site, ConfigError> {
    parse(&read(path)?, &path.display().to_string())
}

/// Reads a site file as it is.
///
/// # Errors
///
/// [`ConfigError`], as the file cannot be read, or is no text.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let explain = |source: io::Error| {
        let path = path.to_owned();
        let kind = source.kind();
        if kind == io::ErrorKind::NotFound {
            ConfigError::Missing(path)
        } else if kind == io::ErrorKind::IsADirectory {
            ConfigError::Directory(path)
        } else if kind == io::ErrorKind::PermissionDenied {
            ConfigError::Denied(path)
        } else {
            ConfigError::Unreadable { path, source }
        }
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(explain)?;
    // One more than allowed, which tells; and devices and pipes have no length to ask for.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(explain)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigError::TooLong(path.to_owned()));
    }
    let name = path.display().to_string();
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text =
            error.into_bytes().get(..good).map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let (line, column) = Lines::new(&text).position(good);
        ConfigError::NotUtf8 { file: name, line, column }
    })
}

/// Parses and checks the text of a site file, which messages call `name`.
///
/// # Errors
///
/// [`ConfigError::Invalid`] with everything that is wrong.
pub fn parse(text: &str, name: &str) -> Result<Site, ConfigError> {
    let lines = Lines::new(text);
    let invalid = |mut misread: Vec<Misread>| {
        misread.sort_by_key(|misread| misread.at);
        let more = misread.len().saturating_sub(MAX_FAULTS);
        let faults = misread.into_iter().take(MAX_FAULTS).map(|misread| lines.fault(misread)).collect();
        ConfigError::Invalid { file: name.to_owned(), faults, more }
    };
    let table = document(text, &lines).map_err(|misread| invalid(vec![misread]))?;
    let (site, mut misread) = read::site(&table);
    // Of a file that lacks something the rest is not judged: it would only complain of what is missing again.
    let Some(site) = site else { return Err(invalid(misread)) };
    let document = DeValue::Table(table);
    misread.extend(site.problems().into_iter().map(|Problem { path, message }| {
        let at = find(&document, &path);
        Misread { at, path, message }
    }));
    if misread.is_empty() { Ok(site) } else { Err(invalid(misread)) }
}

/// The document, or its first error of syntax: what a parser reports after that mostly follows from it.
fn document<'a>(text: &'a str, lines: &Lines<'_>) -> Result<DeTable<'a>, Misread> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let (key, value) = lines.assignment(span.start).unwrap_or_default();
        let message = match (error.message(), text.get(span.clone())) {
            ("duplicate key", Some(again)) => {
                let heading = lines.start_of(span.start).starts_with('[');
                let advice =
                    if heading { "begin each entry with [[ ]], double brackets" } else { "remove one" };
                format!("{} is here for the second time: {advice}", quoted(again))
            }
            // Of an address without quotes the parser would say that it is an invalid float.
            _ if !key.is_empty() && value.is_empty() => {
                "the value is missing: give one, or remove the key".to_owned()
            }
            _ if !key.is_empty() && !value.starts_with(['"', '\'', '[', '{']) => {
                // Seeds are secrets.
                let value = if key == "seed" { "this".to_owned() } else { quoted(value) };
                if key == "drain_until" {
                    format!("{value} is no time: give {TIME_RULE}")
                } else {
                    format!("{value} is no value: if it is text, put it in quotes")
                }
            }
            (message, _) => one_line(message),
        };
        Misread { at: span.start, path: key.to_owned(), message }
    })
}

/// The faults as compilers print theirs, so that editors find the places.
fn report(file: &str, faults: &[Fault], more: usize) -> String {
    let mut lines: Vec<String> = faults.iter().map(|fault| format!("{file}:{fault}")).collect();
    if more > 0 {
        lines.push(format!("{file}: and {more} more"));
    }
    lines.join("\n")
}
