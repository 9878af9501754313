//! Every table that was published, to the millisecond: what a daemon says when it is asked now and then misses those that do not last.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::stage::Stage;
use crate::lab::Process;

/// A table that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub edge: String,
    /// Since the start of the run.
    pub at: Duration,
    /// What the daemon said of it.
    pub words: String,
}

/// Those who listen to daemons; they stop when this is dropped.
#[derive(Debug)]
pub struct Listeners {
    listeners: Vec<(String, PathBuf, Process)>,
    start: SystemTime,
}

impl Listeners {
    /// Begins to listen to every edge's daemon, and those after it.
    pub fn start(stage: &Stage, edges: impl Iterator<Item = &'static str>) -> Result<Self> {
        let mut listeners = Vec::new();
        for edge in edges {
            let file = stage.sites.edge(edge)?.directory().join("tables.json");
            let output = File::create(&file).with_context(|| format!("create {}", file.display()))?;
            let mut command = stage.sites.ctl_command(edge, &["watch", "--kind", "table", "--json"])?;
            command.stdout(output).stderr(Stdio::null());
            listeners.push((edge.to_owned(), file, stage.sites.spawn(edge, command)?));
        }
        let started: Duration = Instant::now().duration_since(stage.start);
        Ok(Self { listeners, start: SystemTime::now() - started })
    }

    /// All that was heard, in order.
    pub fn finish(self) -> Result<Vec<Published>> {
        let mut heard = Vec::new();
        for (edge, file, process) in self.listeners {
            drop(process);
            heard.extend(read(&file, &edge, self.start)?);
        }
        heard.sort_by_key(|it| it.at);
        Ok(heard)
    }
}

fn read(file: &Path, edge: &str, start: SystemTime) -> Result<Vec<Published>> {
    #[derive(Deserialize)]
    struct Told {
        at: String,
        event: String,
        words: String,
    }
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let told = text.lines().filter_map(|line| serde_json::from_str::<Told>(line).ok());
    let tables = told.filter(|told| told.event == "table");
    Ok(tables
        .filter_map(|told| {
            let at = time_of_day(&told.at)?;
            // Both within a day: a run that passes midnight goes on.
            let began = start.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis() as u64 % DAY_MS;
            let at = Duration::from_millis((at + DAY_MS - began) % DAY_MS);
            Some(Published { edge: edge.to_owned(), at, words: told.words })
        })
        .collect())
}

const DAY_MS: u64 = 86_400_000;

/// Milliseconds since midnight of an RFC 3339 time in UTC.
fn time_of_day(text: &str) -> Option<u64> {
    let (_, time) = text.split_once('T')?;
    let mut parts = time.strip_suffix('Z')?.split([':', '.']);
    let mut number = || parts.next()?.parse::<u64>().ok();
    let (hours, minutes, seconds) = (number()?, number()?, number()?);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + number().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(time_of_day("2026-11-28T00:01:02.003Z"), Some(62_003));
        assert_eq!(time_of_day("2026-11-28T10:00:00Z"), Some(36_000_000));
        assert_eq!(time_of_day("soon"), None);
    }

    #[test]
    fn tables_are_told_apart_from_other_events_and_counted_from_the_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = [
            r#"{"event":"hello","at":"1970-01-01T00:00:05.000Z","words":"hello"}"#,
            r#"{"event":"table","at":"1970-01-01T00:00:07.250Z","words":"slots moved"}"#,
        ];
        fs::write(file.path(), lines.join("\n")).unwrap();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        let heard = read(file.path(), "a1", start).unwrap();
        let published = Published {
            edge: "a1".to_owned(),
            at: Duration::from_millis(2250),
            words: "slots moved".to_owned(),
        };
        assert_eq!(heard, [published]);
    }
}
