//! `anycast-ctl backend …`

use std::net::IpAddr;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{Common, block_on, output, table};
use crate::{
    api::{
        client::Client,
        types::{BackendState, BackendStatus},
    },
    model,
    spelling::unknown,
};

/// Show and change the backends of a pool.
#[derive(Debug, Subcommand)]
pub enum Backend {
    /// List the backends with their state, share and traffic
    List(List),
    /// Add a backend to a pool
    ///
    /// It gets its share of the slots as soon as its next hop answers. The change lasts until the daemon restarts:
    /// write the backend into the configuration file to keep it.
    #[command(after_long_help = "Example:\n  anycast-ctl backend add web web-4 10.0.0.14 --weight 2")]
    Add(Add),
    /// Remove a backend from a pool
    ///
    /// Its slots go to the other backends, and with them the connections it has. The change lasts until the daemon
    /// restarts: take the backend out of the configuration file too.
    Remove(Remove),
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
    /// The server's own address (not the VIP), on a segment this host reaches
    address: IpAddr,
    /// Share of the pool's new flows, relative to the other weights
    #[arg(long, value_name = "N", default_value_t = model::default_weight(), value_parser = clap::value_parser!(u32).range(1..))]
    weight: u32,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Name of the pool
    pool: String,
    /// Name of the backend
    name: String,
}

impl Backend {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.execute(common, client),
            Self::Add(command) => command.execute(common, client),
            Self::Remove(command) => command.execute(common, client),
        }
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
        let Self { pool, name, address, weight } = self;
        let backend = model::Backend { name, address, weight };
        let added = block_on(client.add_backend(&pool, &backend))?
            .with_context(|| format!("add backend {} to pool {pool}", backend.name))?;
        output::show(common, &added, |added| {
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

impl Remove {
    fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { pool, name } = self;
        let removed = block_on(client.remove_backend(&pool, &name))?
            .with_context(|| format!("remove backend {name} from pool {pool}"))?;
        output::show(common, &removed, |removed| {
            let [packets, bytes, new_flows] = table::traffic(&removed.traffic);
            format!(
                "removed {} ({}) from pool {pool}: it got {packets} packets, {bytes}, {new_flows} new flows\n\
                 This lasts until the daemon restarts: take it out of the configuration file too.\n",
                removed.name, removed.address
            )
        })
    }
}

/// How a backend that was just added stands.
fn standing(backend: &BackendStatus) -> String {
    match backend.state {
        BackendState::Up => format!("up, {} slots, {}", backend.slots, table::way(backend)),
        BackendState::Unresolved | BackendState::Removed => {
            format!("{}, no slots yet ({})", table::state(backend.state), table::way(backend))
        }
    }
}
