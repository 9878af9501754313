//! Backends as they are.

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{
    api::client::Client,
    cli::{Common, block_on, complete, output, table},
    spelling::{quoted, unknown},
};

#[derive(Debug, Args)]
pub struct List {
    /// Only this pool
    #[arg(long, add = complete::pools())]
    pool: Option<String>,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: String,
    /// Name of the backend
    #[arg(add = complete::backends())]
    name: String,
}

impl List {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
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

impl Show {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { pool, name } = self;
        let mut found = block_on(client.pool(&pool))?.with_context(|| format!("show pool {pool}"))?;
        if !found.backends.iter().any(|backend| backend.name == name) {
            let names = found.backends.iter().map(|backend| backend.name.as_str());
            bail!(unknown(&format!("backend of pool {}", quoted(&pool)), &name, names));
        }
        found.backends.retain(|backend| backend.name == name);
        // One that was removed may share its name with one that is there.
        let backend = found.backends.first().context("show the backend")?.clone();
        output::show(common, &backend, |_| table::pool(&found))
    }
}
