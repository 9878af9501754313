//! `cargo xtask demo --sites 2`: two sites with real BGP between them, and what becomes of traffic when one goes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{client::Traffic, verdict};
use crate::{
    lab::{
        Family,
        receiver::Receiver,
        sites::{Edges, SitesLab, edges},
    },
    signals,
};

mod announce;
mod books;
mod chart;
mod scenario;
mod sessions;

use books::Books;
use chart::Chart;

/// Edges of each site, by which its routes lead.
const A: [&str; 2] = ["a1", "a2"];
const B: [&str; 2] = ["b1", "b2"];

/// Longer than anything that is waited for takes.
const SOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// How long each state of affairs is shown.
const LOOK: Duration = Duration::from_secs(3);
/// In every pool. A site whose backends all fail at once is meant to be believed.
const POOL: &str = "idle_timeout = \"2s\"\npanic_threshold = \"100%\"\n\
    check = { type = \"http\", port = 80, interval = \"250ms\", fast_interval = \"250ms\", timeout = \"250ms\" }";

/// Runs it; answers whether all was well.
pub fn demo(binary: PathBuf, rate: u32) -> Result<bool> {
    println!(
        "starting a lab: client, transit router, and two sites with two edge hosts and three backends each"
    );
    let mut sites = SitesLab::start(None, Some(binary))?;
    let backends = sites.plan().backends().map(|host| host.name.clone()).collect::<Vec<_>>();
    let receivers = backends.iter().map(|host| sites.receive(host)).collect::<Result<Vec<Receiver>>>()?;
    for edge in A.into_iter().chain(B) {
        signals::check()?;
        let site = sites.site_with_backups(edge, POOL)? + &announce::table(&sites, edge)?;
        sites.start_daemon(edge, Some(&site), &["--xdp-mode", "native"])?;
    }
    let watchdogs = announce::begin(&sites)?;
    sites.wait_for_routes(&edges(&A), SOON)?;
    let vips = sites.plan().vips;
    println!("transit prefers site a, and spreads flows over its edges");
    println!("opening {rate} connections a second from the client to {} and {}\n", vips.v4, vips.v6);
    let mut stage = Stage {
        chart: Chart::new(sites.sent()?),
        traffic: Traffic::start(sites.any_edge()?, rate)?,
        books: Books::default(),
        sites,
    };
    scenario::play(&mut stage)?;
    let checks = stage.books.close(&stage.traffic.finish()?);
    drop((watchdogs, receivers));
    println!();
    Ok(verdict::pronounce(&checks))
}

/// The lab, the traffic, the picture of it, and what was found so far.
struct Stage {
    sites: SitesLab,
    traffic: Traffic,
    chart: Chart,
    books: Books,
}

impl Stage {
    /// Prints what happens.
    fn say(&self, what: &str) {
        println!("  {:>4.0} s  ── {what}", self.traffic.elapsed().as_secs_f64());
    }

    /// Runs the command line as an operator would, and shows it.
    fn ctl(&self, edge: &str, words: &[&str]) -> Result<()> {
        self.say(&format!("{edge} $ anycast-ctl {}", words.join(" ")));
        self.sites.ctl(edge, words).map(drop)
    }

    /// Draws for a while.
    fn look(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        self.draw_until(|_| Ok(Instant::now() >= end)).map(drop)
    }

    /// Draws until it holds; an error when it never does.
    fn wait_for(&mut self, what: &str, mut holds: impl FnMut(&mut SitesLab) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        let held = self.draw_until(|sites| Ok(holds(sites)? || start.elapsed() > SOON))?;
        if held > SOON {
            bail!("wait until {what}: not within {SOON:?}\n{}", self.sites.evidence());
        }
        Ok(())
    }

    /// Draws until both VIPs are sent to these edges and no other; answers with when that was, counted from that moment.
    fn wait_for_routes(&mut self, since: Instant, by: &[&str]) -> Result<Duration> {
        let vips = Family::ALL.map(|family| self.sites.plan().vips.of(family));
        let by: Edges = edges(by);
        let names = by.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
        self.wait_for(&format!("routes lead to {names}"), |sites| {
            vips.iter().try_fold(true, |all, vip| Ok(all && sites.routes(*vip)? == by))
        })?;
        let changes = vips.iter().filter_map(|vip| self.sites.watch().since(since, *vip, &by));
        let last = changes.map(|change| change.at).max().context("find the change of routes")?;
        let took = last.duration_since(since);
        self.say(&format!("routes lead to {names}, after {} ms", took.as_millis()));
        Ok(took)
    }

    /// Draws until it holds; answers with how long that took.
    fn draw_until(&mut self, mut holds: impl FnMut(&mut SitesLab) -> Result<bool>) -> Result<Duration> {
        let start = Instant::now();
        while !holds(&mut self.sites)? {
            signals::sleep(POLL)?;
            let elapsed = self.traffic.elapsed();
            if self.chart.is_due(elapsed) {
                println!("{}", self.chart.line(elapsed, self.sites.sent()?));
            }
        }
        Ok(start.elapsed())
    }
}
