//! What is done to routes: sessions break by it only where slots are in transition, so it is waited for until none is.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::Actor;
use crate::{
    lab::{Family, Process, sites::edges},
    soak::{
        stage::{A, B, SOON},
        timeline::Span,
    },
};

/// So long it is waited: longer than sessions last that keep slots in transition.
const SETTLE_WITHIN: Duration = Duration::from_secs(75);

impl Actor<'_> {
    /// A killed daemon's routes are withdrawn, and come back with the next.
    pub(super) fn lease_runs_out(&mut self) -> Result<()> {
        self.stage.settle(self.observer, SETTLE_WITHIN)?;
        let deed = self.stage.begin("daemon killed until its lease ran out", "a1");
        self.stage.sites.kill_daemon("a1")?;
        self.stage.wait_for_routes(&edges(&["a2"]))?;
        self.pause(1..4)?;
        self.stage.start_daemon("a1")?;
        self.stage.wait_for_routes(&edges(&A))?;
        self.stage.end(deed);
        Ok(())
    }

    pub(super) fn route_flap(&mut self) -> Result<()> {
        let edge = self.edge(&A)?;
        let other = if edge == "a1" { "a2" } else { "a1" };
        self.stage.settle(self.observer, SETTLE_WITHIN)?;
        let deed = self.stage.begin("BGP sessions flap", edge);
        for _ in 0..=self.random.below(3) {
            for channel in ["ipv4", "ipv6"] {
                self.stage.sites.birdc(edge, &format!("disable transit_{channel}"))?;
            }
            self.stage.wait_for_routes(&edges(&[other]))?;
            self.pause(0..2)?;
            for channel in ["ipv4", "ipv6"] {
                self.stage.sites.birdc(edge, &format!("enable transit_{channel}"))?;
            }
            self.stage.wait_for_routes(&edges(&A))?;
        }
        self.stage.end(deed);
        Ok(())
    }

    pub(super) fn announce_by_hand(&mut self, family: Family) -> Result<()> {
        let edge = self.edge(&A)?;
        let vip = family.vip_name();
        self.stage.settle(self.observer, SETTLE_WITHIN)?;
        let deed = self.stage.begin(&format!("{vip} withdrawn by hand"), edge);
        self.stage.sites.ctl(edge, &["announce", "withdraw", vip, "--at-once"])?;
        self.pause(2..5)?;
        self.stage.sites.ctl(edge, &["announce", "auto", vip])?;
        self.stage.wait_for_routes(&edges(&A))?;
        self.stage.end(deed);
        Ok(())
    }

    pub(super) fn site_drain(&mut self) -> Result<()> {
        self.stage.settle(self.observer, SETTLE_WITHIN)?;
        // Shorter than some sessions, or longer than all.
        let seconds = if self.random.below(2) == 0 { 15 } else { 80 };
        let deadline = format!("{seconds}s");
        let deed = self.stage.begin(&format!("drained within {deadline}, and back"), "site a");
        let began = self.stage.elapsed();
        self.stage.change(deed, |deed| deed.deadline = Some(began + Duration::from_secs(seconds)));
        self.on_both_at_once(&["site", "drain", "--deadline", &deadline, "--hold", "--wait"])?;
        self.on_both_at_once(&["site", "drain", "--wait"])?;
        self.stage.wait_for_routes(&edges(&B))?;
        self.pause(2..6)?;
        self.on_both_at_once(&["site", "undrain"])?;
        self.stage.wait_for_routes(&edges(&A))?;
        let is_back = |edge: &&str| {
            let last = self.observer.last(edge);
            let own = |span: Span| Family::ALL.iter().all(|family| span.slots(*family, "a-web1") > 0);
            last.is_some_and(own)
        };
        self.stage.wait("new flows to be site a's again", || Ok(A.iter().all(is_back)))?;
        self.stage.end(deed);
        Ok(())
    }

    /// Both edges of the site at once, with all that is on them.
    pub(super) fn site_withdrawn(&mut self) -> Result<()> {
        let deed = self.stage.begin("all VIPs withdrawn by hand", "site a");
        for family in Family::ALL {
            self.stage.on_both(&["announce", "withdraw", family.vip_name(), "--at-once"])?;
        }
        self.stage.wait_for_routes(&edges(&B))?;
        self.pause(2..5)?;
        for family in Family::ALL {
            self.stage.on_both(&["announce", "auto", family.vip_name()])?;
        }
        self.stage.wait_for_routes(&edges(&A))?;
        self.stage.end(deed);
        Ok(())
    }

    fn on_both_at_once(&self, words: &[&str]) -> Result<()> {
        let mut commands: Vec<Process> =
            A.iter().map(|edge| self.stage.sites.start_ctl(edge, words)).collect::<Result<_>>()?;
        let start = Instant::now();
        for command in &mut commands {
            let status = loop {
                if let Some(status) = command.try_wait()? {
                    break status;
                }
                if start.elapsed() > SOON * 2 {
                    bail!("wait for {} to end: not within {:?}", command.name(), SOON * 2);
                }
                self.stage.rest(Duration::from_millis(50))?;
            };
            if !status.success() {
                bail!("{} ended with {status}", command.name());
            }
        }
        Ok(())
    }
}
