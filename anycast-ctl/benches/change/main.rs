//! From `backend add` to the first packet the new backend gets, in a pool of a thousand and a table of 65,537 slots.
//!
//! ```text
//! client: datagrams of many flows ──▶ edge: anycast-ctl run ──▶ backend1: gateway of a thousand backends
//!                                                          └──▶ backend2: added, removed, added …
//! ```
//!
//! Which of the client's flows the new backend will own is computed beforehand, so that there is always one on its way.
//! What the daemon does in between is read from its log.

#![expect(clippy::indexing_slicing, reason = "a benchmark panics when it is wrong")]

mod flows;
mod report;

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use anycast_ctl::{
    api::{
        call::{Call, Terms},
        client::Client,
        types::{BackendStatus, NewBackend},
    },
    dataplane::now_ticks,
};
use anyhow::{Context as _, ensure};
use clap::Parser;
use xtask::lab::{Family, OwnedLab, random::Random};

use crate::{
    flows::{Arrivals, Flows},
    report::{Report, Row, Times},
};

/// Backends before the new one comes.
const BACKENDS: usize = 1000;
/// Slots of the pool.
const SLOTS: u32 = 65_537;
const SEED: u64 = 0x0123_4567_89ab_cdef;
const PORT: u16 = 443;
/// Packets that are under way when a backend is removed have arrived after this.
const SETTLE: Duration = Duration::from_millis(30);

/// Adds and removes a backend of a lab again and again. Needs root.
#[derive(Parser)]
struct Options {
    /// Times the backend is added, for each way to ask.
    #[arg(long, default_value_t = 50)]
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

/// How the backend is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// By a request to the daemon's socket.
    Api,
    /// By a process of the command line.
    Cli,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let lab_options = xtask::lab::Options {
        backends: 1,
        spares: 1,
        binary: Some(env!("CARGO_BIN_EXE_anycast-ctl").into()),
        ..Default::default()
    };
    let mut lab = OwnedLab::start(&lab_options)?;
    // A thousand servers behind one gateway, which takes the packets of them all.
    let gateway = lab.plan().backends[0].addresses.v4.to_string();
    lab.run("edge", "ip", &["route", "add", "10.9.0.0/16", "via", &gateway])?;
    lab.start_controller_on(&site(&lab), &["--xdp-mode", "native", "--log", "debug"])?;
    while !lab.status()?.all_up() {
        thread::sleep(Duration::from_millis(50));
    }

    let flows = Flows::start(&lab)?;
    let arrivals = Arrivals::start(&lab)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut random = Random::new(u64::from(now_ticks()));
    let mut rows: Vec<Row> = Vec::new();
    for asked in [Asked::Api, Asked::Cli] {
        for known in [true, false] {
            rows.push(Row { asked: format!("{asked:?}").to_lowercase(), known, times: Vec::new() });
        }
    }
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        for (row, entry) in rows.iter().enumerate() {
            let asked = if entry.asked == "api" { Asked::Api } else { Asked::Cli };
            rounds.push((row, round(&lab, &runtime, &arrivals, asked, entry.known)?));
            // Not in step with anything the daemon does every few seconds.
            thread::sleep(SETTLE + random.within(&(Duration::ZERO..SETTLE)));
        }
    }
    flows.finish();
    let log = lab.controller_log()?;
    for (row, round) in rounds {
        rows[row].times.push(Times::of(&round, &log).context("reading the daemon's log")?);
    }
    let report = Report { backends: BACKENDS, slots: SLOTS, rows };
    if options.log {
        print!("{log}");
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report.figures())?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// When what happened.
struct Round {
    /// The wall clock's time when it was asked.
    asked_at: SystemTime,
    answered: Duration,
    arrived: Duration,
}

/// Adds the backend, waits for its first packet, and removes it.
fn round(
    lab: &OwnedLab,
    runtime: &tokio::runtime::Runtime,
    arrivals: &Arrivals,
    asked: Asked,
    known: bool,
) -> anyhow::Result<Round> {
    let spare = &lab.plan().spares[0];
    let address = spare.addresses.v4.to_string();
    // The kernel still knows it from the round before.
    if !known {
        lab.run("edge", "ip", &["neigh", "flush", "to", &address])?;
    }
    let client = Client::new(lab.socket());
    let pool = Family::V4.pool_name();
    let add = Call::add_backend(pool, &NewBackend::new(spare.name.clone(), spare.addresses.v4.into()));
    let remove = Call::remove_backend(pool, &spare.name);
    let terms = Terms::default();
    let mut command = Command::new(lab.binary()?);
    command.arg("--socket").arg(lab.socket()).args(["backend", "add", pool, &spare.name, &address]);
    command.stdout(Stdio::null());

    ensure!(arrivals.forget() == 0, "{} gets packets while it is in no pool", spare.name);
    let (asked_at, start) = (SystemTime::now(), Instant::now());
    match asked {
        Asked::Api => drop(runtime.block_on(client.change::<BackendStatus>(&add, &terms))?),
        Asked::Cli => ensure!(command.status()?.success(), "backend add failed"),
    }
    let answered = start.elapsed();
    let arrived = arrivals.first()?.duration_since(start);
    runtime.block_on(client.change::<BackendStatus>(&remove, &terms))?;
    thread::sleep(SETTLE);
    arrivals.forget();
    Ok(Round { asked_at, answered, arrived })
}

/// One pool of a thousand backends behind the v4 VIP.
fn site(lab: &OwnedLab) -> String {
    let mut site = format!(
        "interfaces = [\"eth0\"]\nseed = \"{SEED:016x}\"\n\n\
         [[vip]]\nname = \"www4\"\naddress = \"{}\"\nservices = [\"udp/{PORT}\"]\npool = \"web4\"\n\n\
         [[pool]]\nname = \"web4\"\nslots = {SLOTS}\n",
        lab.plan().vips.v4
    );
    for (number, address) in flows::addresses().enumerate() {
        site.push_str(&format!("[[pool.backend]]\nname = \"server{number}\"\naddress = \"{address}\"\n"));
    }
    site
}
