//! Sessions that are held through whatever happens.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::{
    Family,
    session::{Ending, Lifetime, Pattern, Server, Sessions},
};

use crate::host::Host;

/// A session that hears nothing for longer was interrupted: lines come every 60 ms at least, on a machine with other work.
pub const UNBROKEN: [(Family, Duration); 2] =
    [(Family::V4, Duration::from_millis(800)), (Family::V6, Duration::from_millis(800))];

/// Sessions to both VIPs, and their servers.
pub struct Held {
    _servers: Vec<Server>,
    sessions: Sessions,
    count: usize,
}

impl Held {
    /// Opens so many, half of them to each VIP.
    pub fn open(host: &Host, count: usize) -> Self {
        let pause = Duration::from_millis(20)..Duration::from_millis(60);
        let names = host.lab.plan().servers().map(|server| server.name.clone());
        let servers = names.map(|name| Server::start(&host.lab, &name, pause.clone()).unwrap()).collect();
        let patience = Duration::from_secs(20);
        let pattern = Pattern { sessions: count, pause, lifetime: Lifetime::Long, patience, seed: 1 };
        let sessions = Sessions::start(&host.lab, pattern).unwrap();
        let held = Self { _servers: servers, sessions, count };
        held.assert_open();
        held
    }

    /// All of them are open, or soon will be.
    #[track_caller]
    pub fn assert_open(&self) {
        let start = Instant::now();
        while self.sessions.open() < self.count {
            let (open, ended) = (self.sessions.open(), self.sessions.ended());
            assert!(start.elapsed() < Duration::from_secs(20), "only {open} are open; {ended:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends them in order: none was broken, and none of a family heard nothing for longer than that.
    #[track_caller]
    pub fn finish(self, silence: [(Family, Duration); 2]) {
        let records = self.sessions.finish().unwrap();
        assert_eq!(records.len(), self.count);
        for (family, silence) in silence {
            let of_family = records.iter().filter(|record| record.family == family);
            let (fine, broken): (Vec<_>, Vec<_>) = of_family
                .partition(|record| record.ending == Ending::Finished && record.longest_silence <= silence);
            assert!(broken.is_empty() && fine.len() == self.count / 2, "{silence:?}: {broken:#?}");
        }
    }
}
