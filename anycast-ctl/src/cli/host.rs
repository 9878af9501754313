//! `anycast-ctl host …`

use std::net::IpAddr;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{
    Common, block_on,
    change::Change,
    complete, drain, output,
    table::{self, Align},
    unit,
};
use crate::api::{
    call::Call,
    client::Client,
    types::{BackendState, BackendStatus, HostStatus, PoolBackendStatus, PoolStatus},
};

/// Show servers by their address, and take one out of all its pools for maintenance.
///
/// A host is every backend with one address, in whatever pools and under whatever names.
#[derive(Debug, Subcommand)]
pub enum Host {
    /// List the servers with their pools and states
    List,
    /// Give a server no new flows, in all its pools; those it has live on
    ///
    /// The same as `backend drain` of each of its backends, in one revision and with one deadline. Disabled ones stay as
    /// they are.
    #[command(after_long_help = "\
Examples, a server that is to be rebooted:
  anycast-ctl host drain 10.0.0.12 --deadline 30m --wait
  (reboot)
  anycast-ctl host undrain 10.0.0.12

One that goes for good:
  anycast-ctl host drain 10.0.0.12 --remove")]
    Drain(Drain),
    /// Give a draining server new flows again, in all its pools
    #[command(after_long_help = "Example:\n  anycast-ctl host undrain 10.0.0.12")]
    Undrain(Undrain),
}

#[derive(Debug, Args)]
pub struct Drain {
    /// The server's own address (not the VIP)
    #[arg(add = complete::hosts())]
    address: IpAddr,
    /// Remove it from each pool when no flow of it is left there, unless it is the last of that pool
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    drain: drain::Terms,
}

#[derive(Debug, Args)]
pub struct Undrain {
    /// The server's own address (not the VIP)
    #[arg(add = complete::hosts())]
    address: IpAddr,
    #[command(flatten)]
    change: Change,
}

impl Host {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List => {
                let hosts = block_on(client.hosts())?.context("ask the daemon for its hosts")?;
                output::show(common, &hosts, |hosts| list(hosts))
            }
            Self::Drain(command) => command.execute(common, client),
            Self::Undrain(command) => command.execute(common, client),
        }
    }
}

impl Drain {
    fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { address, remove, drain } = self;
        let errand = drain::Errand {
            verb: format!("drain host {address}"),
            what: format!("host {address}"),
            undo: format!("host undrain {address}"),
            call: Call::drain_host(address, &drain.body(remove)),
            concerns: &|_: &PoolStatus, it: &BackendStatus| it.address == address,
        };
        let text = |host: &HostStatus| {
            let draining = || host.backends.iter().filter_map(|it| Some((it, it.backend.drain?)));
            for (it, _) in draining().filter(|(_, drain)| drain.last) {
                let name = &it.backend.name;
                output::warn(&format!("{name} is the last backend of pool {}: it is not removed", it.pool));
            }
            let names: Vec<String> = draining().map(|(it, _)| in_pool(it)).collect();
            format!(
                "draining host {address}: no new flows for {}, those there are live on {}\n\
                 `anycast-ctl host list` says when it is empty; `host undrain` takes it back.\n",
                names.join(", "),
                drain.until()
            )
        };
        drain.carry_out(common, client, &errand, text, |pools| HostStatus::find(pools, address))
    }
}

impl Undrain {
    fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { address, change } = self;
        let verb = format!("undrain host {address}");
        change.carry_out(common, client, &verb, &Call::undrain_host(address), |host: &HostStatus| {
            let present = host.backends.iter().filter(|it| it.backend.state != BackendState::Removed);
            let states: Vec<String> =
                present.map(|it| format!("{} {}", in_pool(it), table::standing(&it.backend))).collect();
            format!("host {address} gets new flows again: {}\n", states.join(", "))
        })
    }
}

fn in_pool(it: &PoolBackendStatus) -> String {
    format!("{}/{}", it.pool, it.backend.name)
}

/// A line for each backend, under its host.
fn list(hosts: &[HostStatus]) -> String {
    let columns = [
        ("ADDRESS", Align::Left),
        ("POOL", Align::Left),
        ("BACKEND", Align::Left),
        ("STATE", Align::Left),
        ("WEIGHT", Align::Right),
        ("SLOTS", Align::Right),
        ("PINS", Align::Right),
        ("NEXT HOP", Align::Left),
    ];
    let rows = hosts.iter().flat_map(|host| {
        host.backends.iter().enumerate().map(|(place, PoolBackendStatus { pool, backend })| {
            [
                if place == 0 { host.address.to_string() } else { String::new() },
                pool.clone(),
                backend.name.clone(),
                table::standing(backend),
                backend.weight.to_string(),
                backend.slots.to_string(),
                unit::count(backend.pins),
                table::way(backend),
            ]
        })
    });
    table::render("", columns, rows)
}
