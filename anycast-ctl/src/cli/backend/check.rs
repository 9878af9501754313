//! `anycast-ctl backend check`: what one backend is asked otherwise than its pool's others.

use clap::{ArgGroup, Args};

use super::verbs::Target;
use crate::{
    api::{call::Call, client::Client},
    cli::Common,
    config::pairs,
    model::{Check as Keys, edit::BackendPatch},
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["keys", "none"]))]
pub struct Check {
    #[command(flatten)]
    target: Target,
    /// A key of the check and its value, as in site files; keys that are not named stay
    #[arg(value_name = "KEY=VALUE", value_parser = pairs::check)]
    keys: Vec<Keys>,
    /// Ask it what its pool's others are asked
    #[arg(long, conflicts_with = "keys")]
    none: bool,
}

impl Check {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { target, keys, none } = self;
        let check = (!none).then(|| Box::new(pairs::merged(&keys)));
        let patch = BackendPatch { check: Some(check), ..BackendPatch::default() };
        let call = Call::set_backend(target.pool(), target.name(), &patch);
        target.change(common, client, "set the check of", &call, |pool, it| {
            format!(
                "{} of pool {pool}:{patch}\n`anycast-ctl health show {pool} {}` shows what the checks say\n",
                it.name, it.name
            )
        })
    }
}
