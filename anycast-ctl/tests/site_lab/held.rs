//! Long sessions through the lab, and the servers they are with.

use std::{collections::BTreeSet, thread, time::Duration};

use xtask::lab::{
    session::{Ending, Lifetime, Pattern, Server, Sessions},
    sites::SitesLab,
};

use crate::harness::SOON;

/// Sessions to both VIPs, and servers on every backend of both sites.
pub struct Held {
    sessions: Sessions,
    count: usize,
    site: &'static str,
    _servers: Vec<Server>,
}

impl Held {
    /// Opens so many, which must all come to that site's backends.
    #[track_caller]
    pub fn open(sites: &SitesLab, site: &'static str, count: usize) -> Self {
        let pause = Duration::from_millis(50)..Duration::from_millis(200);
        let lab = sites.any_edge().unwrap();
        let start = |host: &xtask::lab::Host| Server::start(lab, &host.name, pause.clone()).unwrap();
        let _servers: Vec<Server> = sites.plan().backends().map(start).collect();
        let sessions = hold(sites, count, 0, pause);
        Self { sessions, count, site, _servers }
    }

    /// Opens more of them with the same servers, which must come to that site's backends.
    #[track_caller]
    pub fn open_more(&self, sites: &SitesLab, site: &'static str, count: usize) -> Self {
        let pause = Duration::from_millis(50)..Duration::from_millis(200);
        let others = u32::try_from(self.count).unwrap();
        Self { sessions: hold(sites, count, others, pause), count, site, _servers: Vec::new() }
    }

    /// Ends them in order. None of them may have broken, or have been with another site.
    #[track_caller]
    pub fn finish_unbroken(self) {
        self.finish_but_serve_on(|| ());
    }

    /// The same, but their servers end only after that.
    #[track_caller]
    pub fn finish_but_serve_on(self, work: impl FnOnce()) {
        let records = self.sessions.finish().unwrap();
        let silence = records.iter().map(|record| record.longest_silence).max().unwrap();
        println!(
            "{} sessions with site {}, longest silence {} ms",
            records.len(),
            self.site,
            silence.as_millis()
        );
        let broken: Vec<_> = records.iter().filter(|record| record.ending != Ending::Finished).collect();
        assert!(broken.is_empty() && records.len() == self.count, "{} broken: {broken:#?}", broken.len());
        let with: BTreeSet<&str> = records.iter().filter_map(|record| record.backend.as_deref()).collect();
        assert!(with.iter().all(|backend| backend.starts_with(self.site)), "{with:?}");
        work();
    }
}

#[track_caller]
fn hold(sites: &SitesLab, count: usize, others: u32, pause: std::ops::Range<Duration>) -> Sessions {
    let patience = Duration::from_secs(20);
    let pattern = Pattern { sessions: count, pause, lifetime: Lifetime::Long, patience, seed: 1 };
    let sessions = Sessions::start_beside(sites.any_edge().unwrap(), pattern, others).unwrap();
    while sessions.open() < count {
        assert!(sessions.elapsed() < SOON, "only {} are open: {:#?}", sessions.open(), sessions.ended());
        thread::sleep(Duration::from_millis(20));
    }
    sessions
}
