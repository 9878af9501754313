//! The whole run at a glance: a row for each edge and for each site's servers, a column for each second, and what happened when.

use std::time::Duration;

use super::chart::{Chart, Row};
use crate::demo::client::Connection;

/// From next to nothing to all.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What strays is no share.
const NOTHING: f64 = 0.01;
/// A number on the axis each so many columns.
const TICK: usize = 10;
/// Room for names.
const LABEL: usize = 14;

/// Draws it.
pub fn picture(chart: &Chart, connections: &[Connection]) -> String {
    let rows = chart.rows();
    let columns = rows.last().map_or(0, |row| column(row.ended));
    let mut text = String::from("  who got which share of the connections, second by second\n\n");
    let mut draw = |name: &str, share: &dyn Fn(usize) -> f64| {
        let levels: String = (0..columns).map(|second| level(share(second))).collect();
        text.push_str(&format!("  {name:<LABEL$}{levels}\n"));
    };
    for edge in rows.first().into_iter().flat_map(|row| row.shares.keys()) {
        draw(&format!("edge {edge}"), &|second| sent(rows, edge, second));
    }
    for site in ["a", "b"] {
        let answered = answered(connections, site, columns);
        draw(&format!("servers of {site}"), &|second| answered.get(second).copied().unwrap_or_default());
    }
    let mut under = vec![' '; columns];
    let mut legend = String::new();
    for (letter, mark) in ('A'..='Z').zip(chart.marks()) {
        // Where two are as good as at once, the later one is put beside the other.
        let free = under.iter_mut().skip(column(mark.at)).find(|place| **place == ' ');
        if let Some(place) = free {
            *place = letter;
        }
        legend.push_str(&format!("  {letter} {:>4.1} s  {}\n", mark.at.as_secs_f64(), mark.text));
    }
    let axis: String =
        (0..columns).step_by(TICK).map(|second| format!("{:<TICK$}", format!("{second} s"))).collect();
    let under: String = under.into_iter().collect();
    let indent = " ".repeat(LABEL + 2);
    format!("{text}{indent}{}\n{indent}{}\n\n{legend}", under.trim_end(), axis.trim_end())
}

/// The second that a time is in.
fn column(time: Duration) -> usize {
    usize::try_from(time.as_secs()).unwrap_or(usize::MAX)
}

/// The share that transit sent to an edge in a second, by the line that tells of most of it.
fn sent(rows: &[Row], edge: &str, second: usize) -> f64 {
    let row = rows.iter().find(|row| row.ended.as_secs_f64() > second as f64 + 0.5);
    row.and_then(|row| row.shares.get(edge)).copied().unwrap_or_default()
}

/// The share that a site's servers answered, in each second.
fn answered(connections: &[Connection], site: &str, columns: usize) -> Vec<f64> {
    let mut counts = vec![(0_u32, 0_u32); columns];
    for connection in connections {
        let Some((own, all)) = counts.get_mut(column(connection.ended)) else { continue };
        *all += 1;
        *own += u32::from(connection.outcome.as_deref().is_ok_and(|backend| backend.starts_with(site)));
    }
    counts.into_iter().map(|(own, all)| f64::from(own) / f64::from(all.max(1))).collect()
}

fn level(share: f64) -> char {
    if share < NOTHING {
        return '·';
    }
    let step = (share * LEVELS.len() as f64).ceil() as usize;
    LEVELS.get(step.saturating_sub(1)).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::lab::{Family, sites::Sent};

    fn sent(a1: u64, b1: u64) -> BTreeMap<String, Sent> {
        [("a1", a1), ("b1", b1)].map(|(edge, syns)| (edge.to_owned(), Sent { packets: 0, syns })).into()
    }

    #[test]
    fn every_second_has_a_column_also_when_a_line_came_late() {
        let mut chart = Chart::new(sent(0, 0));
        let seconds = Duration::from_secs_f64;
        chart.line(seconds(1.02), sent(100, 0));
        chart.mark(seconds(1.1), "a leaves");
        chart.mark(seconds(1.3), "a is gone");
        chart.line(seconds(3.02), sent(150, 50));
        chart.line(seconds(4.04), sent(150, 150));
        let connection = |ended: f64, backend: &str| Connection {
            family: Family::V4,
            opened: seconds(ended),
            ended: seconds(ended),
            outcome: Ok(backend.to_owned()),
        };
        let connections = [connection(0.5, "a-web1"), connection(1.5, "a-web1"), connection(1.6, "b-web1")];
        let picture = picture(&chart, &connections);
        assert!(picture.contains("  edge a1       █▄▄·\n  edge b1       ·▄▄█\n"), "{picture}");
        let below = "  servers of a  █▄··\n  servers of b  ·▄··\n                 AB\n                0 s\n";
        assert!(picture.contains(below), "{picture}");
        assert!(picture.contains("  A  1.1 s  a leaves\n  B  1.3 s  a is gone\n"), "{picture}");
    }

    #[test]
    fn shares_are_rounded_up_and_what_strays_is_nothing() {
        assert_eq!([0.0, 0.005, 0.02, 0.5, 1.0].map(level), ['·', '·', '▁', '▄', '█']);
    }
}
