//! What is done during a run: as operators, accidents and routers would, one thing at a time, each undone before the next.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail};

use super::{
    ask,
    deck::Card,
    observe::Observer,
    site,
    stage::{A, B, Stage},
    timeline::State,
};
use crate::{
    lab::{Family, random::Random, sites::edges},
    signals,
};

mod routes;

/// A run's hands.
pub struct Actor<'a> {
    pub stage: &'a mut Stage,
    pub observer: &'a Observer,
    pub random: Random,
}

impl Actor<'_> {
    /// Does it, to its end. What cannot be done is noted as a fault, and all is put back; an error is the end of the run.
    pub fn perform(&mut self, card: Card) -> Result<()> {
        let done = self.play(card);
        let Err(error) = done else { return Ok(()) };
        if error.is::<signals::Interrupted>() {
            return Err(error);
        }
        self.stage.faults.push(format!("{card:?} at {:.1?}: {error:#}", self.stage.elapsed()));
        self.restore()
    }

    fn play(&mut self, card: Card) -> Result<()> {
        let family = if self.random.below(2) == 0 { Family::V4 } else { Family::V6 };
        let backend = format!("a-web{}", 1 + self.random.below(3));
        let pool = family.pool_name();
        match card {
            Card::Weight => self.weigh(pool, &backend),
            Card::Drain => self.drain(pool, &backend, None, false),
            Card::DrainWithRestart => self.drain(pool, &backend, None, true),
            Card::DrainToDeadline => self.drain(pool, &backend, Some("4s"), false),
            Card::Remove => self.remove(family, &backend),
            Card::Mark => self.mark(pool, &backend),
            Card::ServerStops => self.server_stops(&backend),
            Card::Apply => self.apply(&backend),
            Card::Restart => {
                self.restart(|actor, edge| actor.stage.sites.stop_daemon(edge), "daemon restarted")
            }
            Card::Kill => self.restart(|actor, edge| actor.stage.sites.kill_daemon(edge), "daemon killed"),
            Card::Upgrade => {
                self.stage.upgrade()?;
                self.restart(|actor, edge| actor.stage.sites.stop_daemon(edge), "daemon upgraded")
            }
            Card::LeaseRunsOut => self.lease_runs_out(),
            Card::RouteFlap => self.route_flap(),
            Card::AnnounceByHand => self.announce_by_hand(family),
            Card::SiteDrain => self.site_drain(),
            Card::SiteWithdrawn => self.site_withdrawn(),
        }
    }

    /// Everything as it was at the start, whatever is otherwise.
    fn restore(&mut self) -> Result<()> {
        let servers: Vec<String> = self.stage.sites.plan().backends().map(|host| host.name.clone()).collect();
        for edge in A.into_iter().chain(B) {
            if self.stage.sites.ctl(edge, &["status"]).is_err() {
                self.stage.sites.start_daemon_anyhow(edge, None, &["--xdp-mode", "native"])?;
            }
            for channel in ["ipv4", "ipv6"] {
                self.stage.sites.birdc(edge, &format!("enable transit_{channel}"))?;
            }
        }
        for server in servers {
            // One that runs already is refused.
            if self.stage.sites.namespace(&server).is_ok_and(|it| crate::lab::server::accepted(it).is_err()) {
                self.stage.sites.start_server(&server)?;
            }
        }
        for edge in A {
            self.stage.sites.ctl(edge, &["site", "undrain"])?;
            let file = self.write(edge, &site::file(&self.stage.sites, edge)?)?;
            self.stage.sites.ctl(edge, &["apply", "-f", &file])?;
            for family in Family::ALL {
                self.stage.sites.ctl(edge, &["announce", "auto", family.vip_name()])?;
                for backend in 1..=3 {
                    let backend = format!("a-web{backend}");
                    self.stage.sites.ctl(edge, &["backend", "mark", family.pool_name(), &backend, "up"])?;
                }
            }
        }
        self.stage.wait_for_routes(&edges(&A))
    }

    fn pause(&mut self, seconds: std::ops::Range<u64>) -> Result<()> {
        let range = Duration::from_secs(seconds.start)..Duration::from_secs(seconds.end);
        let time = self.random.within(&range);
        self.stage.rest(time)
    }

    fn edge(&mut self, among: &[&'static str]) -> Result<&'static str> {
        self.random.choose(among).copied().context("choose an edge")
    }

    fn weigh(&mut self, pool: &str, backend: &str) -> Result<()> {
        let weight = (2 + self.random.below(7)).to_string();
        let deed = self.stage.begin(&format!("weight {weight} in {pool}"), backend);
        self.stage.on_both(&["backend", "weight", pool, backend, &weight])?;
        self.pause(2..6)?;
        self.stage.on_both(&["backend", "weight", pool, backend, "1"])?;
        self.stage.end(deed);
        Ok(())
    }

    fn drain(&mut self, pool: &str, backend: &str, deadline: Option<&str>, restart: bool) -> Result<()> {
        let mut words = vec!["backend", "drain", pool, backend];
        words.extend(deadline.into_iter().flat_map(|deadline| ["--deadline", deadline]));
        let deed = self.stage.begin(&words.join(" "), backend);
        self.stage.on_both(&words)?;
        self.pause(1..3)?;
        if restart {
            self.stage.sites.kill_daemon("a1")?;
            self.stage.start_daemon("a1")?;
        }
        if deadline.is_some() {
            self.stage.rest(Duration::from_secs(4))?;
        }
        self.pause(1..4)?;
        self.stage.on_both(&["backend", "undrain", pool, backend])?;
        self.stage.end(deed);
        Ok(())
    }

    fn remove(&mut self, family: Family, backend: &str) -> Result<()> {
        let pool = family.pool_name();
        let host = self.stage.sites.plan().backends().find(|host| host.name == backend);
        let address = host.context("find a backend")?.addresses.of(family).to_string();
        let deed = self.stage.begin(&format!("removed from {pool}, and added again"), backend);
        self.stage.on_both(&["backend", "remove", pool, backend])?;
        self.pause(2..5)?;
        let delivery = site::delivery(backend);
        self.stage.on_both(&["backend", "add", pool, backend, &address, "--delivery", delivery])?;
        self.stage.end(deed);
        self.stage.rest(Duration::from_secs(2))
    }

    fn mark(&mut self, pool: &str, backend: &str) -> Result<()> {
        let deed = self.stage.begin(&format!("marked down in {pool}"), backend);
        self.stage.on_both(&["backend", "mark", pool, backend, "down"])?;
        self.pause(2..5)?;
        self.stage.on_both(&["backend", "mark", pool, backend, "up"])?;
        self.stage.end(deed);
        Ok(())
    }

    /// Its checks fail, its sessions' server lives.
    fn server_stops(&mut self, backend: &str) -> Result<()> {
        let deed = self.stage.begin("web server stopped", backend);
        self.stage.sites.stop_server(backend)?;
        self.wait_for_state(backend, State::Down)?;
        let found_out = self.stage.elapsed();
        self.stage.change(deed, |deed| deed.found_out = Some(found_out));
        self.pause(1..4)?;
        self.stage.sites.start_server(backend)?;
        self.wait_for_state(backend, State::Usable)?;
        self.stage.end(deed);
        Ok(())
    }

    /// Waits until both of site a's edges say so of a backend, in both pools.
    fn wait_for_state(&self, backend: &str, state: State) -> Result<()> {
        let is_so = |edge: &&str| {
            let last = self.observer.last(edge);
            let is_so =
                |pool: &super::timeline::Pool| pool.backends.get(backend).is_some_and(|it| it.state == state);
            last.is_some_and(|span| span.pools.values().all(is_so))
        };
        self.stage.wait(&format!("{backend} to be {state:?}"), || Ok(A.iter().all(is_so)))
    }

    /// A site file with other weights, and back by the history.
    fn apply(&mut self, backend: &str) -> Result<()> {
        let deed = self.stage.begin("another site file applied, and rolled back", backend);
        let weight = 2 + self.random.below(7);
        for edge in A {
            let before = ask::status(self.stage.sites.edge(edge)?.socket())?.desired.revision;
            let changed = site::with_weight(&site::file(&self.stage.sites, edge)?, backend, weight);
            let file = self.write(edge, &changed)?;
            self.stage.sites.ctl(edge, &["apply", "-f", &file])?;
            let after = ask::status(self.stage.sites.edge(edge)?.socket())?.desired.revision;
            if after <= before {
                bail!("apply a site file on {edge}: it changed nothing");
            }
        }
        self.pause(2..6)?;
        for edge in A {
            let now = ask::status(self.stage.sites.edge(edge)?.socket())?.desired.revision;
            self.stage.sites.ctl(edge, &["rollback", &(now - 1).to_string()])?;
        }
        self.stage.end(deed);
        Ok(())
    }

    fn write(&self, edge: &str, text: &str) -> Result<String> {
        let path = self.stage.sites.edge(edge)?.directory().join("applied.toml");
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// On any edge but the [witness](super::stage::WITNESS).
    fn restart(&mut self, end: impl FnOnce(&mut Self, &str) -> Result<()>, what: &str) -> Result<()> {
        let edge = self.edge(&["a1", "b1", "b2"])?;
        let deed = self.stage.begin(what, edge);
        end(self, edge)?;
        self.stage.start_daemon(edge)?;
        self.stage.end(deed);
        self.pause(1..3)
    }
}
