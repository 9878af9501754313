//! `cargo xtask soak`: a lab of two sites under mixed load, in which all that may happen does, for as long as one likes; and what
//! became of every packet, of every session, and of the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    compile,
    lab::{random::Random, require_root},
    setup::{self, Mode},
    signals,
};

mod actions;
mod ask;
mod books;
mod causes;
mod counters;
mod daemon;
mod datagrams;
mod deck;
mod flood;
mod judge;
mod leftovers;
mod observe;
mod plot;
mod report;
mod run;
mod site;
mod stage;
mod tables;
mod timeline;
mod usage;

pub use report::Report;
pub use run::{Options, run};

/// How the soak runs.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// How long, in minutes
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
    /// The same in seconds
    #[arg(long, conflicts_with = "minutes", value_parser = clap::value_parser!(u64).range(10..))]
    seconds: Option<u64>,
    /// Of all random choices; drawn and printed if left out
    #[arg(long)]
    seed: Option<u64>,
    /// Sessions that are open at once
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(12..=5000))]
    sessions: u32,
    /// Requests a second, each over a connection of its own
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..=5000))]
    rate: u32,
    /// Print the report as JSON, and nothing else to stdout
    #[arg(long)]
    json: bool,
    /// Write report.md and plot.svg to this directory
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Break sessions without a reason, to see that it is found
    #[arg(long, hide = true)]
    plant: bool,
    /// An anycast-ctl that is built already
    #[arg(long, hide = true)]
    binary: Option<PathBuf>,
}

/// Runs it; answers whether all was well.
pub fn soak(settings: &Settings) -> Result<bool> {
    require_root()?;
    if let Some(directory) = &settings.report {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let binary = match &settings.binary {
        Some(binary) => binary.clone(),
        None => {
            setup::setup(Mode::Install)?;
            compile::build(&compile::Options::default())?.binary
        }
    };
    signals::catch()?;
    let report = run(&Options {
        binary,
        time: Duration::from_secs(settings.seconds.unwrap_or(settings.minutes * 60)),
        seed: settings.seed.map_or_else(drawn, Ok)?,
        sessions: settings.sessions as usize,
        rate: settings.rate,
        plant: settings.plant,
        silent: settings.json,
    })?;
    if settings.json {
        println!("{}", serde_json::to_string_pretty(&report).context("write the report as JSON")?);
    } else {
        println!("\n{}", report.text());
    }
    if let Some(directory) = &settings.report {
        write(&directory.join("report.md"), &report.markdown())?;
        write(&directory.join("plot.svg"), &report.plot())?;
    }
    Ok(report.is_good())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// A seed that nobody chose.
fn drawn() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?;
    Ok(Random::new(now.as_nanos() as u64).word())
}
