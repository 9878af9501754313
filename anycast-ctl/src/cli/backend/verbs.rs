//! Changes of backends.

use std::net::IpAddr;

use clap::{ArgGroup, Args, ValueEnum};

use crate::{
    api::{
        call::Call,
        client::Client,
        types::{BackendState, BackendStatus, PoolStatus},
    },
    cli::{Common, change::Change, complete, drain, output, table},
    model::{self, Delivery, WhenDrained, edit::BackendPatch},
};

#[derive(Debug, Args)]
pub struct Add {
    /// Name of the pool
    #[arg(add = complete::pools())]
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
    delivery: Option<Delivery>,
    /// It takes new flows only while none of the others may that are no backups
    #[arg(long)]
    backup: bool,
    #[command(flatten)]
    change: Change,
}

/// A backend to change.
#[derive(Debug, Args)]
pub struct Target {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: String,
    /// Name of the backend
    #[arg(add = complete::backends())]
    name: String,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Undrain {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Disable {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Enable {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub struct Drain {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: String,
    /// Name of the backend
    #[arg(add = complete::backends())]
    name: String,
    /// Remove it when no flow of it is left, unless it is the last of its pool
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    drain: drain::Terms,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true)
    .args(["address", "weight", "delivery", "backup", "when_drained"]))]
pub struct Set {
    #[command(flatten)]
    target: Target,
    /// The server's own address (not the VIP)
    #[arg(long)]
    address: Option<IpAddr>,
    /// Share of the pool's new flows, relative to the other weights
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    weight: Option<u32>,
    /// How packets get to it: l2, ipip, gue or local; pool: as its pool has it
    #[arg(long, value_name = "MODE", value_parser = delivery)]
    delivery: Option<Way>,
    /// Whether it takes new flows only while none of the others may that are no backups
    #[arg(long, value_name = "BOOL")]
    backup: Option<bool>,
    /// What becomes of it when it is draining and no flow of it is left; `undrain` sets it to keep
    #[arg(long, value_name = "WHAT")]
    when_drained: Option<WhenDrained>,
}

/// A delivery of its own, or the pool's.
#[derive(Clone, Copy, Debug)]
struct Way(Option<Delivery>);

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Verdict {
    /// It may be steered to
    Up,
    /// It may not
    Down,
}

impl Target {
    /// Name of the pool.
    pub fn pool(&self) -> &str {
        &self.pool
    }

    /// Name of the backend.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a change, or prints what it would do. Errors are told as "`verb` pool web: …".
    pub fn change(
        &self,
        common: &Common,
        client: &Client,
        verb: &str,
        call: &Call,
        text: impl FnOnce(&str, &BackendStatus) -> String,
    ) -> anyhow::Result<()> {
        let Self { pool, name, change } = self;
        let (to, of) = verb.split_once(' ').unwrap_or((verb, "of"));
        change.carry_out(common, client, &format!("{to} backend {name} {of} pool {pool}"), call, |it| {
            text(pool, it)
        })
    }
}

impl Add {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { pool, name, address, weight, delivery, backup, change } = self;
        let backend =
            model::Backend { weight, delivery, backup, ..model::Backend::new(name.clone(), address) };
        let call = Call::add_backend(&pool, &backend);
        Target { pool, name, change }.change(common, client, "add to", &call, |pool, added| {
            let BackendStatus { name, address, weight, .. } = added;
            format!("added {name} ({address}) to pool {pool}: weight {weight}, {}\n", standing(added))
        })
    }
}

impl Remove {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let call = Call::remove_backend(&self.target.pool, &self.target.name);
        self.target.change(common, client, "remove from", &call, |pool, removed| {
            let [packets, bytes, new_flows] = table::traffic(&removed.traffic);
            format!(
                "removed {} ({}) from pool {pool}: it got {packets} packets, {bytes}, {new_flows} new flows\n",
                removed.name, removed.address
            )
        })
    }
}

impl Set {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { target, address, weight, delivery, backup, when_drained } = self;
        let delivery = delivery.map(|Way(delivery)| delivery);
        let patch =
            BackendPatch { address, weight, delivery, backup, when_drained, ..BackendPatch::default() };
        let call = Call::set_backend(&target.pool, &target.name, &patch);
        target.change(common, client, "set", &call, |pool, it| {
            let BackendStatus { name, address, weight, delivery, .. } = it;
            format!(
                "{name} of pool {pool} has address {address}, weight {weight}, delivery {delivery}: {}\n",
                standing(it)
            )
        })
    }
}

impl Drain {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { pool, name, remove, drain } = self;
        let call = Call::drain(&pool, &name, &drain.body(remove));
        let is_it = |of: &PoolStatus, it: &BackendStatus| of.name == pool && it.name == name;
        let errand = drain::Errand {
            verb: format!("drain backend {name} of pool {pool}"),
            what: format!("{name} of pool {pool}"),
            undo: format!("backend undrain {pool} {name}"),
            call,
            concerns: &is_it,
        };
        let terms = drain.clone();
        let text = |drained: &BackendStatus| {
            if drained.drain.is_some_and(|drain| drain.last) {
                output::warn(&format!("{name} is the last backend of pool {pool}: it is not removed"));
            }
            let removes = drained.drain.is_some_and(|drain| drain.removes);
            format!(
                "draining {} of pool {pool}: no new flows, those it has live on {}{}\n\
                 `anycast-ctl pool show {pool}` says when it is empty; `backend undrain` takes it back.\n",
                drained.name,
                terms.until(),
                if removes { ", and then it is removed" } else { "" }
            )
        };
        drain.carry_out(common, client, &errand, text, |pools| {
            pools.iter().find_map(|of| of.backends.iter().find(|it| is_it(of, it))).cloned()
        })
    }
}

impl Undrain {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let call = Call::undrain(&self.target.pool, &self.target.name);
        self.target.change(common, client, "undrain", &call, |pool, it| {
            format!("{} of pool {pool} gets new flows again: {}\n", it.name, standing(it))
        })
    }
}

impl Disable {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let call = Call::disable(&self.target.pool, &self.target.name);
        self.target.change(common, client, "disable", &call, |pool, it| {
            format!("disabled {} of pool {pool}: no flows; `backend enable` takes it back\n", it.name)
        })
    }
}

impl Enable {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let call = Call::enable(&self.target.pool, &self.target.name);
        self.target.change(common, client, "enable", &call, |pool, it| {
            format!("{} of pool {pool} gets flows again: {}\n", it.name, standing(it))
        })
    }
}

impl Weight {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { target, weight } = self;
        let call = Call::weigh(&target.pool, &target.name, weight);
        target.change(common, client, "weigh", &call, |pool, it| {
            format!("{} of pool {pool} has weight {}: {}\n", it.name, it.weight, standing(it))
        })
    }
}

impl Mark {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { target, verdict } = self;
        let call = Call::mark(&target.pool, &target.name, verdict == Verdict::Up);
        target.change(common, client, "mark", &call, |pool, it| {
            let word = if verdict == Verdict::Up { "up" } else { "down" };
            format!("marked {} of pool {pool} {word}: {}\n", it.name, standing(it))
        })
    }
}

/// How a backend that was just changed stands.
fn standing(backend: &BackendStatus) -> String {
    match backend.state {
        BackendState::Up if backend.backup && backend.slots_wanted == 0 => {
            format!("up, a backup: no slots while others take flows, {}", table::way(backend))
        }
        BackendState::Up => format!("up, {} slots, {}", backend.slots, table::way(backend)),
        BackendState::Unresolved => format!("unresolved, no slots yet ({})", table::way(backend)),
        BackendState::Waiting => "waiting for its first checks, no slots yet".to_owned(),
        BackendState::Draining | BackendState::Disabled | BackendState::Down | BackendState::Removed => {
            format!("{}, {} slots", table::state(backend.state), backend.slots)
        }
    }
}

/// A delivery, or `pool`.
fn delivery(text: &str) -> Result<Way, String> {
    match text {
        "pool" => Ok(Way(None)),
        other => Delivery::from_str(other, false)
            .map(|delivery| Way(Some(delivery)))
            .map_err(|_| "give l2, ipip, gue or local, or pool for that of the pool".to_owned()),
    }
}
