//! Site a is drained with sessions on it, by the commands that its operator would give on both of its edges.

use std::{collections::BTreeMap, io::Read as _, time::Instant};

use anyhow::{Result, bail};

use super::{
    A, B,
    scenario::{back_at_a, wait_until_settled},
    sessions::{Held, Servers},
    stage::Stage,
};
use crate::{
    demo::number,
    lab::{Process, controller::Status, sites::Sent},
};

/// The drain waits so long for sessions at most.
const DEADLINE: &str = "40s";
/// Sessions that site a's servers have when it begins.
const OLD: usize = 200;
/// Sessions that are opened while it goes on.
const NEW: usize = 100;

/// New flows are the other site's at once, old ones live on, and routes move when those have ended. On the way back routes come
/// first: what was opened meanwhile lives on, too.
pub fn site_leaves(stage: &mut Stage) -> Result<()> {
    // Until then flows are remembered, and one that is opened from the same port soon after is taken to its earlier server.
    wait_until_settled(stage)?;
    let servers = Servers::start(stage)?;
    let old = Held::open(stage, &servers, OLD, "a", "before the drain")?;
    let moment = Instant::now();
    stage.mark("site a is drained: new connections are site b's servers' to answer");
    let mut ready = on_both(stage, &["site", "drain", "--deadline", DEADLINE, "--hold", "--wait"])?;
    stage.wait_for_site_a("new flows are the other site's", |status| has_no_slot(status, "a"))?;
    let (began, sent) = (stage.traffic.elapsed(), stage.sites.sent()?);
    stage.say("new flows go through site a's edges to site b's servers, by tunnels");
    let new = Held::open(stage, &servers, NEW, "b", "during the drain")?;
    stage.look()?;
    old.finish(stage)?;
    let ended = Instant::now();
    stage.wait_for("site a is ready to leave", |_| have_ended(&mut ready))?;
    stage.say(&format!("both edges are ready to leave, {} ms after that", ended.elapsed().as_millis()));
    let detour = syns(stage, &sent)?;

    let leaves = Instant::now();
    stage.mark("it leaves, both edges together");
    let mut gone = on_both(stage, &["site", "drain", "--wait"])?;
    stage.wait_for_routes(leaves, &B)?;
    stage.wait_for("site a is gone", |_| have_ended(&mut gone))?;
    stage.look_at("b", began)?;
    stage.note_moves(moment);
    let [by_a, by_b] = detour;
    let text = format!(
        "{} connections were opened through site a's edges while they waited to leave, {} through site b's",
        number(by_a),
        number(by_b)
    );
    stage.books.find(by_a > 0 && by_b == 0, text);

    stage.mark("site a comes back");
    let moment = Instant::now();
    let mut back = on_both(stage, &["site", "undrain"])?;
    stage.wait_for_routes(moment, &A)?;
    stage.wait_for("site a is in service", |_| have_ended(&mut back))?;
    stage.wait_for_site_a("new flows are its own again", |status| has_no_slot(status, "b"))?;
    stage.say("new flows are site a's servers' again");
    // Longer than flows are remembered.
    stage.look()?;
    back_at_a(stage, moment)?;
    new.finish(stage)
}

/// Starts a command on both edges of site a at once.
fn on_both(stage: &Stage, words: &[&str]) -> Result<Vec<Process>> {
    stage.say(&format!("a1, a2 $ anycast-ctl {}", words.join(" ")));
    A.iter().map(|edge| stage.sites.start_ctl(edge, words)).collect()
}

/// Whether all of them have ended well.
fn have_ended(commands: &mut [Process]) -> Result<bool> {
    let mut ended = true;
    for command in commands {
        match command.try_wait()? {
            None => ended = false,
            Some(status) if status.success() => {}
            Some(status) => {
                let mut complaint = String::new();
                // What cannot be read is not worth another error.
                let _ = command.child().stderr.take().map(|mut stderr| stderr.read_to_string(&mut complaint));
                bail!("{} ended with {status}: {}", command.name(), complaint.trim());
            }
        }
    }
    Ok(ended)
}

/// Whether an edge has no slot left for new flows to that site's servers.
fn has_no_slot(status: &Status, site: &str) -> bool {
    let mut backends = status.pools.iter().flat_map(|pool| &pool.backends);
    backends.all(|backend| backend.slots == 0 || !backend.name.starts_with(site))
}

/// Connections that transit has sent to each site's edges since then.
fn syns(stage: &Stage, earlier: &BTreeMap<String, Sent>) -> Result<[u64; 2]> {
    let now = stage.sites.sent()?;
    let of = |edges: [&str; 2]| {
        let since = |edge: &str| Some(now.get(edge)?.since(*earlier.get(edge)?).syns);
        edges.into_iter().filter_map(since).sum()
    };
    Ok([of(A), of(B)])
}
