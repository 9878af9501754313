//! Load feedback in simulations: what `docs/feedback.md` says it reaches, and its plot.

#![expect(clippy::indexing_slicing, reason = "a benchmark panics when it is wrong")]

mod plot;
#[path = "../../tests/feedback/simulation.rs"]
mod simulation;

use std::{fs, path::PathBuf, time::Duration};

use anycast_ctl::health::feedback::Rules;
use anyhow::Context as _;
use clap::Parser;

use crate::{
    plot::Panel,
    simulation::{Plan, Run, ratios, run},
};

/// Runs per row of the table.
const RUNS: u64 = 100;

/// Simulates pools whose weights follow their load. Prints the worst of 100 runs each.
#[derive(Parser)]
struct Options {
    /// Write the plot there instead, as SVG.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Passed by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(path) = options.svg {
        return fs::write(&path, picture()).with_context(|| format!("write {}", path.display()));
    }
    println!(
        "servers  reports' age  noise    settled after  left    overshoot  swings  tables  of which in the last quarter"
    );
    for servers in [2, 10, 50] {
        for delay in [(1.0, 1.0), (1.0, 10.0), (10.0, 10.0)] {
            for noise in [0.0, 0.1, 0.2] {
                let runs: Vec<Run> = (0..RUNS)
                    .map(|seed| run(&plan(servers, delay, noise, seed), &Rules::default()))
                    .collect();
                print_row(servers, delay, noise, &runs);
            }
        }
    }
    Ok(())
}

fn plan(servers: usize, delay: (f64, f64), noise: f64, seed: u64) -> Plan {
    let ratios = ratios(servers, 3.0, seed);
    Plan { ratios, delay, life: 5.0, noise, every: 2.0, swing: 0.2, seed, seconds: 1800, feedback: true }
}

fn print_row(servers: usize, delay: (f64, f64), noise: f64, runs: &[Run]) {
    let most = |figure: fn(&Run) -> f64| runs.iter().map(figure).fold(0.0, f64::max);
    println!(
        "{servers:>7}  {:>7} s  {:>5} %  {:>11.0} s  {:>5.1} %  {:>7.1} %  {:>6}  {:>6}  {:>2}",
        if delay.0 == delay.1 { delay.0.to_string() } else { format!("{} to {}", delay.0, delay.1) },
        noise * 100.0,
        most(|run| run.settled().unwrap_or(f64::INFINITY)),
        100.0 * most(Run::left),
        100.0 * most(Run::overshoot),
        runs.iter().flat_map(Run::swings).sum::<usize>(),
        most(|run| run.tables.len() as f64),
        most(|run| run.tables_after(0.75) as f64),
    );
}

/// The same six servers without feedback, with one that knows of no delay, and as it is.
fn picture() -> String {
    let servers = vec![2.2, 1.5, 1.1, 0.9, 0.6, 0.45];
    let seconds = Duration::from_secs;
    let hasty = Rules { interval: seconds(2), lag: seconds(0), smoothing: seconds(0), ..Rules::default() };
    let plan = Plan { seconds: 1200, ..Plan { ratios: servers, ..plan(6, (1.0, 10.0), 0.2, 7) } };
    let panels = [
        ("without feedback", run(&Plan { feedback: false, ..plan.clone() }, &Rules::default())),
        ("corrected at every report, as if nothing were delayed", run(&plan, &hasty)),
        ("with feedback", run(&plan, &Rules::default())),
    ];
    plot::svg(&panels.map(|(title, run)| Panel { title, run }))
}
