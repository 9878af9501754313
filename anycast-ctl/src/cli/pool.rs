//! `anycast-ctl pool …`

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{
    Common, block_on, complete, output,
    table::{self, Align},
};
use crate::{
    api::{
        client::Client,
        types::{BackendState, PoolStatus},
    },
    model::{OnDown, UdpPolicy},
    period,
};

mod check;
mod drain;
mod edit;
mod map;
mod show;

/// Show and change the pools, their shares and their slot tables.
///
/// Every change is kept over restarts, and takes --dry-run, which prints what would change and changes nothing.
#[derive(Debug, Subcommand)]
pub enum Pool {
    /// List the pools with their policies
    List,
    /// Show a pool: wanted and actual shares, and what is in transition
    ///
    /// A slot is in transition while it remembers its base owner: the backend whose flows of before the last change may
    /// still live. New flows of such a slot are remembered as pins. It becomes stable when its base owner has seen no
    /// packet of it for the pool's idle timeout and no live pin points elsewhere; a drain's deadline forces it.
    #[command(
        after_long_help = "Example:\n  watch anycast-ctl pool show web                    how a drain goes on"
    )]
    Show(Show),
    /// Show the slot table of a pool
    ///
    /// Maglev spreads every backend's slots over the whole table, so a healthy map looks like noise, with each letter as
    /// often as its weight says.
    #[command(after_long_help = "\
Examples:
  anycast-ctl pool slots web --map                   a picture, 80 columns wide
  anycast-ctl pool slots web --json | jq '.runs[0]'  every slot, in runs that are alike")]
    Slots(Slots),
    /// Add a pool with its backends
    #[command(after_long_help = "\
Examples:
  anycast-ctl pool add web-next --backend web-5=10.0.0.15 --backend web-6=10.0.0.16
  anycast-ctl pool add dns --backend ns-1=10.0.0.53 --udp stateless --slots 1009")]
    Add(edit::Add),
    /// Change a pool; what is not named stays
    ///
    /// The slots, the hash policy and the seed of a pool stay as long as it does: another pool has others.
    #[command(after_long_help = "Example:\n  anycast-ctl pool set web --on-down keep --idle-timeout 10m")]
    Set(edit::Set),
    /// Say how the backends of a pool are checked; what is not named stays
    ///
    /// Keys are those of [pool.check] in site files: docs/reference/configuration.md lists them. A backend that is asked otherwise than
    /// before keeps its verdict until the answers say something else.
    #[command(after_long_help = "\
Examples:
  anycast-ctl pool check web type=http path=/health via=vip
  anycast-ctl pool check web fall=2 fast_interval=100ms --min-healthy 50%
  anycast-ctl pool check dns type=dns query=www.example transport=both
  anycast-ctl pool check web --none                  they are up while their next hops answer")]
    Check(check::Check),
    /// Remove a pool that no VIP uses
    #[command(
        after_long_help = "Example:\n  anycast-ctl vip set www --pool web-next && anycast-ctl pool remove web"
    )]
    Remove(edit::Remove),
    /// Give the backends of a pool no new flows; those they have live on
    ///
    /// The same as `backend drain` of each, in one revision and with one deadline. Disabled ones stay as they are. Nobody
    /// takes new flows of the VIPs of the pool then: what becomes of them is as its `on_empty` says.
    #[command(after_long_help = "\
Examples:
  anycast-ctl pool drain web --dry-run               which VIPs nobody serves then
  anycast-ctl pool drain web --deadline 30m --wait   until no flow of the pool is left
Maintenance of this edge host itself, once its routes are withdrawn:
  anycast-ctl pool drain --all --deadline 1h --wait
  (maintenance)
  anycast-ctl pool undrain --all")]
    Drain(drain::Drain),
    /// Give the draining backends of a pool new flows again
    ///
    /// All that are draining, whoever drained them. They get back the very slots they had.
    #[command(after_long_help = "Example:\n  anycast-ctl pool undrain web")]
    Undrain(drain::Undrain),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: String,
}

#[derive(Debug, Args)]
pub struct Slots {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: String,
    /// Draw the table, which is what this does unless --json is given
    #[arg(long, conflicts_with = "json")]
    map: bool,
}

impl Pool {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List => {
                let pools = block_on(client.pools())?.context("ask the daemon for its pools")?;
                output::show(common, &pools, |pools| list(pools))
            }
            Self::Show(Show { pool }) => {
                let pool = block_on(client.pool(&pool))?.with_context(|| format!("show pool {pool}"))?;
                output::show(common, &pool, show::page)
            }
            Self::Add(command) => command.execute(common, client),
            Self::Set(command) => command.execute(common, client),
            Self::Check(command) => command.execute(common, client),
            Self::Remove(command) => command.execute(common, client),
            Self::Drain(command) => command.execute(common, client),
            Self::Undrain(command) => command.execute(common, client),
            Self::Slots(Slots { pool, map: _ }) => {
                let slots =
                    block_on(client.slots(&pool))?.with_context(|| format!("show slots of pool {pool}"))?;
                output::show(common, &slots, |slots| map::draw(slots, colours()))
            }
        }
    }
}

/// Colours are for people who did not ask for none (<https://no-color.org>).
fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn list(pools: &[PoolStatus]) -> String {
    let columns = [
        ("POOL", Align::Left),
        ("UP", Align::Right),
        ("BACKENDS", Align::Right),
        ("SLOTS", Align::Right),
        ("IN TRANSITION", Align::Right),
        ("DELIVERY", Align::Left),
        ("UDP", Align::Left),
        ("ON DOWN", Align::Left),
        ("IDLE TIMEOUT", Align::Right),
    ];
    let rows = pools.iter().map(|pool| {
        let count = |wanted: fn(BackendState) -> bool| {
            pool.backends.iter().filter(|backend| wanted(backend.state)).count().to_string()
        };
        [
            pool.name.clone(),
            count(|state| state == BackendState::Up),
            count(|state| state != BackendState::Removed),
            pool.slots.to_string(),
            pool.transition.slots.to_string(),
            pool.delivery.to_string(),
            udp(pool.udp).to_owned(),
            on_down(pool.on_down).to_owned(),
            period::text(std::time::Duration::from_secs(pool.idle_timeout_seconds)),
        ]
    });
    table::render("", columns, rows)
}

const fn udp(policy: UdpPolicy) -> &'static str {
    match policy {
        UdpPolicy::Stateless => "stateless",
        UdpPolicy::Pinned => "pinned",
        UdpPolicy::Quic => "quic",
    }
}

const fn on_down(policy: OnDown) -> &'static str {
    match policy {
        OnDown::Reset => "reset",
        OnDown::Keep => "keep",
    }
}
