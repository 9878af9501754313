//! What every command that drains takes, and how it is carried out.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::{Serialize, de::DeserializeOwned};

use super::{Common, block_on, change, change::Change, output};
use crate::{
    api::{
        call::Call,
        client::{Changed, Client},
        types::{BackendStatus, NewDrain, PoolStatus},
    },
    period,
};

mod progress;
mod wait;

pub use progress::Teller;

/// On which terms to drain.
#[derive(Clone, Debug, Args)]
pub struct Terms {
    /// Give up flows that still live after this long, as 90s, 10m or 1h30m
    #[arg(long, value_name = "PERIOD", value_parser = deadline)]
    deadline: Option<Duration>,

    /// Print what would change and what would break, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Only if revision N is still the newest: fails when somebody else changed something since
    #[arg(long, value_name = "N")]
    revision: Option<u64>,

    /// Return when no flow is left; fails after so many seconds, if a number is given. Tells on stderr how far it is. The drain
    /// goes on whether it is waited for or not
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          value_parser = clap::value_parser!(u64).range(1..))]
    wait: Option<Option<u64>>,
}

/// What is drained.
pub struct Errand<'a> {
    /// What errors are told as: `drain backend web-2 of pool web`.
    pub verb: String,
    /// What it is about: `web-2 of pool web`.
    pub what: String,
    /// The command that takes it back, without the program's name.
    pub undo: String,
    /// How it is asked for.
    pub call: Call,
    /// Whose flows are waited for.
    pub concerns: &'a dyn Fn(&PoolStatus, &BackendStatus) -> bool,
}

impl Terms {
    /// As the API has it.
    pub fn body(&self, remove: bool) -> NewDrain {
        NewDrain { deadline_seconds: self.deadline.map(|deadline| deadline.as_secs()), remove }
    }

    /// How long flows may live on, in words.
    pub fn until(&self) -> String {
        match self.deadline {
            Some(deadline) => format!("for {} at most", period::text(deadline)),
            None => "without a deadline".to_owned(),
        }
    }

    /// Drains, and prints what came of it, or what it would do; waits for the end of the flows if that is wanted, and then
    /// `last` picks from all pools what is printed as JSON.
    pub fn carry_out<T: DeserializeOwned + Serialize, S: Serialize>(
        &self,
        common: &Common,
        client: &Client,
        errand: &Errand<'_>,
        text: impl FnOnce(&T) -> String,
        last: impl FnOnce(&[PoolStatus]) -> S,
    ) -> anyhow::Result<()> {
        let change = Change::at_once(self.dry_run, self.revision);
        let Some(limit) = self.wait.filter(|_| !self.dry_run) else {
            return change.carry_out(common, client, &errand.verb, &errand.call, text);
        };
        let changed: Changed<T> = change::patiently(client, &errand.call, &change.terms.terms())?
            .with_context(|| errand.verb.clone())?;
        if !common.json {
            output::print(&format!("{}Revision {}.\n", text(&changed.value), changed.revision))?;
        }
        let limit = limit.map(Duration::from_secs);
        let pools = block_on(wait::until_empty(client, errand, limit))??;
        output::show(common, &last(&pools), |_| format!("{} has no flow left\n", errand.what))
    }
}

/// A drain's deadline, as wrong usage when it is none.
pub fn deadline(text: &str) -> Result<Duration, String> {
    match period::parse(text) {
        Ok(Duration::ZERO) => Err("0s would break every session at once: to do that, disable it".to_owned()),
        Ok(deadline) => Ok(deadline),
        Err(error) => Err(error.to_string()),
    }
}
