//! Asking and telling the lab's routers, and waiting for them.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    super::Family,
    Edges, RouteWatch, Sent, SitesLab, TRANSIT,
    bird::{self, Bird},
    no_edge, routes, traffic,
};

impl SitesLab {
    /// Tells BIRD on an edge or in transit something, and answers with what it says. What it refuses is an answer like another.
    pub fn birdc(&self, router: &str, words: &str) -> Result<String> {
        if router == TRANSIT {
            return self.transit.ask(words);
        }
        self.host(router)?
            .bird
            .as_ref()
            .with_context(|| format!("ask BIRD on {router}: it was stopped"))?
            .ask(words)
    }

    /// Where BIRD on an edge listens.
    pub fn bird_socket(&self, edge: &str) -> Result<PathBuf> {
        Ok(bird::socket(self.edge(edge)?.directory()))
    }

    /// Ends BIRD on an edge, so that another routing daemon can take its place.
    pub fn stop_bird(&mut self, edge: &str) -> Result<()> {
        self.host_mut(edge)?.bird.take().map_or(Ok(()), |mut bird| bird.stop())
    }

    /// Starts BIRD on an edge with a configuration; without one, with the lab's own. One that runs is ended first.
    pub fn start_bird(&mut self, edge: &str, configuration: Option<&str>) -> Result<()> {
        self.stop_bird(edge)?;
        let site = self.plan.site_of(edge).with_context(|| no_edge(edge))?;
        let planned =
            site.edges.iter().find(|planned| planned.name == edge).with_context(|| no_edge(edge))?;
        let own = bird::on_edge(&self.plan, site, planned)?;
        let (namespace, directory) = (self.namespace(edge)?, self.edge(edge)?.directory());
        let bird = Bird::start(namespace, directory, configuration.unwrap_or(&own))?;
        self.host_mut(edge)?.bird = Some(bird);
        Ok(())
    }

    /// Edges that transit's kernel sends a VIP to.
    pub fn routes(&self, vip: IpAddr) -> Result<Edges> {
        routes::routes(self.namespace(TRANSIT)?, vip)
    }

    /// Every change of transit's routes since the lab was started.
    pub fn watch(&self) -> &RouteWatch {
        &self.watch
    }

    /// Waits until both VIPs are sent to these edges and no other. Answers with the time until the kernel's word of the last of
    /// them was read, counted from the call; zero for what was so before.
    ///
    /// # Errors
    /// With what the routers say, when it is not so within that time.
    pub fn wait_for_routes(&self, edges: &Edges, within: Duration) -> Result<Duration> {
        let start = Instant::now();
        let vips = Family::ALL.map(|family| self.plan.vips.of(family));
        let is_there = |vip: &IpAddr| Ok(self.routes(*vip)? == *edges);
        let before = vips.iter().map(is_there).collect::<Result<Vec<bool>>>()?;
        let there = || vips.iter().try_fold(true, |all, vip| Ok(all && is_there(vip)?));
        if !routes::wait_until(within, there)? {
            let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
            bail!(
                "wait for routes by {}: not within {within:?}\n{}",
                if edges.is_empty() { "nobody".to_owned() } else { edges.join(" and ") },
                self.evidence()
            );
        }
        let mut took = Duration::ZERO;
        for (vip, _) in vips.iter().zip(before).filter(|(_, before)| !before) {
            took = took.max(self.watch.heard(start, *vip, edges)?.at.duration_since(start));
        }
        Ok(took)
    }

    /// Waits until every BGP session of transit's is established, and BFD watches it.
    pub fn wait_for_sessions(&self, within: Duration) -> Result<()> {
        let sessions = self.plan.edges().count() * Family::ALL.len();
        let up = || {
            let (bgp, bfd) = (self.transit.ask("show protocols")?, self.transit.ask("show bfd sessions")?);
            let established = bgp.lines().filter(|line| line.contains("Established")).count();
            let watched = bfd.lines().filter(|line| line.split_whitespace().any(|word| word == "Up")).count();
            Ok(established == sessions && watched == sessions)
        };
        if !routes::wait_until(within, up)? {
            bail!("wait for {sessions} BGP sessions with BFD: not within {within:?}\n{}", self.evidence());
        }
        Ok(())
    }

    /// What transit forwarded to each edge so far, both VIPs together.
    pub fn sent(&self) -> Result<BTreeMap<String, Sent>> {
        traffic::sent(&self.plan, self.namespace(TRANSIT)?)
    }
}
