//! The largest sites one host takes: how long a cold start and a change of one backend take, what status and a scrape
//! of all metrics cost, and memory.
//!
//! The daemon is the real one, attached natively in a lab; its backends are a thousand addresses behind one gateway.

#![expect(clippy::indexing_slicing, reason = "a benchmark panics when it is wrong")]

mod memory;
mod report;
mod scrape;
mod site;

use std::{
    fs::File,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::{
    call::{Call, Terms},
    client::Client,
    types::BackendStatus,
};
use anyhow::{Context as _, ensure};
use clap::Parser;
use xtask::lab::OwnedLab;

use crate::{
    report::{Figures, Times},
    site::{SITES, Shape},
};

/// No daemon takes longer to start.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(1);

/// Who asks for one status after another waits this long at most for the next to be begun, which is no part of its cost.
const REST: Duration = Duration::from_secs(1);

/// Starts the daemon on large sites and changes them. Needs root.
#[derive(Parser)]
struct Options {
    /// Changes of one backend's weight, and questions for the status.
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Print what the daemon said.
    #[arg(long)]
    log: bool,
    /// Passed by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let figures: Vec<Figures> =
        SITES.iter().map(|shape| measure(shape, &options)).collect::<anyhow::Result<_>>()?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", report::table(&figures));
    }
    Ok(())
}

fn measure(shape: &Shape, options: &Options) -> anyhow::Result<Figures> {
    let lab_options = xtask::lab::Options {
        backends: 1,
        binary: Some(env!("CARGO_BIN_EXE_anycast-ctl").into()),
        ..Default::default()
    };
    let lab = OwnedLab::start(&lab_options)?;
    let gateway = lab.plan().backends[0].addresses.v4.to_string();
    lab.run("edge", "ip", &["route", "add", site::BACKENDS, "via", &gateway])?;
    let (config, log) = (lab.directory().join("scale.toml"), lab.directory().join("scale.log"));
    std::fs::write(&config, shape.to_toml())?;

    let start = Instant::now();
    let mut command = Command::new(lab.binary()?);
    command.args(["run", "--temporary", "--config"]).arg(&config).arg("--socket").arg(lab.socket());
    command.args(["--xdp-mode", "native", "--log", "debug"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    let mut daemon = lab.spawn("edge", command)?;
    loop {
        let text = std::fs::read_to_string(&log)?;
        if text.contains(" ready ") {
            break;
        }
        ensure!(
            daemon.try_wait()?.is_none() && start.elapsed() < PATIENCE,
            "the daemon does not start: {text}"
        );
        thread::sleep(POLL);
    }
    let cold_start = start.elapsed();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(lab.socket());
    let first = runtime.block_on(client.status()).context("the first status")?;
    let up = |backend: &BackendStatus| backend.slots > 0;
    ensure!(first.pools.iter().all(|pool| pool.backends.iter().all(up)), "not every backend has slots");

    let (mut changes, mut statuses) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let (pool, name) = shape.backend(round * 7);
        let weight = if round % 2 == 0 { 2 } else { 1 };
        let change = Call::weigh(&pool, &name, weight);
        let start = Instant::now();
        runtime.block_on(client.change::<serde_json::Value>(&change, &Terms::default()))?;
        changes.push(start.elapsed());
        thread::sleep(REST);
        let start = Instant::now();
        runtime.block_on(client.status())?;
        statuses.push(start.elapsed());
    }
    let status_bytes = serde_json::to_vec(&first)?.len();
    scrape::send_flows(&lab)?;
    let scrapes = scrape::measure(&lab, &runtime, &client, options.rounds)?;
    let figures = Figures {
        site: shape.name.to_owned(),
        cold_start_ms: cold_start.as_secs_f64() * 1e3,
        change: Times::of(changes),
        status: Times::of(statuses),
        status_bytes,
        scrapes,
        daemon_anonymous_bytes: memory::anonymous(daemon.id())?,
        maps_bytes: memory::maps(&lab)?,
    };
    if options.log {
        eprint!("{}", std::fs::read_to_string(&log)?);
    }
    daemon.stop()?;
    Ok(figures)
}
