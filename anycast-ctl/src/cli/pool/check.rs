//! `anycast-ctl pool check`: how the backends of a pool are checked.

use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::{
    api::{call::Call, client::Client, types::PoolStatus},
    cli::{Common, change::Change, complete},
    config::pairs,
    model::{Check as Keys, MinHealthy, Percent, RampCurve, Unchecked, edit::PoolPatch},
    period,
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true)
    .args(["keys", "none", "unchecked", "panic_threshold", "min_healthy", "slow_start", "slow_start_curve"]))]
pub struct Check {
    /// Name of the pool
    #[arg(add = complete::pools())]
    name: String,
    /// A key of the check and its value, as in site files; keys that are not named stay
    #[arg(value_name = "KEY=VALUE", value_parser = pairs::check)]
    keys: Vec<Keys>,
    /// Check nothing: backends are up while their next hops answer
    #[arg(long, conflicts_with = "keys")]
    none: bool,
    /// What becomes of a backend that no check has judged yet
    #[arg(long, value_name = "WHAT")]
    unchecked: Option<Unchecked>,
    /// When more than this share of the backends fails at once, nobody is taken out
    #[arg(long, value_name = "SHARE")]
    panic_threshold: Option<Percent>,
    /// How many backends, or which share of them, must be healthy
    #[arg(long, value_name = "N|SHARE")]
    min_healthy: Option<MinHealthy>,
    /// How long the share of a backend that comes up takes to grow; 0s: no time
    #[arg(long, value_name = "PERIOD", value_parser = period::parse)]
    slow_start: Option<Duration>,
    /// How it grows
    #[arg(long, value_name = "CURVE")]
    slow_start_curve: Option<RampCurve>,
    #[command(flatten)]
    change: Change,
}

impl Check {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self {
            name,
            keys,
            none,
            unchecked,
            panic_threshold,
            min_healthy,
            slow_start,
            slow_start_curve,
            change,
        } = self;
        let check = match (none, keys.is_empty()) {
            (true, _) => Some(None),
            (false, true) => None,
            (false, false) => Some(Some(Box::new(pairs::merged(&keys)))),
        };
        let patch = PoolPatch {
            check,
            unchecked,
            panic_threshold,
            min_healthy: min_healthy.map(Some),
            slow_start,
            slow_start_curve,
            ..PoolPatch::default()
        };
        let verb = format!("set the check of pool {name}");
        change.carry_out(common, client, &verb, &Call::set_pool(&name, &patch), |pool: &PoolStatus| {
            format!(
                "pool {}:{patch}\n`anycast-ctl health --pool {}` shows what the checks say\n",
                pool.name, pool.name
            )
        })
    }
}
