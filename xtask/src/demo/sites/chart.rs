//! Who receives what over time: a line for each second, with each edge's share of the connections that transit forwarded.

use std::{collections::BTreeMap, time::Duration};

use crate::{demo::number, lab::sites::Sent};

const EVERY: Duration = Duration::from_secs(1);
const WIDTH: usize = 12;

/// What it is drawn from, and all that was drawn.
#[derive(Debug)]
pub struct Chart {
    last: BTreeMap<String, Sent>,
    drawn: Duration,
    due: Duration,
    rows: Vec<Row>,
    marks: Vec<Mark>,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When its time was over.
    pub ended: Duration,
    /// Each edge's share of the connections.
    pub shares: BTreeMap<String, f64>,
}

/// Something that changed the course of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Duration,
    /// What.
    pub text: String,
}

impl Chart {
    /// Begins with what was sent so far.
    pub fn new(sent: BTreeMap<String, Sent>) -> Self {
        Self { last: sent, drawn: Duration::ZERO, due: EVERY, rows: Vec::new(), marks: Vec::new() }
    }

    /// Whether a second is over.
    pub fn is_due(&self, elapsed: Duration) -> bool {
        elapsed >= self.due
    }

    /// Marks something that happens at that time.
    pub fn mark(&mut self, at: Duration, text: &str) {
        self.marks.push(Mark { at, text: text.to_owned() });
    }

    /// Everything that was drawn.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Everything that was marked.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The line of what was sent since the last one.
    pub fn line(&mut self, elapsed: Duration, sent: BTreeMap<String, Sent>) -> String {
        // A busy machine, or a command that takes its time, may have held the line up.
        let seconds = elapsed.saturating_sub(self.drawn).as_secs_f64();
        self.drawn = elapsed;
        self.due = Duration::from_secs(elapsed.as_secs()) + EVERY;
        let earlier = |edge: &String| self.last.get(edge).copied().unwrap_or_default();
        let opened: BTreeMap<&String, u64> =
            sent.iter().map(|(edge, now)| (edge, now.since(earlier(edge)).syns)).collect();
        let total: u64 = opened.values().sum();
        let share = |count: u64| count as f64 / total.max(1) as f64;
        let shares: BTreeMap<String, f64> =
            opened.into_iter().map(|(edge, count)| (edge.clone(), share(count))).collect();
        let mut line = format!("  {:>4.1} s ", elapsed.as_secs_f64());
        for (edge, share) in &shares {
            let filled = ((share * WIDTH as f64).round() as usize).min(WIDTH);
            line.push_str(&format!(
                " {edge} {}{} {:>3.0} %",
                "█".repeat(filled),
                "·".repeat(WIDTH - filled),
                share * 100.0
            ));
        }
        line.push_str(&format!("  {:>6}/s", number((total as f64 / seconds).round() as u64)));
        self.rows.push(Row { ended: elapsed, shares });
        self.last = sent;
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(a1: u64, b1: u64) -> BTreeMap<String, Sent> {
        [("a1", a1), ("b1", b1)].map(|(edge, syns)| (edge.to_owned(), Sent { packets: 0, syns })).into()
    }

    #[test]
    fn shares_are_those_since_the_last_line() {
        let mut chart = Chart::new(sent(100, 0));
        assert!(!chart.is_due(Duration::from_millis(999)) && chart.is_due(EVERY));
        let line = chart.line(EVERY, sent(400, 100));
        assert!(line.contains("a1 █████████···  75 %") && line.contains("b1 ███·········  25 %"), "{line}");
        assert!(line.ends_with("400/s"), "{line}");
        let line = chart.line(3 * EVERY, sent(500, 200));
        assert!(line.ends_with(" 100/s"), "{line}");
        let line = chart.line(4 * EVERY, sent(500, 200));
        assert!(line.contains("a1 ············   0 %") && line.ends_with(" 0/s"), "{line}");
        assert!(!chart.is_due(4 * EVERY) && chart.is_due(5 * EVERY));
        chart.line(5 * EVERY + EVERY / 4, sent(500, 200));
        assert!(chart.is_due(6 * EVERY), "lateness does not add up");
        let ended: Vec<Duration> = chart.rows().iter().map(|row| row.ended).collect();
        assert_eq!(ended, [EVERY, 3 * EVERY, 4 * EVERY, 5 * EVERY + EVERY / 4]);
    }
}
