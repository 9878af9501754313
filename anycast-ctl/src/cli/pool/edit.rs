//! Changes of pools.

use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::{
    api::{
        call::Call,
        client::Client,
        types::{Committed, PoolStatus},
    },
    cli::{Common, change::Change, complete},
    model::{self, Backend, Delivery, HashPolicy, OnDown, OnEmpty, UdpPolicy, edit::PoolPatch},
    period,
};

#[derive(Debug, Args)]
pub struct Add {
    /// Name of the pool
    name: String,
    /// A server as NAME=ADDRESS, at least one; may be given again
    #[arg(long = "backend", value_name = "NAME=ADDRESS", required = true, value_parser = backend)]
    backends: Vec<Backend>,
    /// How packets get to those of its backends that do not say
    #[arg(long, value_name = "MODE", default_value = "l2")]
    delivery: Delivery,
    /// What of a packet decides which slot it falls into
    #[arg(long, value_name = "POLICY", default_value = "5-tuple")]
    hash: HashPolicy,
    /// Slots of its table: a prime, a hundred times as many as there will be backends
    #[arg(long, value_name = "N", default_value_t = model::DEFAULT_SLOTS)]
    slots: u32,
    /// How its UDP flows are remembered
    #[arg(long, value_name = "POLICY", default_value = "stateless")]
    udp: UdpPolicy,
    /// What becomes of the flows of a backend that is down
    #[arg(long, value_name = "WHAT", default_value = "reset")]
    on_down: OnDown,
    /// What happens to its packets while nobody of it is left
    #[arg(long, value_name = "WHAT", default_value = "drop")]
    on_empty: OnEmpty,
    /// How long a flow may be silent before it is taken for ended
    #[arg(long, value_name = "PERIOD", default_value = "5m", value_parser = period::parse)]
    idle_timeout: Duration,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true)
    .args(["delivery", "udp", "on_down", "on_empty", "idle_timeout"]))]
pub struct Set {
    /// Name of the pool
    #[arg(add = complete::pools())]
    name: String,
    /// How packets get to those of its backends that do not say
    #[arg(long, value_name = "MODE")]
    delivery: Option<Delivery>,
    /// How its UDP flows are remembered
    #[arg(long, value_name = "POLICY")]
    udp: Option<UdpPolicy>,
    /// What becomes of the flows of a backend that is down
    #[arg(long, value_name = "WHAT")]
    on_down: Option<OnDown>,
    /// What happens to its packets while nobody of it is left
    #[arg(long, value_name = "WHAT")]
    on_empty: Option<OnEmpty>,
    /// How long a flow may be silent before it is taken for ended
    #[arg(long, value_name = "PERIOD", value_parser = period::parse)]
    idle_timeout: Option<Duration>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Name of the pool
    #[arg(add = complete::pools())]
    name: String,
    #[command(flatten)]
    change: Change,
}

impl Add {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name, backends, delivery, hash, slots, udp, on_down, on_empty, idle_timeout, change } =
            self;
        let pool = model::Pool {
            delivery,
            hash,
            slots,
            udp,
            on_down,
            on_empty,
            idle_timeout,
            ..model::Pool::new(name, backends)
        };
        let verb = format!("add pool {}", pool.name);
        change.carry_out(common, client, &verb, &Call::add_pool(&pool), |pool: &PoolStatus| {
            format!("added pool {}: {} backends, {} slots\n", pool.name, pool.backends.len(), pool.slots)
        })
    }
}

impl Set {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name, delivery, udp, on_down, on_empty, idle_timeout, change } = self;
        let patch = PoolPatch { delivery, udp, on_down, on_empty, idle_timeout, ..PoolPatch::default() };
        let verb = format!("set pool {name}");
        change.carry_out(common, client, &verb, &Call::set_pool(&name, &patch), |pool: &PoolStatus| {
            format!(
                "pool {} has delivery {}, udp {}, on_down {}, on_empty {}, idle_timeout {}\n",
                pool.name,
                pool.delivery,
                model::label(&pool.udp),
                model::label(&pool.on_down),
                model::label(&pool.on_empty),
                period::text(Duration::from_secs(pool.idle_timeout_seconds)),
            )
        })
    }
}

impl Remove {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { name, change } = self;
        let verb = format!("remove pool {name}");
        change.carry_out(common, client, &verb, &Call::remove_pool(&name), |_: &Committed| {
            format!("removed pool {name}\n")
        })
    }
}

/// A backend as `NAME=ADDRESS`.
fn backend(text: &str) -> Result<Backend, String> {
    let (name, address) = text.split_once('=').ok_or("write it as NAME=ADDRESS, as in web-1=10.0.0.11")?;
    let address = address.parse().map_err(|_| format!("{address} is no IP address, as 10.0.0.11 is"))?;
    Ok(Backend::new(name, address))
}
