//! `anycast-ctl attach`, `detach` and `down`

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Args;
use tokio::{net::UnixStream, time::sleep};

use super::{Common, block_on, output};
use crate::{
    announce::{
        driver::Surroundings,
        lease::{self, Lease},
        watchdog,
    },
    api::{
        client::{Client, ClientError},
        types::{HookState, HookStatus},
    },
    bpffs::DEFAULT_BPFFS,
    instance,
    offline::Place,
};

/// How long a daemon may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Where to look when no daemon runs.
#[derive(Debug, Args)]
struct Offline {
    /// Directory of the store; without this, /var/lib/anycast/INSTANCE
    #[arg(long, value_name = "DIRECTORY", env = "ANYCAST_STATE_DIR")]
    state_dir: Option<PathBuf>,

    /// Directory on a bpffs under which program and maps are pinned
    #[arg(long, value_name = "DIRECTORY", env = "ANYCAST_BPFFS", default_value = DEFAULT_BPFFS)]
    bpffs: PathBuf,
}

/// Put the program on the interfaces again after `detach`
///
/// The daemon does it, if one runs. Otherwise the program that is pinned is attached, and steers by the tables it has.
#[derive(Debug, Args)]
pub struct Attach {
    #[command(flatten)]
    offline: Offline,
}

/// Take the program off the interfaces: packets go to this host's own stack
///
/// Maps, tables and remembered flows are kept, and so is the daemon. Stays so over restarts, until `attach`.
#[derive(Debug, Args)]
pub struct Detach {
    #[command(flatten)]
    offline: Offline,
}

/// End steering: remove program and maps, and stop the daemon
///
/// What is desired stays stored, and `run` steers by it again. Remembered flows and counters are gone. Does nothing when there is
/// nothing.
#[derive(Debug, Args)]
pub struct Down {
    #[command(flatten)]
    offline: Offline,
}

impl Attach {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        bring(HookState::Attached, self.offline, common, client)
    }
}

impl Detach {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        bring(HookState::Detached, self.offline, common, client)
    }
}

impl Down {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        bring(HookState::Down, self.offline, common, client)
    }
}

fn bring(state: HookState, offline: Offline, common: &Common, client: &Client) -> anyhow::Result<()> {
    let instance = common.instance.clone();
    let state_dir = offline.state_dir.unwrap_or_else(|| instance::state_dir(&instance));
    let place = Place { instance, bpffs: offline.bpffs, state_dir };
    let status = block_on(async {
        match client.hook(state).await {
            Err(ClientError::NoDaemon(_)) => {
                if state != HookState::Attached {
                    withdraw(common).await?;
                }
                place.bring(state).await
            }
            answer => {
                if state == HookState::Down {
                    wait_until_gone(&common.socket()).await;
                }
                Ok(answer?)
            }
        }
    })?;
    output::show(common, &status.context(doing(state))?, |status| text(*status))
}

/// Withdraws what a daemon that is gone left announced: packets would come, and not be steered.
async fn withdraw(common: &Common) -> anyhow::Result<()> {
    let surroundings = Surroundings::of(&common.instance, &common.socket());
    if let Some(lease) = Lease::read(&lease::path(&surroundings))?.filter(Lease::is_announced) {
        watchdog::withdraw(&surroundings, lease).await.context(
            "no daemon runs, and its routes are still announced: mend that first, or packets would come for nothing",
        )?;
    }
    Ok(())
}

/// The daemon ends after it answered; who starts another one next should not meet it.
async fn wait_until_gone(socket: &Path) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE && UnixStream::connect(socket).await.is_ok() {
        sleep(POLL).await;
    }
}

fn doing(state: HookState) -> &'static str {
    match state {
        HookState::Attached => "attach",
        HookState::Detached => "detach",
        HookState::Down => "take the dataplane down",
    }
}

fn text(status: HookStatus) -> String {
    let text = match (status.state, status.changed) {
        (HookState::Attached, true) => "attached",
        (HookState::Attached, false) => "attached, as before",
        (HookState::Detached, true) => "detached: `anycast-ctl attach` begins to steer again",
        (HookState::Detached, false) => "detached, as before",
        (HookState::Down, true) => "down: nothing is steered; what is desired stays stored",
        (HookState::Down, false) => "nothing is up: there was nothing to take down",
    };
    format!("{text}\n")
}
