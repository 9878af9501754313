//! `anycast-ctl health …`

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Common, block_on, complete, output};
use crate::{api::client::Client, spelling::unknown};

mod page;

/// Show what checks say of the backends: their verdicts, since when, and why
///
/// Without a subcommand all of them, pool by pool. The exit code is 0 whatever the checks say; --json has `alarm` for scripts.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl health                        all pools
  anycast-ctl health --pool web             one pool
  anycast-ctl health show web web-2         one backend, with its last results
  anycast-ctl health --json | jq .alarm     whether somebody should look

The strip shows the last results, the newest on the right: the taller the longer it took, x failed, d asked to be drained,
? could not be asked.")]
pub struct Health {
    /// Only this pool
    #[arg(long, add = complete::pools())]
    pool: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one backend with its last results
    #[command(after_long_help = "Example:\n  anycast-ctl health show web web-2")]
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: String,
    /// Name of the backend
    #[arg(add = complete::backends())]
    name: String,
}

impl Health {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { pool, command } = self;
        if let Some(Command::Show(Show { pool, name })) = command {
            let found = block_on(client.backend_health(&pool, &name))?
                .with_context(|| format!("show the health of backend {name} of pool {pool}"))?;
            return output::show(common, &found, |found| page::one(&pool, found));
        }
        let mut health = block_on(client.health())?.context("ask the daemon for what its checks say")?;
        if let Some(wanted) = pool {
            if !health.pools.iter().any(|pool| pool.name == wanted) {
                let names = health.pools.iter().map(|pool| pool.name.as_str());
                anyhow::bail!("{}; only pools with checks are listed", unknown("pool", &wanted, names));
            }
            health.pools.retain(|pool| pool.name == wanted);
        }
        output::show(common, &health, page::all)
    }
}
