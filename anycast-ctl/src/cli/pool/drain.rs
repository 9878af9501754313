//! Drains of whole pools.

use clap::Args;

use crate::{
    api::{
        call::Call,
        client::Client,
        types::{BackendStatus, Committed, PoolStatus},
    },
    cli::{Common, change::Change, complete, drain, table},
};

/// One pool or all of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Name of the pool
    #[arg(add = complete::pools())]
    pool: Option<String>,
    /// Every pool: this edge host goes into maintenance
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub struct Drain {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    drain: drain::Terms,
}

#[derive(Debug, Args)]
pub struct Undrain {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    change: Change,
}

impl Drain {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { which: Which { pool, all: _ }, drain } = self;
        match pool {
            Some(pool) => of_pool(common, client, &pool, &drain),
            None => of_site(common, client, &drain),
        }
    }
}

fn of_pool(common: &Common, client: &Client, pool: &str, drain: &drain::Terms) -> anyhow::Result<()> {
    let errand = drain::Errand {
        verb: format!("drain pool {pool}"),
        what: format!("pool {pool}"),
        undo: format!("pool undrain {pool}"),
        call: Call::drain_pool(pool, &drain.body(false)),
        concerns: &|of: &PoolStatus, _: &BackendStatus| of.name == pool,
    };
    let text = |drained: &PoolStatus| {
        let draining = drained.backends.iter().filter(|it| it.drain.is_some()).count();
        format!(
            "draining pool {pool}: no new flows for its {draining} backends, those there are live on {}\n\
             `anycast-ctl pool show {pool}` says when it is empty; `pool undrain` takes it back.\n",
            drain.until()
        )
    };
    drain.carry_out(common, client, &errand, text, |pools| pools.iter().find(|it| it.name == pool).cloned())
}

fn of_site(common: &Common, client: &Client, drain: &drain::Terms) -> anyhow::Result<()> {
    let errand = drain::Errand {
        verb: "drain every pool".to_owned(),
        what: "every pool".to_owned(),
        undo: "pool undrain --all".to_owned(),
        call: Call::drain_site(&drain.body(false)),
        concerns: &|_: &PoolStatus, _: &BackendStatus| true,
    };
    let text = |committed: &Committed| {
        format!(
            "{}draining every pool: no new flows, those there are live on {}\n\
             `anycast-ctl status` says when it is empty; `pool undrain --all` takes it back.\n",
            committed.diff,
            drain.until()
        )
    };
    drain.carry_out(common, client, &errand, text, <[PoolStatus]>::to_vec)
}

impl Undrain {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { which: Which { pool, all: _ }, change } = self;
        let Some(pool) = pool else {
            let call = Call::undrain_site();
            return change.carry_out(common, client, "undrain every pool", &call, |it: &Committed| {
                let again = if it.changed { "again" } else { "already" };
                format!("{}every pool gets new flows {again}\n", it.diff)
            });
        };
        let verb = format!("undrain pool {pool}");
        change.carry_out(common, client, &verb, &Call::undrain_pool(&pool), |it: &PoolStatus| {
            format!("pool {pool} gets new flows again: {}\n", table::up(it))
        })
    }
}
