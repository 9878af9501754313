//! What happens in the demo, in order.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{A, B, LEASE, books::Fault, drain, stage::Stage};
use crate::lab::controller::Status;

/// BFD notices a silent neighbour after three missed packets of 50 ms, and BGP alone after its hold time of 90 s.
const BFD_WITHIN: Duration = Duration::from_secs(10);

/// Plays it to the end.
pub fn play(stage: &mut Stage) -> Result<()> {
    let start = stage.traffic.elapsed();
    stage.look_at("a", start)?;
    backends_die(stage)?;
    drain::site_leaves(stage)?;
    edge_falls_silent(stage)?;
    daemon_is_killed(stage)
}

/// All backends of site a die: its daemons withdraw. They come back, and so do the routes.
fn backends_die(stage: &mut Stage) -> Result<()> {
    let [site, _] = &stage.sites.plan().sites;
    let backends: Vec<String> = site.backends.iter().map(|host| host.name.clone()).collect();
    stage.mark("all web servers of site a die");
    let began = stage.traffic.elapsed();
    backends.iter().try_for_each(|backend| stage.sites.stop_server(backend))?;
    let moment = Instant::now();
    let went = stage.wait_for_routes(moment, &B)?;
    let moved = stage.traffic.elapsed();
    stage.books.forgive(Fault::Unnoticed, began, moved);
    stage.look_at("b", moved)?;
    stage.note_moves(moment);

    stage.mark("they are started again");
    let moment = Instant::now();
    backends.iter().try_for_each(|backend| stage.sites.start_server(backend))?;
    let came = stage.wait_for_routes(moment, &A)?;
    back_at_a(stage, moment)?;
    let text = format!(
        "site a's web servers died: its daemons had routes lead to site b after {} ms, and back {} ms after they were started",
        went.as_millis(),
        came.as_millis()
    );
    stage.books.find(true, text);
    Ok(())
}

/// An edge falls silent, its links up: BFD has transit send everything to the other one.
fn edge_falls_silent(stage: &mut Stage) -> Result<()> {
    wait_until_settled(stage)?;
    stage.mark("a1 falls silent; its links stay up");
    let (began, moment) = (stage.traffic.elapsed(), Instant::now());
    stage.sites.cut("a1")?;
    let took = stage.wait_for_routes(moment, &["a2"])?;
    let text =
        format!("BFD noticed a silent edge: routes led to the other one after {} ms", took.as_millis());
    stage.books.find(took < BFD_WITHIN, text);
    stage.look()?;
    stage.note_moves(moment);

    stage.mark("a1 is back");
    let moment = Instant::now();
    stage.sites.mend("a1")?;
    stage.wait_for_routes(moment, &A)?;
    stage.books.serves("a", began, stage.traffic.elapsed());
    back_at_a(stage, moment)
}

/// The daemon on an edge is killed. Packets are steered on; its routes go with the lease, and come back with the next daemon.
fn daemon_is_killed(stage: &mut Stage) -> Result<()> {
    stage.mark("the daemon on a1 is killed; its program steers on");
    let (began, moment) = (stage.traffic.elapsed(), Instant::now());
    stage.sites.kill_daemon("a1")?;
    let went = stage.wait_for_routes(moment, &["a2"])?;
    stage.look()?;
    stage.note_moves(moment);

    stage.mark("it is started again");
    let moment = Instant::now();
    stage.sites.start_daemon("a1", None, &[])?;
    let came = stage.wait_for_routes(moment, &A)?;
    let text = format!(
        "a killed daemon's routes were withdrawn after {} ms, by the watchdog of its {LEASE} lease, and back {} ms after the next was started",
        went.as_millis(),
        came.as_millis()
    );
    stage.books.find(true, text);
    stage.books.serves("a", began, stage.traffic.elapsed());
    back_at_a(stage, moment)
}

/// Draws until no slot of site a's edges remembers an earlier owner. Before that each edge knows by itself which flows are not
/// those of the earlier one, and those that routes take from one to the other would break.
pub fn wait_until_settled(stage: &mut Stage) -> Result<()> {
    let is_settled = |status: &Status| status.pools.iter().all(|pool| pool.transition.slots == 0);
    stage.wait_for_site_a("no slot is in transition", is_settled)?;
    stage.say("no slot of site a's edges is in transition any more");
    Ok(())
}

/// Shows that all is as it was, and notes how routes came back since that moment.
pub fn back_at_a(stage: &mut Stage, since: Instant) -> Result<()> {
    stage.look_at("a", stage.traffic.elapsed())?;
    stage.note_moves(since);
    stage.forgive_moves(since);
    Ok(())
}
