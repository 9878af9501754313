//! `anycast-ctl site …`

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use tokio::time::{Instant, sleep};

use super::{Common, announce, block_on, drain, output, unit};
use crate::{
    announce::{driver::Level, machine::Phase},
    api::{
        call::Call,
        client::Client,
        types::{AnnounceStatus, NewMaintenance, RatesStatus, VipAnnouncement},
    },
};

/// How often the daemon is asked.
const POLL: Duration = Duration::from_millis(500);

/// Take the whole site out of service for maintenance, and back.
#[derive(Debug, Subcommand)]
pub enum Site {
    /// Give clients to other sites, without breaking sessions before the deadline
    ///
    /// New flows go to the backups of each pool, which are another site's servers, if it has any; flows that are left live on.
    /// When they are over, or the deadline has passed, routers are told that the routes are about to go (RFC 8326), and then
    /// they are withdrawn. In pools without backups, routers are told at once: sessions move with the route, and break. Run it
    /// on each edge host of the site. It is remembered over restarts until `site undrain`.
    #[command(after_long_help = "\
Examples, a site with one edge host:
  anycast-ctl site drain --deadline 30m --wait
  (maintenance)
  anycast-ctl site undrain

A site with several, on each of them:
  anycast-ctl site drain --deadline 30m --hold --wait    returns when this host is ready to leave
  anycast-ctl site drain --wait                          when all are")]
    Drain(Drain),
    /// Take the site into service again
    #[command(after_long_help = "Example:\n  anycast-ctl site undrain")]
    Undrain,
}

#[derive(Debug, Args)]
pub struct Drain {
    /// Give up flows that still live after this long, as 90s, 10m or 1h30m
    #[arg(long, value_name = "PERIOD", value_parser = drain::deadline)]
    deadline: Option<Duration>,

    /// Let routes stay though they could leave, until `site drain` is given again without this. For sites with several edge
    /// hosts, which are to leave together: with one gone, ECMP moves its flows to another one that does not know them yet
    #[arg(long)]
    hold: bool,

    /// Return when nothing is announced any more, with --hold when all could leave; fails after so many seconds, if a number is given. Tells on stderr how far
    /// it is. The drain goes on whether it is waited for or not
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          value_parser = clap::value_parser!(u64).range(1..))]
    wait: Option<Option<u64>>,
}

impl Site {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        match self {
            Self::Drain(command) => command.execute(common, client),
            Self::Undrain => {
                let status = block_on(client.announce(&Call::end_maintenance()))?;
                let status: AnnounceStatus = status.context("take the site into service")?;
                output::show(common, &status, |status| {
                    format!("the site is in service again: {}\n", status.summary)
                })
            }
        }
    }
}

impl Drain {
    fn execute(self, common: &Common, client: &Client) -> anyhow::Result<()> {
        let Self { deadline, hold, wait } = self;
        let deadline_seconds = deadline.map(|deadline| deadline.as_secs());
        let body = NewMaintenance { deadline_seconds, hold };
        let status = block_on(client.announce(&Call::begin_maintenance(&body)))?;
        let mut status: AnnounceStatus = status.context("drain the site")?;
        if let Some(limit) = wait {
            let limit = limit.map(Duration::from_secs);
            if !common.json {
                output::print(&announce::all(&status))?;
            }
            status = block_on(until_gone(client, limit))??;
        }
        output::show(common, &status, announce::all)
    }
}

/// Asks until nothing is announced.
async fn until_gone(client: &Client, limit: Option<Duration>) -> anyhow::Result<AnnounceStatus> {
    let begun = Instant::now();
    let mut teller = drain::Teller::new("the site");
    loop {
        let status =
            client.announcements().await.context("ask the daemon how far the drain is; it goes on")?;
        if status.maintenance.is_none() {
            bail!("the site is no longer drained: it was taken back");
        }
        let left = left(&status);
        let Some(left) = left else { return Ok(status) };
        teller.say(&format!("draining the site: {left}"));
        if let Some(limit) = limit.filter(|limit| begun.elapsed() >= *limit) {
            bail!(
                "the site is still announced after {} s: {left}; the drain goes on, `anycast-ctl site undrain` takes it back",
                limit.as_secs()
            );
        }
        tokio::select! {
            () = sleep(POLL) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("watch for Ctrl-C")?;
                bail!("interrupted; the drain goes on, `anycast-ctl site undrain` takes it back");
            }
        }
    }
}

/// What is still announced, and not ready to leave where that is enough; `None`: nothing, and no routing daemon says otherwise.
fn left(status: &AnnounceStatus) -> Option<String> {
    let holds = status.maintenance.as_ref().is_some_and(|maintenance| maintenance.holds);
    let is_done = |vip: &VipAnnouncement| vip.phase == Phase::Withdrawn || holds && vip.ready;
    let left: Vec<&VipAnnouncement> = status.vips.iter().filter(|vip| !is_done(vip)).collect();
    if left.is_empty() {
        // What the routing daemon has all the same, or may have, as it cannot be asked.
        let has =
            |vip: &&VipAnnouncement| vip.seen.as_ref().is_some_and(|seen| seen.level != Level::Withdrawn);
        let kept = status.vips.iter().filter(|vip| vip.phase == Phase::Withdrawn).find(has);
        let error = status.daemon.as_ref().and_then(|daemon| daemon.error.clone());
        return error.or_else(|| Some(format!("the routing daemon still has VIP {}", kept?.name)));
    }
    let traffic = |of: fn(&RatesStatus) -> u64| {
        unit::count(left.iter().filter_map(|vip| vip.traffic.as_ref()).map(of).sum())
    };
    let lingering = left.iter().filter(|vip| vip.phase == Phase::Lingering).count();
    Some(if lingering > 0 {
        let own = traffic(|rates| rates.own_packets_per_second);
        format!(
            "{lingering} of {} VIPs wait for flows that are left, {own} packets/s of them",
            status.vips.len()
        )
    } else {
        let packets = traffic(|rates| rates.packets_per_second);
        format!("routers are told of {} VIPs, {packets} packets/s still come", left.len())
    })
}
