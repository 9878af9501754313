//! `cargo xtask demo`: the whole thing at work, in under a minute; with two sites, in about one.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    compile,
    lab::{
        Family, Lab, Options, OwnedLab, Plan, commands::print_hints, controller::Status, holder::Lease,
        require_root,
    },
    setup::{self, Mode},
    signals,
};

mod bars;
pub(crate) mod client;
mod ledger;
mod sites;
mod verdict;

use bars::Bars;
use client::Traffic;
use verdict::{Change, Phase};

/// How often the picture is redrawn.
const FRAME: Duration = Duration::from_millis(200);
/// How long a backend may take from `backend add` to the first flow.
const UP_WITHIN: Duration = Duration::from_secs(5);
/// Backends that are added while traffic flows.
const SPARES: usize = 1;
/// Name of the lab that `--keep` leaves.
const KEPT_NAME: &str = "demo";
const WRONG: &str = "the demo found something wrong; see above";

/// How the demo runs.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Servers in the pools at the start; one more is added while traffic flows
    #[arg(long, default_value_t = 4)]
    backends: usize,
    /// How long traffic flows
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(6..=3600))]
    seconds: u64,
    /// Connections a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..=5000))]
    rate: u32,
    /// Leave the lab running and print commands to try in it
    #[arg(long)]
    keep: bool,
    /// Sites. With two, each with two edge hosts, the daemons announce the VIPs by BGP, and for a minute it is shown who takes
    /// over from whom: all servers of a site die, a site is drained with long sessions on it, an edge falls silent, a daemon
    /// is killed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2), conflicts_with_all = ["backends", "seconds", "keep"])]
    sites: u8,
}

impl Settings {
    /// As the command line has them, with so many sites.
    #[must_use]
    pub const fn with_sites(sites: u8) -> Self {
        Self { backends: 4, seconds: 15, rate: 1000, keep: false, sites }
    }
}

/// Runs it; anything but a good verdict is an error.
pub fn demo(settings: &Settings) -> Result<()> {
    if settings.backends < 2 {
        bail!("run the demo with {} backends: it removes one, so at least 2 are needed", settings.backends);
    }
    Plan::new(settings.backends, SPARES)?;
    require_root()?;
    setup::setup(Mode::Install)?;
    let binary = compile::build(&compile::Options::default())?.binary;
    signals::catch()?;
    if settings.sites == 2 {
        return if sites::demo(binary, settings.rate)? { Ok(()) } else { bail!(WRONG) };
    }

    println!("starting a lab: client, router, edge, {} backends and a spare", settings.backends);
    let name = settings.keep.then(|| KEPT_NAME.to_owned());
    let options = Options {
        name,
        backends: settings.backends,
        spares: SPARES,
        binary: Some(binary),
        ..Options::default()
    };
    let stage = Stage::start(&options, settings.keep)?;
    let good = run(stage.lab(), settings);
    if signals::check().is_ok() {
        stage.finish()?;
    }
    if good? { Ok(()) } else { bail!(WRONG) }
}

/// The lab, owned by this process or by a holder that can outlive it.
enum Stage {
    Owned(OwnedLab),
    Leased { lease: Lease, lab: Lab },
}

impl Stage {
    fn start(options: &Options, keep: bool) -> Result<Self> {
        if keep {
            let lease = Lease::start(options, true)?;
            let lab = lease.open()?;
            return Ok(Self::Leased { lease, lab });
        }
        let mut lab = OwnedLab::start(options)?;
        lab.start_controller(&[])?;
        Ok(Self::Owned(lab))
    }

    fn lab(&self) -> &Lab {
        match self {
            Self::Owned(lab) => lab,
            Self::Leased { lab, .. } => lab,
        }
    }

    fn finish(self) -> Result<()> {
        if let Self::Leased { lease, lab } = self {
            lease.keep()?;
            print_hints(&lab);
        }
        Ok(())
    }
}

/// Traffic, two changes, the books, the verdict.
fn run(lab: &Lab, settings: &Settings) -> Result<bool> {
    signals::check()?;
    let spare = lab.plan().spares.first().context("find the spare backend")?;
    let leaving = lab.plan().backends.get(1).context("find the backend to remove")?;
    let status = lab.status()?;
    for interface in &status.interfaces {
        println!("the controller steers on {} ({} XDP)", interface.name, interface.mode);
    }
    let vips = lab.plan().vips;
    println!(
        "opening {} connections a second from the client to {} and {} for {} s\n",
        settings.rate, vips.v4, vips.v6, settings.seconds
    );
    let baseline = ledger::baseline(lab)?;
    let third = Duration::from_secs(settings.seconds) / 3;
    let mut show = Show {
        bars: Bars::new(lab.plan().servers().map(|host| host.name.clone()).collect()),
        traffic: Traffic::start(lab, settings.rate)?,
        seen: 0,
    };

    show.until(third)?;
    let mut phases = vec![phase(&status, Duration::ZERO, show.traffic.elapsed())];
    let added = show.change(|bars| {
        for family in Family::ALL {
            let address = spare.addresses.of(family).to_string();
            command(lab, bars, &["backend", "add", family.pool_name(), &spare.name, &address])?;
        }
        wait_until_up(lab)
    })?;

    show.until(2 * third)?;
    phases.push(phase(&lab.status()?, added.ended, show.traffic.elapsed()));
    let removed = show.change(|bars| {
        for family in Family::ALL {
            command(lab, bars, &["backend", "remove", family.pool_name(), &leaving.name])?;
        }
        Ok(())
    })?;

    show.until(3 * third)?;
    phases.push(phase(&lab.status()?, removed.ended, Duration::MAX));
    let connections = show.finish()?;

    let ledger = ledger::read(lab, &baseline, &connections)?;
    println!("\n{}", ledger.table());
    println!("{}", ledger.leftovers());
    let checks = verdict::judge(&connections, &[added, removed], &phases, &ledger);
    Ok(verdict::pronounce(&checks))
}

/// The traffic and the picture of it.
struct Show {
    bars: Bars,
    traffic: Traffic,
    seen: usize,
}

impl Show {
    /// Draws until the traffic has run this long.
    fn until(&mut self, end: Duration) -> Result<()> {
        while self.traffic.elapsed() < end {
            signals::sleep(FRAME)?;
            self.draw()?;
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        let ended = self.traffic.since(self.seen);
        self.seen += ended.len();
        let elapsed = self.traffic.elapsed();
        self.bars.add(ended, elapsed);
        self.bars.draw(elapsed)
    }

    fn change(&mut self, work: impl FnOnce(&mut Bars) -> Result<()>) -> Result<Change> {
        let began = self.traffic.elapsed();
        work(&mut self.bars)?;
        let ended = self.traffic.elapsed();
        self.draw()?;
        Ok(Change { began, ended })
    }

    fn finish(mut self) -> Result<Vec<client::Connection>> {
        self.draw()?;
        self.traffic.finish()
    }
}

/// Runs the command line as an operator would, and shows it.
fn command(lab: &Lab, bars: &mut Bars, arguments: &[&str]) -> Result<()> {
    bars.note(&format!("  $ anycast-ctl {}", arguments.join(" ")))?;
    lab.ctl(arguments)?;
    Ok(())
}

fn wait_until_up(lab: &Lab) -> Result<()> {
    let start = std::time::Instant::now();
    while !lab.status()?.all_up() {
        if start.elapsed() > UP_WITHIN {
            bail!("wait for the added backend: it is not up after {UP_WITHIN:?}");
        }
        signals::sleep(Duration::from_millis(50))?;
    }
    Ok(())
}

/// The shares of the slots while nothing changes.
fn phase(status: &Status, began: Duration, ended: Duration) -> Phase {
    let mut shares = Vec::new();
    for family in Family::ALL {
        let pool = status.pools.iter().find(|pool| pool.name == family.pool_name());
        for (pool, backend) in
            pool.iter().flat_map(|pool| pool.backends.iter().map(move |backend| (pool, backend)))
        {
            if backend.slots > 0 {
                let share = f64::from(backend.slots) / f64::from(pool.slots.max(1));
                shares.push((family, backend.name.clone(), share));
            }
        }
    }
    Phase { began, ended, shares }
}

/// With separators: 12,345.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(1_234_567), "1,234,567");
    }
}
