//! Figures, for people and as JSON.

use std::fmt;

use serde::Serialize;

use crate::generator::Stream;

/// What became of one window's frames.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    pub seconds: f64,
    pub offered: u64,
    /// Counted by the program, where it counts.
    pub delivered: Option<u64>,
    /// Seen behind the edge.
    pub returned: u64,
}

/// One run of the benchmark.
#[derive(Serialize)]
pub struct Report {
    /// Frames per window.
    pub frames: u32,
    pub rows: Vec<Row>,
}

/// One stream through both programs.
#[derive(Serialize)]
pub struct Row {
    #[serde(flatten)]
    stream: Stream,
    floor: Figures,
    program: Figures,
}

/// Medians of the windows.
#[derive(Serialize)]
struct Figures {
    offered_mpps: f64,
    delivered_mpps: f64,
    best_delivered_mpps: f64,
    /// Share of the offered frames that never reached the program; of the floor, all that are lost.
    lost_before: f64,
    /// Share that the program sent and nobody got.
    lost_behind: f64,
}

impl Row {
    pub fn new(stream: &Stream, floor: &[Passage], program: &[Passage]) -> Self {
        Self { stream: *stream, floor: Figures::new(floor), program: Figures::new(program) }
    }
}

impl Figures {
    fn new(passages: &[Passage]) -> Self {
        let sorted = |figure: &dyn Fn(&Passage) -> f64| {
            let mut figures: Vec<f64> = passages.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures
        };
        let median = |figure: &dyn Fn(&Passage) -> f64| sorted(figure)[passages.len() / 2];
        let delivered = |passage: &Passage| passage.returned as f64 / passage.seconds / 1e6;
        // A frame of the window before may still come in with this one's.
        let seen = |passage: &Passage| passage.delivered.unwrap_or(passage.returned);
        let share = |lost: u64, passage: &Passage| lost as f64 / passage.offered as f64;
        Self {
            offered_mpps: median(&|passage| passage.offered as f64 / passage.seconds / 1e6),
            delivered_mpps: median(&delivered),
            best_delivered_mpps: sorted(&delivered)[passages.len() - 1],
            lost_before: median(&|passage| share(passage.offered.saturating_sub(seen(passage)), passage)),
            lost_behind: median(&|passage| share(seen(passage).saturating_sub(passage.returned), passage)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "live frames through the lab's edge, one core, Mpps, medians; floor = MAC rewrite and XDP_TX"
        )?;
        writeln!(f, "{:<51} {:>22}  {:>35}", "", "floor", "anycast")?;
        writeln!(
            f,
            "{:<51} {:>7} {:>7} {:>6}  {:>7} {:>7} {:>6} {:>6} {:>6}",
            "frames", "offered", "deliv.", "lost", "offered", "deliv.", "best", "lost<", ">lost"
        )?;
        for row in &self.rows {
            let (floor, program) = (&row.floor, &row.program);
            writeln!(
                f,
                "{:<51} {:>7.2} {:>7.2} {:>5.1}%  {:>7.2} {:>7.2} {:>6.2} {:>5.1}% {:>5.1}%",
                row.stream.name(),
                floor.offered_mpps,
                floor.delivered_mpps,
                floor.lost_before * 100.0,
                program.offered_mpps,
                program.delivered_mpps,
                program.best_delivered_mpps,
                program.lost_before * 100.0,
                program.lost_behind * 100.0,
            )?;
        }
        writeln!(f, "lost<: in the queue into the edge; >lost: behind it; {} frames a window", self.frames)
    }
}
