//! What happens to routes when the daemon is gone.

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    announce::{
        driver::Surroundings,
        lease::{self, Lease},
        watchdog,
    },
    api::client::Client,
    cli::{Common, block_on, output, run},
    privilege,
    service::Service,
};

/// Watch the lease of announced routes, and withdraw them when the daemon gives no sign of life
///
/// The daemon renews the lease while it lives; when it has not for the time that `lease` under `[announce]` says, this withdraws
/// its routes from the routing daemon, by the same means. It needs no daemon, stays in the foreground and logs to stderr. Run it
/// as a service of its own, so that nothing ends both. Packets that still come are steered on.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  anycast-ctl announce watchdog")]
pub struct Watchdog {
    /// What to log: error, warn, info, debug, trace
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info", value_parser = run::filter)]
    log: String,
}

/// Withdraw what a daemon that has ended left announced, without waiting for the lease
///
/// For ExecStopPost= of a systemd unit. With on_stop = "keep" it does nothing: the routes stay for the time of the lease, as the
/// next daemon is to take them over; --force withdraws them all the same. It is refused while a daemon runs.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  anycast-ctl announce release\n  anycast-ctl announce release --force"
)]
pub struct Release {
    /// Also where on_stop = "keep"
    #[arg(long)]
    force: bool,
}

/// What came of a release.
#[derive(Debug, Serialize)]
struct Released {
    /// Routes that were withdrawn.
    withdrawn: usize,
    /// Routes that stay for the time of the lease.
    kept: usize,
}

impl Watchdog {
    pub fn execute(self, common: &Common) -> anyhow::Result<()> {
        let rights = privilege::confine(&privilege::ROUTES).context("drop privileges")?;
        let _log = run::start_log(&self.log)?;
        rights.tell();
        let surroundings = Surroundings::of(&common.instance, &common.socket());
        let mut service = Service::from_environment();
        block_on(async {
            tokio::select! {
                ended = watchdog::watch(&surroundings, &mut service) => ended.context("watch the lease"),
                ended = run::until_told() => ended,
            }
        })?
    }
}

impl Release {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let _ = privilege::confine(&privilege::ROUTES).context("drop privileges")?;
        if block_on(client.announcements())?.is_ok() {
            bail!(
                "release the routes: a daemon runs on {}; `anycast-ctl announce withdraw` or `anycast-ctl site drain` \
                 ask it to withdraw them",
                common.socket().display()
            );
        }
        let surroundings = Surroundings::of(&common.instance, &common.socket());
        let lease = Lease::read(&lease::path(&surroundings)).context("release the routes")?;
        let Some(lease) = lease.filter(Lease::is_announced) else {
            let released = Released { withdrawn: 0, kept: 0 };
            return output::show(common, &released, |_| "no routes are left announced\n".to_owned());
        };
        if !self.force && !lease.goes_with_the_daemon() {
            let kept = lease.wanted.len();
            let released = Released { withdrawn: 0, kept };
            return output::show(common, &released, |_| {
                format!("{kept} routes stay for the time of the lease, as on_stop = \"keep\" has it\n")
            });
        }
        let withdrawn = block_on(watchdog::withdraw(&surroundings, lease))??;
        output::show(common, &Released { withdrawn, kept: 0 }, |_| format!("withdrew {withdrawn} routes\n"))
    }
}
