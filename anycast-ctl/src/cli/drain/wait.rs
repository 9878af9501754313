//! Waits until no flow of what was drained is left.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep};

use super::{Errand, progress::Teller};
use crate::api::{
    client::{Client, ClientError},
    types::{BackendState, BackendStatus, PoolStatus},
};

/// How often the daemon is asked.
const POLL: Duration = Duration::from_millis(500);

/// How long a daemon may be away: it is restarted, or upgraded.
const AWAY: Duration = Duration::from_secs(60);

/// A backend that is waited for. Its name may be another's by the time it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    pool: String,
    name: String,
    address: IpAddr,
}

/// What is left of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Backends that are not done.
    pub backends: usize,
    /// Remembered flows of theirs.
    pub flows: u64,
    /// Slots that wait for flows of theirs that are not remembered.
    pub slots: u32,
    /// Seconds to the last of their deadlines; `None`: one of them has none.
    pub seconds: Option<u64>,
}

/// Asks until nothing is left; answers the pools as they are then.
pub async fn until_empty(
    client: &Client,
    errand: &Errand<'_>,
    limit: Option<Duration>,
) -> anyhow::Result<Vec<PoolStatus>> {
    let Errand { what, undo, concerns, .. } = errand;
    let begun = Instant::now();
    let mut teller = Teller::new(what);
    let mut targets: Option<Vec<Target>> = None;
    let mut heard = begun;
    let mut left = Left::default();
    loop {
        match client.pools().await {
            Ok(pools) => {
                heard = Instant::now();
                let targets = targets.get_or_insert_with(|| draining(&pools, concerns));
                left = look(targets, &pools)?;
                if left.backends == 0 {
                    return Ok(pools);
                }
                teller.tell(&left);
            }
            Err(error) if is_passing(&error) && heard.elapsed() < AWAY => teller.tell_away(),
            Err(error) => return Err(error).context("ask the daemon how far the drain is; it goes on"),
        }
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            bail!(
                "{what} still has flows after {} s: {}; the drain goes on, `anycast-ctl {undo}` takes it back",
                limit.unwrap_or_default().as_secs(),
                left
            );
        }
        let rest = limit.map_or(POLL, |limit| POLL.min(limit.saturating_sub(begun.elapsed())));
        tokio::select! {
            () = sleep(rest) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("watch for Ctrl-C")?;
                bail!("interrupted; the drain of {what} goes on, `anycast-ctl {undo}` takes it back");
            }
        }
    }
}

/// Whether a daemon that is being restarted answers so.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::NoDaemon(_)
        | ClientError::Connect(..)
        | ClientError::Timeout(..)
        | ClientError::Http(_)
        | ClientError::Refused { status: 503, .. } => true,
        ClientError::Denied(_)
        | ClientError::Answer(_)
        | ClientError::Unshown(_)
        | ClientError::Refused { .. } => false,
    }
}

/// Those that are concerned and draining.
fn draining(pools: &[PoolStatus], concerns: &dyn Fn(&PoolStatus, &BackendStatus) -> bool) -> Vec<Target> {
    let backends = pools.iter().flat_map(|pool| pool.backends.iter().map(move |backend| (pool, backend)));
    let draining = backends.filter(|(pool, backend)| backend.drain.is_some() && concerns(pool, backend));
    draining
        .map(|(pool, backend)| Target {
            pool: pool.name.clone(),
            name: backend.name.clone(),
            address: backend.address,
        })
        .collect()
}

/// How far they are. One that is to be removed is done when it is.
///
/// # Errors
///
/// When somebody took one back.
fn look(targets: &[Target], pools: &[PoolStatus]) -> anyhow::Result<Left> {
    let mut left = Left { seconds: Some(0), ..Left::default() };
    for target in targets {
        let backend = pools.iter().filter(|pool| pool.name == target.pool).flat_map(|pool| &pool.backends);
        let Some(backend) = backend.into_iter().find(|backend| backend.address == target.address) else {
            continue;
        };
        let Some(drain) = backend.drain else {
            match backend.state {
                BackendState::Removed | BackendState::Disabled => continue,
                BackendState::Up
                | BackendState::Draining
                | BackendState::Down
                | BackendState::Waiting
                | BackendState::Unresolved => {
                    bail!("{} of pool {} is no longer draining: it was taken back", target.name, target.pool)
                }
            }
        };
        if drain.empty && !drain.removes {
            continue;
        }
        left.backends += 1;
        left.flows += drain.flows;
        left.slots += drain.slots;
        left.seconds = left.seconds.zip(drain.remaining_seconds).map(|(most, this)| most.max(this));
    }
    Ok(left)
}
