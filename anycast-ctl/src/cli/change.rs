//! What every command that changes something takes, and how it is carried out.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};

use super::{Common, block_on, output, plan};
use crate::api::{
    call::{Call, Terms},
    client::{Changed, Client, ClientError},
};

/// After this long somebody who looks on is told what is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// On which terms to make a change.
#[derive(Clone, Copy, Debug, Args)]
pub struct Change {
    /// Print what would change and what would break, and change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    pub terms: Agreed,
}

/// The terms apart from a dry run.
#[derive(Clone, Copy, Debug, Args)]
pub struct Agreed {
    /// Only if revision N is still the newest: fails when somebody else changed something since
    #[arg(long, value_name = "N")]
    revision: Option<u64>,

    /// Return when the dataplane has the change; fails after so many seconds, 10 if none are given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "10",
          value_parser = clap::value_parser!(u64).range(1..=600))]
    wait: Option<u64>,
}

impl Agreed {
    /// As the API has them.
    pub fn terms(self) -> Terms {
        Terms { revision: self.revision, wait: self.wait.map(Duration::from_secs) }
    }
}

impl Change {
    /// A change whose command waits in a way of its own, if it does.
    pub fn at_once(dry_run: bool, revision: Option<u64>) -> Self {
        Self { dry_run, terms: Agreed { revision, wait: None } }
    }

    /// Makes a change and prints what came of it, or prints what it would do. Errors are told as "`verb`: …".
    pub fn carry_out<T: DeserializeOwned + Serialize>(
        &self,
        common: &Common,
        client: &Client,
        verb: &str,
        call: &Call,
        text: impl FnOnce(&T) -> String,
    ) -> anyhow::Result<()> {
        let terms = self.terms.terms();
        if self.dry_run {
            let plan = block_on(client.plan(call, &terms))?.with_context(|| verb.to_owned())?;
            return output::show(common, &plan, plan::page);
        }
        let changed: Changed<T> = patiently(client, call, &terms)?.with_context(|| verb.to_owned())?;
        let revision = changed.revision;
        output::show(common, &changed.value, |value| format!("{}Revision {revision}.\n", text(value)))?;
        arrived(&changed, &terms)
    }
}

/// Makes a change, and tells somebody who looks on what is waited for.
pub fn patiently<T: DeserializeOwned>(
    client: &Client,
    call: &Call,
    terms: &Terms,
) -> anyhow::Result<Result<Changed<T>, ClientError>> {
    let looked_on = terms.wait.is_some() && io::stderr().is_terminal();
    block_on(async {
        let change = client.change(call, terms);
        tokio::pin!(change);
        let begun = Instant::now();
        let mut told = false;
        let changed = loop {
            tokio::select! {
                changed = &mut change => break changed,
                () = sleep(PATIENCE), if looked_on => {
                    told = true;
                    let seconds = begun.elapsed().as_secs();
                    let _ = write!(io::stderr(), "\rwaiting for the dataplane… {seconds} s");
                }
            }
        };
        if told {
            // The line goes as it came.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        changed
    })
}

/// Complains of a change that was waited for in vain.
pub fn arrived<T>(changed: &Changed<T>, terms: &Terms) -> anyhow::Result<()> {
    if let (false, Some(wait)) = (changed.in_time, terms.wait) {
        bail!(
            "revision {} is stored and desired, but the dataplane does not have all of it after {} s: `anycast-ctl status` \
             says why",
            changed.revision,
            wait.as_secs()
        );
    }
    Ok(())
}
