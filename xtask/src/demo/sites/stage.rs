//! The lab, the traffic, the picture of it, and what was found so far.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{
    A, LOOK, SOON,
    books::{Books, Fault},
    chart::Chart,
    moves::Moves,
};
use crate::{
    demo::client::Traffic,
    lab::{
        Family, Process,
        controller::Status,
        receiver::Receiver,
        sites::{SitesLab, edges},
    },
    signals,
};

const POLL: Duration = Duration::from_millis(20);
/// To ask a daemon takes a process.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// All there is, in the order in which it ends.
pub struct Stage {
    pub traffic: Traffic,
    pub chart: Chart,
    pub books: Books,
    /// Watchdogs, and what ends tunnels.
    pub _helpers: (Vec<Process>, Vec<Receiver>),
    pub sites: SitesLab,
}

impl Stage {
    /// Prints what happens.
    pub fn say(&self, what: &str) {
        println!("  {:>4.1} s  ── {what}", self.traffic.elapsed().as_secs_f64());
    }

    /// Prints something that changes the course of things, and marks it in the picture.
    pub fn mark(&mut self, what: &str) {
        self.say(what);
        self.chart.mark(self.traffic.elapsed(), what);
    }

    /// Draws for a while.
    pub fn look(&mut self) -> Result<()> {
        let end = Instant::now() + LOOK;
        self.draw_until(|_| Ok(Instant::now() >= end))
    }

    /// The same while all new connections are one site's, from that time of the traffic on.
    pub fn look_at(&mut self, site: &'static str, began: Duration) -> Result<()> {
        self.look()?;
        self.books.serves(site, began, self.traffic.elapsed());
        Ok(())
    }

    /// Draws until it holds; an error when it never does.
    pub fn wait_for(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&mut SitesLab) -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut late = false;
        self.draw_until(|sites| {
            late = start.elapsed() > SOON;
            Ok(late || holds(sites)?)
        })?;
        if late {
            bail!("wait until {what}: not within {SOON:?}\n{}", self.sites.evidence());
        }
        Ok(())
    }

    /// Draws until it holds for what both edges of site a say of themselves.
    pub fn wait_for_site_a(&mut self, what: &str, holds: impl Fn(&Status) -> bool) -> Result<()> {
        let mut asked: Option<Instant> = None;
        self.wait_for(what, |sites| {
            if asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
                return Ok(false);
            }
            asked = Some(Instant::now());
            A.iter().try_fold(true, |all, edge| Ok(all && holds(&sites.edge(edge)?.status()?)))
        })
    }

    /// Draws until both VIPs are sent to these edges and no other; answers with when that was, counted from that moment.
    pub fn wait_for_routes(&mut self, since: Instant, by: &[&str]) -> Result<Duration> {
        let vips = Family::ALL.map(|family| self.sites.plan().vips.of(family));
        let (names, by) = (by.join(" and "), edges(by));
        let lead = |sites: &SitesLab| {
            let changes = sites.watch().changes();
            let last = |vip| changes.iter().rfind(|change| change.vip == vip && change.at >= since);
            vips.into_iter().all(|vip| last(vip).is_some_and(|change| change.edges == by))
        };
        self.wait_for(&format!("routes lead to {names}"), |sites| Ok(lead(sites)))?;
        let last = vips.iter().filter_map(|vip| self.sites.watch().since(since, *vip, &by));
        let last = last.map(|change| change.at).max().context("find the change of routes")?;
        let took = last.duration_since(since);
        self.say(&format!("routes lead to {names}, after {} ms", took.as_millis()));
        Ok(took)
    }

    /// Notes what routes did since that moment, in which they were to move once.
    pub fn note_moves(&mut self, since: Instant) {
        self.books.moved(Moves::since(&self.sites.watch().changes(), since));
    }

    /// Forgives the changes of routes since that moment: connections that were under way may have been reset by them.
    pub fn forgive_moves(&mut self, since: Instant) {
        let now = self.traffic.elapsed();
        for change in self.sites.watch().changes().iter().filter(|change| change.at >= since) {
            let at = now.saturating_sub(change.at.elapsed());
            self.books.forgive(Fault::Returned, at, at);
        }
    }

    /// Draws until it holds.
    fn draw_until(&mut self, mut holds: impl FnMut(&mut SitesLab) -> Result<bool>) -> Result<()> {
        while !holds(&mut self.sites)? {
            signals::sleep(POLL)?;
            let elapsed = self.traffic.elapsed();
            if self.chart.is_due(elapsed) {
                println!("{}", self.chart.line(elapsed, self.sites.sent()?));
            }
        }
        Ok(())
    }
}
