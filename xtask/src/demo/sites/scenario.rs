//! What happens in the demo, in order.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{
    A, B, LOOK, Stage,
    announce::{self, BY_DAEMON, Level},
    sessions::Held,
};
use crate::lab::Process;

/// A site drain waits so long for sessions at most.
const DEADLINE: &str = "20s";
/// BFD notices a silent neighbour after three missed packets of 50 ms, and BGP alone after its hold time of 90 s.
const BFD_WITHIN: Duration = Duration::from_secs(10);

/// Plays it to the end.
pub fn play(stage: &mut Stage) -> Result<()> {
    let start = stage.traffic.elapsed();
    stage.look(LOOK)?;
    stage.books.serves("a", start, stage.traffic.elapsed());
    if BY_DAEMON {
        backends_die(stage)?;
    }
    site_leaves(stage)?;
    edge_falls_silent(stage)?;
    controller_is_killed(stage)
}

/// All backends of site a die: its daemons withdraw. They come back, and so do the routes.
fn backends_die(stage: &mut Stage) -> Result<()> {
    let backends: Vec<String> = stage
        .sites
        .plan()
        .sites
        .iter()
        .take(1)
        .flat_map(|site| &site.backends)
        .map(|host| host.name.clone())
        .collect();
    stage.say("all web servers of site a die");
    let (began, moment) = (stage.traffic.elapsed(), Instant::now());
    backends.iter().try_for_each(|backend| stage.sites.stop_server(backend))?;
    let took = stage.wait_for_routes(moment, &B)?;
    let moved = stage.traffic.elapsed();
    stage.books.forgive(began, moved);
    stage.books.find(
        true,
        format!("routes moved {} ms after the last backend of site a had died", took.as_millis()),
    );
    stage.look(LOOK)?;
    stage.books.serves("b", moved, stage.traffic.elapsed());
    stage.say("they are started again");
    let moment = Instant::now();
    backends.iter().try_for_each(|backend| stage.sites.start_server(backend))?;
    stage.wait_for_routes(moment, &A)?;
    back_at_a(stage)
}

/// Site a is drained with sessions on it: new flows are the other site's, and routes move when the old ones have ended.
fn site_leaves(stage: &mut Stage) -> Result<()> {
    let held = Held::open(stage)?;
    let moment = Instant::now();
    let mut drain = Drain::begin(stage)?;
    let began = stage.traffic.elapsed();
    stage.look(LOOK)?;
    held.finish(stage)?;
    drain.finish(stage)?;
    stage.wait_for_routes(moment, &B)?;
    stage.look(LOOK)?;
    stage.books.serves("b", began, stage.traffic.elapsed());

    let moment = Instant::now();
    if BY_DAEMON {
        A.iter().try_for_each(|edge| stage.ctl(edge, &["site", "undrain"]))?;
    } else {
        stage.say("site a comes back");
        A.iter().try_for_each(|edge| turn(stage, edge, 1, 0))?;
        wait_until_settled(stage)?;
        A.iter().try_for_each(|edge| announce::by_hand(&stage.sites, edge, Level::Announced))?;
    }
    stage.wait_for_routes(moment, &A)?;
    back_at_a(stage)
}

/// A drain of site a that is under way: `site drain` on its edges, or what that has to do, in its order.
struct Drain {
    commands: Vec<Process>,
}

impl Drain {
    fn begin(stage: &Stage) -> Result<Self> {
        let words = ["site", "drain", "--wait", "--deadline", DEADLINE];
        if BY_DAEMON {
            stage.say(&format!("a1, a2 $ anycast-ctl {}", words.join(" ")));
            let commands = A.iter().map(|edge| stage.sites.start_ctl(edge, &words)).collect::<Result<_>>()?;
            return Ok(Self { commands });
        }
        stage.say("site a drains: new flows go through tunnels to site b's backends, those it has live on");
        A.iter().try_for_each(|edge| turn(stage, edge, 0, 1))?;
        Ok(Self { commands: Vec::new() })
    }

    fn finish(&mut self, stage: &mut Stage) -> Result<()> {
        if BY_DAEMON {
            return stage.wait_for("site a is drained", |_| {
                let mut ended = true;
                for command in &mut self.commands {
                    match command.try_wait()? {
                        None => ended = false,
                        Some(status) if status.success() => {}
                        Some(status) => bail!("drain site a: {} ended with {status}", command.name()),
                    }
                }
                Ok(ended)
            });
        }
        wait_until_settled(stage)?;
        stage.say("nobody is left on its backends: its edges announce GRACEFUL_SHUTDOWN, then nothing");
        A.iter().try_for_each(|edge| announce::by_hand(&stage.sites, edge, Level::ShuttingDown))?;
        stage.look(Duration::from_millis(500))?;
        A.iter().try_for_each(|edge| announce::by_hand(&stage.sites, edge, Level::Withdrawn))
    }
}

/// Has an edge send new flows to one site's backends, and none to the other's.
fn turn(stage: &Stage, edge: &str, from: usize, to: usize) -> Result<()> {
    for (verb, number) in [("undrain", to), ("drain", from)] {
        let site = stage.sites.plan().sites.get(number).context("find a site")?;
        for address in site
            .backends
            .iter()
            .flat_map(|host| [host.addresses.v4.to_string(), host.addresses.v6.to_string()])
        {
            stage.sites.ctl(edge, &["host", verb, &address])?;
        }
    }
    Ok(())
}

/// Draws until no slot of site a's edges remembers an earlier owner: from then on every edge steers a flow alike.
fn wait_until_settled(stage: &mut Stage) -> Result<()> {
    stage.wait_for("no slot is in transition", |sites| {
        A.iter().try_fold(true, |all, edge| {
            let pools = sites.edge(edge)?.status()?.pools;
            Ok(all && pools.iter().all(|pool| pool.transition.slots == 0))
        })
    })
}

/// An edge falls silent, its links up: BFD has transit send everything to the other one.
fn edge_falls_silent(stage: &mut Stage) -> Result<()> {
    stage.say("a1 falls silent; its links stay up");
    let (began, moment) = (stage.traffic.elapsed(), Instant::now());
    stage.sites.cut("a1")?;
    let took = stage.wait_for_routes(moment, &["a2"])?;
    stage.books.find(took < BFD_WITHIN, format!("BFD noticed a silent edge within {} ms", took.as_millis()));
    stage.look(LOOK)?;
    stage.say("a1 is back");
    let moment = Instant::now();
    stage.sites.mend("a1")?;
    stage.wait_for_routes(moment, &A)?;
    stage.books.serves("a", began, stage.traffic.elapsed());
    back_at_a(stage)
}

/// The daemon on an edge is killed. Packets are steered on; its routes go with the lease, and come back with the next daemon.
fn controller_is_killed(stage: &mut Stage) -> Result<()> {
    stage.say("the daemon on a1 is killed; its program steers on");
    let (began, moment) = (stage.traffic.elapsed(), Instant::now());
    stage.sites.kill_daemon("a1")?;
    if BY_DAEMON {
        let took = stage.wait_for_routes(moment, &["a2"])?;
        let text = format!(
            "the routes of a killed daemon were withdrawn after {} ms, by its lease",
            took.as_millis()
        );
        stage.books.find(true, text);
    }
    stage.look(LOOK)?;
    stage.say("it is started again");
    let moment = Instant::now();
    stage.sites.start_daemon("a1", None, &[])?;
    if BY_DAEMON {
        stage.wait_for_routes(moment, &A)?;
    }
    stage.books.serves("a", began, stage.traffic.elapsed());
    back_at_a(stage)
}

/// Shows that all is as it was.
fn back_at_a(stage: &mut Stage) -> Result<()> {
    let began = stage.traffic.elapsed();
    stage.look(LOOK)?;
    stage.books.serves("a", began, stage.traffic.elapsed());
    Ok(())
}
