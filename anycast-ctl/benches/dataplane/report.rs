//! Figures, for people and as JSON.

use std::fmt;

use serde::Serialize;

use crate::{scenario::Scenario, site};

/// One run of the benchmark.
#[derive(Serialize)]
pub struct Report {
    /// Instructions the verifier walked.
    pub verified_instructions: u32,
    /// Bytes of JIT code.
    pub jit_bytes: u32,
    /// Milliseconds to load the program with maps of their default sizes.
    pub load_ms: f64,
    /// The same, at best.
    pub load_best_ms: f64,
    /// Microseconds to publish a table of 65,537 slots.
    pub publish_us: f64,
    /// Packets per timed window.
    pub window: u32,
    pub rows: Vec<Row>,
}

/// One scenario, in nanoseconds per packet.
#[derive(Serialize)]
pub struct Row {
    #[serde(flatten)]
    scenario: Scenario,
    floor: Spread,
    program: Spread,
    /// Best tenth of the program less best tenth of the floor.
    net_best_tenth_ns: f64,
    /// Median of the differences, window by window.
    net_median_ns: f64,
}

/// A distribution.
#[derive(Serialize)]
struct Spread {
    best_tenth_ns: f64,
    median_ns: f64,
    p90_ns: f64,
}

impl Row {
    /// From the times of windows that were taken in pairs.
    pub fn new(scenario: &Scenario, floor: Vec<f64>, program: Vec<f64>) -> Self {
        let differences: Vec<f64> =
            program.iter().zip(&floor).map(|(program, floor)| program - floor).collect();
        let net_median_ns = Spread::new(differences).median_ns;
        let (floor, program) = (Spread::new(floor), Spread::new(program));
        let net_best_tenth_ns = program.best_tenth_ns - floor.best_tenth_ns;
        Self { scenario: *scenario, floor, program, net_best_tenth_ns, net_median_ns }
    }
}

impl Spread {
    fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        Self { best_tenth_ns: at(0.1), median_ns: at(0.5), p90_ns: at(0.9) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "nanoseconds per packet; net = program less floor (wrapper, bare verdict, room made for a tunnel) in the same run"
        )?;
        writeln!(
            f,
            "{:<16} {:<8} {:<8} {:>2} {:>8}  {:>8}  {:>8} {:>7} {:>7}  {:>8} {:>8}",
            "packets",
            "slots",
            "delivery",
            "ip",
            "flows",
            "floor",
            "best 10%",
            "median",
            "90%",
            "net best",
            "net med."
        )?;
        for row in &self.rows {
            let kind = serde_json::to_value(row.scenario.kind).map_err(|_| fmt::Error)?;
            let state = serde_json::to_value(row.scenario.pool.state).map_err(|_| fmt::Error)?;
            writeln!(
                f,
                "{:<16} {:<8} {:<8} {:>2} {:>8}  {:>8.1}  {:>8.1} {:>7.1} {:>7.1}  {:>8.1} {:>8.1}",
                kind.as_str().unwrap_or_default(),
                state.as_str().unwrap_or_default(),
                site::label(row.scenario.pool.delivery),
                format!("v{}", row.scenario.ip),
                row.scenario.flows,
                row.floor.best_tenth_ns,
                row.program.best_tenth_ns,
                row.program.median_ns,
                row.program.p90_ns,
                row.net_best_tenth_ns,
                row.net_median_ns,
            )?;
        }
        writeln!(f, "verified instructions {}, JIT {} bytes", self.verified_instructions, self.jit_bytes)?;
        writeln!(
            f,
            "loaded in {:.1} ms, at best in {:.1} ms; a table of 65,537 slots published in {:.0} us",
            self.load_ms, self.load_best_ms, self.publish_us
        )
    }
}
