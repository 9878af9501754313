//! `cargo xtask demo --sites 2`: two sites with real BGP between them, and what becomes of traffic when one goes.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;

use super::{client::Traffic, verdict};
use crate::{
    lab::{
        Process,
        receiver::Receiver,
        sites::{SitesLab, edges},
    },
    signals,
};

mod announced;
mod books;
mod chart;
mod drain;
mod moves;
mod picture;
mod scenario;
mod sessions;
mod stage;

use books::Books;
use chart::Chart;
use stage::Stage;

/// Edges of each site, by which its routes lead.
const A: [&str; 2] = ["a1", "a2"];
const B: [&str; 2] = ["b1", "b2"];

/// Longer than anything that is waited for takes.
const SOON: Duration = Duration::from_secs(60);
/// How long each state of affairs is shown.
const LOOK: Duration = Duration::from_secs(3);
/// In every pool. A site whose backends all fail at once is meant to be believed, also when they fail again soon.
const POOL: &str = "idle_timeout = \"2s\"\npanic_threshold = \"100%\"\n\
    check = { type = \"http\", port = 80, interval = \"250ms\", fast_interval = \"250ms\", timeout = \"250ms\", hold_down = \"1s\" }";
/// In `[announce]`: short times, so that all is over in a minute.
const ANNOUNCE: &str = "hold_up = \"1s\"\nhold_up_max = \"3s\"\nquiet = \"2s\"";
/// There, too: the shortest there is.
const LEASE: &str = "5s";

/// Runs it; answers whether all was well.
pub fn demo(binary: PathBuf, rate: u32) -> Result<bool> {
    println!(
        "starting a lab: client, transit router, and two sites with two edge hosts and three backends each"
    );
    let mut sites = SitesLab::start(None, Some(binary))?;
    let backends = sites.plan().backends().map(|host| host.name.clone()).collect::<Vec<_>>();
    let receivers = backends.iter().map(|host| sites.receive(host)).collect::<Result<Vec<Receiver>>>()?;
    let mut watchdogs = Vec::<Process>::new();
    for edge in A.into_iter().chain(B) {
        signals::check()?;
        let site = sites.site_with_backups(edge, POOL)?
            + &sites.announce(edge, &format!("lease = \"{LEASE}\"\n{ANNOUNCE}"))?;
        sites.start_daemon(edge, Some(&site), &["--xdp-mode", "native"])?;
        watchdogs.push(sites.start_ctl(edge, &["announce", "watchdog"])?);
    }
    let by = announced::wait_until_everywhere(&sites, SOON)?;
    println!("every edge's daemon announces both VIPs by {by}, and a watchdog watches its lease");
    sites.wait_for_routes(&edges(&A), SOON)?;
    let vips = sites.plan().vips;
    println!("transit prefers site a, and spreads flows over its edges");
    println!("opening {rate} connections a second from the client to {} and {}\n", vips.v4, vips.v6);
    let mut stage = Stage {
        traffic: Traffic::start(sites.any_edge()?, rate)?,
        chart: Chart::new(sites.sent()?),
        books: Books::default(),
        _helpers: (watchdogs, receivers),
        sites,
    };
    scenario::play(&mut stage)?;
    let Stage { traffic, chart, books, .. } = stage;
    let connections = traffic.finish()?;
    println!("\n{}", picture::picture(&chart, &connections));
    Ok(verdict::pronounce(&books.close(&connections)))
}
