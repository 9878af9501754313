//! Sessions that nothing here may break.

use std::{
    thread,
    time::{Duration, Instant},
};

use xtask::lab::session::{Ending, Lifetime, Pattern, Server, Sessions};

use crate::host::{Host, SOON};

const SESSIONS: usize = 40;
const POLL: Duration = Duration::from_millis(20);

/// Sessions to both VIPs, and their servers.
pub struct Held {
    _servers: Vec<Server>,
    sessions: Sessions,
}

impl Held {
    /// Half of them until the end, the others for a few seconds each.
    pub fn open(host: &Host) -> Self {
        let pause = Duration::from_millis(50)..Duration::from_millis(150);
        let names = host.lab.plan().servers().map(|server| server.name.clone());
        let servers = names.map(|name| Server::start(&host.lab, &name, pause.clone()).unwrap()).collect();
        let patience = Duration::from_secs(60);
        let lifetime = Lifetime::Mixed(Duration::from_secs(1)..Duration::from_secs(3));
        let pattern = Pattern { sessions: SESSIONS, pause, lifetime, patience, seed: 1 };
        let held = Self { _servers: servers, sessions: Sessions::start(&host.lab, pattern).unwrap() };
        let begun = Instant::now();
        while held.sessions.open() < SESSIONS * 9 / 10 {
            assert!(begun.elapsed() < SOON, "only {} sessions are open", held.sessions.open());
            thread::sleep(POLL);
        }
        held
    }

    /// None was broken.
    pub fn finish(self) {
        let records = self.sessions.finish().unwrap();
        let broken: Vec<_> = records.iter().filter(|record| record.ending != Ending::Finished).collect();
        assert!(records.len() >= SESSIONS && broken.is_empty(), "{broken:#?}");
        let silence = records.iter().map(|record| record.longest_silence).max();
        println!("{} sessions, longest silence {:.1?}", records.len(), silence.unwrap());
    }
}
