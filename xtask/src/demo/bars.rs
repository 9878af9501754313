//! How the connections spread, live: bars that redraw on a terminal, a line every two seconds elsewhere.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{client::Connection, number};

/// The shares shown are those of connections that ended within this.
const WINDOW: Duration = Duration::from_secs(1);
const PLAIN_EVERY: Duration = Duration::from_secs(2);
const WIDTH: usize = 36;

/// The picture and what it is drawn from.
#[derive(Debug)]
pub struct Bars {
    names: Vec<String>,
    totals: BTreeMap<String, u64>,
    recent: VecDeque<Connection>,
    failed: u64,
    terminal: bool,
    drawn: usize,
    printed: Option<Instant>,
}

impl Bars {
    /// For servers of these names.
    pub fn new(names: Vec<String>) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let (totals, recent) = (BTreeMap::new(), VecDeque::new());
        Self { names, totals, recent, failed: 0, terminal, drawn: 0, printed: None }
    }

    /// Takes connections that ended into account.
    pub fn add(&mut self, connections: Vec<Connection>, elapsed: Duration) {
        for connection in connections {
            match &connection.outcome {
                Ok(name) => *self.totals.entry(name.clone()).or_default() += 1,
                Err(_) => self.failed += 1,
            }
            self.recent.push_back(connection);
        }
        while self.recent.front().is_some_and(|oldest| oldest.ended + WINDOW < elapsed) {
            self.recent.pop_front();
        }
    }

    /// Shows the picture of this moment.
    pub fn draw(&mut self, elapsed: Duration) -> Result<()> {
        if self.terminal {
            let lines = self.picture(elapsed);
            let mut text = self.erase();
            for line in &lines {
                text.push_str(line);
                text.push('\n');
            }
            self.drawn = lines.len();
            return print(&text);
        }
        if self.printed.is_none_or(|printed| printed.elapsed() >= PLAIN_EVERY) {
            self.printed = Some(Instant::now());
            return print(&self.plain(elapsed));
        }
        Ok(())
    }

    /// Prints a line that stays, above the picture.
    pub fn note(&mut self, line: &str) -> Result<()> {
        let erase = self.erase();
        self.drawn = 0;
        self.printed = None;
        print(&format!("{erase}{line}\n"))
    }

    fn erase(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}A\x1b[J", self.drawn) }
    }

    fn picture(&self, elapsed: Duration) -> Vec<String> {
        let recent = self.recent();
        let total: u64 = recent.values().sum();
        let live = recent.len().max(1) as f64;
        let mut lines = vec![format!(
            "  {:>5.1} s   {} connections, {}/s, {} failed",
            elapsed.as_secs_f64(),
            number(self.totals.values().sum::<u64>() + self.failed),
            number(total),
            number(self.failed)
        )];
        for name in &self.names {
            let count = recent.get(name.as_str()).copied().unwrap_or(0);
            let share = count as f64 / total.max(1) as f64;
            // An even share fills half of the width.
            let filled = ((share * live / 2.0).min(1.0) * WIDTH as f64).round() as usize;
            lines.push(format!(
                "  {name:<11}{}{} {:>5.1} %  {:>5}/s  {:>7}",
                "█".repeat(filled),
                "·".repeat(WIDTH - filled.min(WIDTH)),
                share * 100.0,
                number(count),
                number(self.totals.get(name).copied().unwrap_or(0))
            ));
        }
        lines
    }

    fn plain(&self, elapsed: Duration) -> String {
        let recent = self.recent();
        let total: u64 = recent.values().sum();
        let share = |name: &String| {
            let count = recent.get(name.as_str()).copied().unwrap_or(0);
            format!("{name} {:.0} %", 100.0 * count as f64 / total.max(1) as f64)
        };
        let shares: Vec<String> = self.names.iter().map(share).collect();
        let ended = number(self.totals.values().sum::<u64>() + self.failed);
        format!("  {:>5.1} s  {ended:>7} connections  {}\n", elapsed.as_secs_f64(), shares.join("  "))
    }

    fn recent(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for name in self.recent.iter().filter_map(|connection| connection.outcome.as_ref().ok()) {
            *counts.entry(name.as_str()).or_default() += 1;
        }
        counts
    }
}

fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("write to the terminal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Family;

    fn answered(name: &str, ended: u64) -> Connection {
        let at = Duration::from_secs(ended);
        Connection { family: Family::V4, opened: at, ended: at, outcome: Ok(name.to_owned()) }
    }

    #[test]
    fn shares_are_those_of_the_last_second_and_totals_of_all() {
        let mut bars = Bars::new(vec!["a".to_owned(), "b".to_owned()]);
        bars.add(
            vec![answered("a", 1), answered("a", 1), answered("a", 5), answered("b", 5)],
            Duration::from_secs(5),
        );
        let picture = bars.picture(Duration::from_secs(5));
        assert_eq!(picture.len(), 3);
        assert!(picture[0].contains("4 connections, 2/s, 0 failed"), "{picture:?}");
        assert!(picture[1].contains(" 50.0 %") && picture[1].ends_with("      3"), "{picture:?}");
        assert!(picture[1].contains(&"█".repeat(WIDTH / 2)), "{picture:?}");
        assert!(bars.plain(Duration::from_secs(5)).contains("a 50 %  b 50 %"));
    }
}
