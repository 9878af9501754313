//! `anycast-ctl backend …`

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::{Common, block_on, output, plan, table};
use crate::{
    api::{
        client::Client,
        types::{BackendState, BackendStatus, Change},
    },
    model, period,
    spelling::unknown,
};

/// Show and change the backends of a pool.
///
/// Every change takes --dry-run: it prints which slots would move, what is known of the live flows, and which sessions
/// would break, and changes nothing.
#[derive(Debug, Subcommand)]
pub enum Backend {
    /// List the backends with their state, share and traffic
    List(List),
    /// Add a backend to a pool
    ///
    /// It gets its share of the slots as soon as its next hop answers. Flows that are under way stay where they are. The
    /// change lasts until the daemon restarts: write the backend into the configuration file to keep it.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend add web web-4 10.0.0.14 --weight 2
  anycast-ctl backend add web far-1 10.9.0.11 --delivery ipip    in another network")]
    Add(Add),
    /// Remove a backend from a pool, at once
    ///
    /// Its slots go to the other backends, which end the sessions it has with a RST. To keep these, drain it first. The
    /// change lasts until the daemon restarts: take the backend out of the configuration file too.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend remove web web-4 --dry-run     which sessions would break
  anycast-ctl backend drain web web-4                let them end, then remove it")]
    Remove(Remove),
    /// Give a backend no new flows; those it has live on
    ///
    /// Its slots go to the other backends, and its flows keep reaching it: until they end, or until the deadline, when
    /// those that still live are given up and end with a RST. Without a deadline they are waited for until `backend
    /// undrain` or `backend remove`. Draining a backend that is draining sets its deadline anew.
    #[command(after_long_help = "\
Examples, a deploy on web-2:
  anycast-ctl backend drain web web-2 --deadline 10m
  anycast-ctl pool show web                          until no slot has web-2 as its base owner
  (deploy)
  anycast-ctl backend undrain web web-2")]
    Drain(Drain),
    /// Give a draining backend new flows again
    ///
    /// It gets back the very slots it had. Flows that began elsewhere in the meantime stay where they are.
    #[command(after_long_help = "Example:\n  anycast-ctl backend undrain web web-2")]
    Undrain(Undrain),
    /// Set the share of new flows a backend gets
    ///
    /// A backend of weight 2 gets twice the slots of one of weight 1. Flows that are under way stay where they are. The
    /// change lasts until the daemon restarts: write the weight into the configuration file to keep it.
    #[command(after_long_help = "\
Examples, a careful start of a fresh server among others of weight 100:
  anycast-ctl backend weight web web-4 1
  anycast-ctl backend weight web web-4 10 --dry-run
  anycast-ctl backend weight web web-4 100")]
    Weight(Weight),
    /// Declare a backend up or down: your own verdict on its health
    ///
    /// One that is down gets no new flows. What becomes of its flows is its pool's `on_down`: `reset` sends them to other
    /// backends, whose RST tells the clients at once, `keep` leaves them on it. One marked up may be steered to when its
    /// next hop answers.
    #[command(after_long_help = "\
Examples:
  anycast-ctl backend mark web web-2 down            it burns
  anycast-ctl backend mark web web-2 up              it is back")]
    Mark(Mark),
}

/// Whether to make a change.
#[derive(Clone, Copy, Debug, Args)]
struct DryRun {
    /// Print what would change and what would break, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only this pool
    #[arg(long)]
    pool: Option<String>,
}

#[derive(Debug, Args)]
pub struct Add {
    /// Name of the pool
    pool: String,
    /// Name of the backend, unique in the pool
    name: String,
    /// The server's own address (not the VIP)
    address: IpAddr,
    /// Share of the pool's new flows, relative to the other weights
    #[arg(long, value_name = "N", default_value_t = model::default_weight(), value_parser = clap::value_parser!(u32).range(1..))]
    weight: u32,
    /// How packets get to it; without this as its pool has it
    #[arg(long, value_name = "MODE")]
    delivery: Option<model::Delivery>,
    #[command(flatten)]
    dry_run: DryRun,
}

#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Drain {
    #[command(flatten)]
    target: Target,
    /// Give up flows that still live after this long, as 90s, 10m or 1h30m
    #[arg(long, value_name = "PERIOD", value_parser = deadline)]
    deadline: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct Undrain {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Weight {
    #[command(flatten)]
    target: Target,
    /// Share of the pool's new flows, relative to the other weights; at least 1
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    weight: u32,
}

#[derive(Debug, Args)]
pub struct Mark {
    #[command(flatten)]
    target: Target,
    /// The verdict
    verdict: Verdict,
}

/// A backend to change.
#[derive(Debug, Args)]
struct Target {
    /// Name of the pool
    pool: String,
    /// Name of the backend
    name: String,
    #[command(flatten)]
    dry_run: DryRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Verdict {
    /// It may be steered to
    Up,
    /// It may not
    Down,
}

impl Backend {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.execute(common, client),
            Self::Add(command) => command.execute(common, client),
            Self::Remove(Remove { target }) => {
                let change = Change::Remove { name: target.name.clone() };
                target.change(common, client, &format!("remove backend {} from", target.name), &change, |pool, removed| {
                    let [packets, bytes, new_flows] = table::traffic(&removed.traffic);
                    format!(
                        "removed {} ({}) from pool {pool}: it got {packets} packets, {bytes}, {new_flows} new flows\n\
                         This lasts until the daemon restarts: take it out of the configuration file too.\n",
                        removed.name, removed.address
                    )
                })
            }
            Self::Drain(Drain { target, deadline }) => {
                let change = Change::Drain { name: target.name.clone(), deadline };
                target.change(common, client, &format!("drain backend {} of", target.name), &change, |pool, drained| {
                    let until = match drained.drain.and_then(|drain| drain.remaining_seconds) {
                        Some(seconds) => {
                            format!("for {} at most", period::text(Duration::from_secs(seconds)))
                        }
                        None => "without a deadline".to_owned(),
                    };
                    format!(
                        "draining {} of pool {pool}: no new flows, those it has live on {until}\n\
                         `anycast-ctl pool show {pool}` says when it is empty; `backend undrain` takes it back.\n",
                        drained.name
                    )
                })
            }
            Self::Undrain(Undrain { target }) => {
                let change = Change::Undrain { name: target.name.clone() };
                target.change(
                    common,
                    client,
                    &format!("undrain backend {} of", target.name),
                    &change,
                    |pool, backend| {
                        format!(
                            "{} of pool {pool} gets new flows again: {}\n",
                            backend.name,
                            standing(backend)
                        )
                    },
                )
            }
            Self::Weight(Weight { target, weight }) => {
                let change = Change::Weight { name: target.name.clone(), weight };
                target.change(common, client, &format!("weigh backend {} of", target.name), &change, |pool, backend| {
                    format!(
                        "{} of pool {pool} has weight {}: {}\n\
                         This lasts until the daemon restarts: write it into the configuration file to keep it.\n",
                        backend.name,
                        backend.weight,
                        standing(backend)
                    )
                })
            }
            Self::Mark(Mark { target, verdict }) => {
                let change = Change::Mark { name: target.name.clone(), up: verdict == Verdict::Up };
                target.change(
                    common,
                    client,
                    &format!("mark backend {} of", target.name),
                    &change,
                    |pool, backend| {
                        let word = if verdict == Verdict::Up { "up" } else { "down" };
                        format!("marked {} of pool {pool} {word}: {}\n", backend.name, standing(backend))
                    },
                )
            }
        }
    }
}

impl Target {
    /// Makes a change, or prints what it would do. Errors are told as "`verb` pool web: …".
    fn change(
        &self,
        common: &Common,
        client: &Client,
        verb: &str,
        change: &Change,
        text: impl FnOnce(&str, &BackendStatus) -> String,
    ) -> anyhow::Result<()> {
        let Self { pool, dry_run, .. } = self;
        let context = || format!("{verb} pool {pool}");
        if dry_run.dry_run {
            let plan = block_on(client.plan(pool, change))?.with_context(context)?;
            return output::show(common, &plan, |status| plan::page(status, change));
        }
        let backend = block_on(client.change(pool, change))?.with_context(context)?;
        output::show(common, &backend, |backend| text(pool, backend))
    }
}

impl List {
    fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let mut pools = block_on(client.pools())?.context("ask the daemon for its pools")?;
        if let Some(wanted) = self.pool {
            if !pools.iter().any(|pool| pool.name == wanted) {
                bail!(unknown("pool", &wanted, pools.iter().map(|pool| pool.name.as_str())));
            }
            pools.retain(|pool| pool.name == wanted);
        }
        output::show(common, &pools, |pools| pools.iter().map(table::pool).collect::<Vec<_>>().join("\n"))
    }
}

impl Add {
    fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { pool, name, address, weight, delivery, dry_run } = self;
        let change =
            Change::Add(model::Backend { weight, delivery, ..model::Backend::new(name.clone(), address) });
        let verb = format!("add backend {name} to");
        Target { pool, name, dry_run }.change(common, client, &verb, &change, |pool, added| {
            format!(
                "added {} ({}) to pool {pool}: weight {}, {}\n\
                 This lasts until the daemon restarts: add it to the configuration file to keep it.\n",
                added.name,
                added.address,
                added.weight,
                standing(added)
            )
        })
    }
}

/// How a backend that was just changed stands.
fn standing(backend: &BackendStatus) -> String {
    match backend.state {
        BackendState::Up => format!("up, {} slots, {}", backend.slots, table::way(backend)),
        BackendState::Unresolved => format!("unresolved, no slots yet ({})", table::way(backend)),
        BackendState::Draining | BackendState::Disabled | BackendState::Down | BackendState::Removed => {
            format!("{}, {} slots", table::state(backend.state), backend.slots)
        }
    }
}

/// A drain's deadline, as wrong usage when it is none.
fn deadline(text: &str) -> Result<Duration, String> {
    match period::parse(text) {
        Ok(Duration::ZERO) => Err("0s would break every session at once: to do that, remove it".to_owned()),
        Ok(deadline) => Ok(deadline),
        Err(error) => Err(error.to_string()),
    }
}
