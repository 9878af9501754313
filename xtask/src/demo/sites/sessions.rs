//! Long sessions that must live through what the demo does.

use std::time::Duration;

use anyhow::Result;

use super::stage::Stage;
use crate::lab::{
    Host,
    session::{Ending, Lifetime, Pattern, Record, Server, Sessions},
};

/// Sides send a line after a pause of this range.
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_millis(200);

/// What sessions are held with, on every backend.
pub struct Servers {
    _servers: Vec<Server>,
    /// Sessions that were opened so far.
    opened: std::cell::Cell<usize>,
}

/// Sessions to both VIPs.
pub struct Held {
    sessions: Sessions,
    count: usize,
    site: &'static str,
    when: &'static str,
}

impl Servers {
    /// Starts them.
    pub fn start(stage: &Stage) -> Result<Self> {
        let lab = stage.sites.any_edge()?;
        let start = |host: &Host| Server::start(lab, &host.name, PAUSE);
        let _servers = stage.sites.plan().backends().map(start).collect::<Result<_>>()?;
        Ok(Self { _servers, opened: 0.into() })
    }
}

impl Held {
    /// Opens so many, all of which must come to that site's servers, and draws meanwhile.
    pub fn open(
        stage: &mut Stage,
        servers: &Servers,
        count: usize,
        site: &'static str,
        when: &'static str,
    ) -> Result<Self> {
        let pattern = Pattern {
            sessions: count,
            pause: PAUSE,
            lifetime: Lifetime::Long,
            patience: Duration::from_secs(20),
            seed: 1,
        };
        let others = u32::try_from(servers.opened.replace(servers.opened.get() + count))?;
        let sessions = Sessions::start_beside(stage.sites.any_edge()?, pattern, others)?;
        stage.wait_for("every session is open", |_| Ok(sessions.open() == count))?;
        stage.say(&format!("{count} long sessions are open"));
        Ok(Self { sessions, count, site, when })
    }

    /// Has the client end them in order, and notes what became of all of them.
    pub fn finish(self, stage: &mut Stage) -> Result<()> {
        let Self { sessions, count, site, when } = self;
        stage.say(&format!("{count} long sessions with site {site} end"));
        let records = sessions.finish()?;
        let is_good = |record: &&Record| {
            let is_there = record.backend.as_deref().is_some_and(|backend| backend.starts_with(site));
            record.ending == Ending::Finished && is_there
        };
        let good = records.iter().filter(is_good).count();
        let silence = records.iter().map(|record| record.longest_silence).max().unwrap_or_default();
        let mut text = format!(
            "{good} of {} long sessions opened {when} lived on with site {site}'s servers until their end, with no silence longer than {} ms",
            records.len(),
            silence.as_millis()
        );
        // Each one that breaks is opened anew.
        if let Some(bad) = records.iter().find(|record| !is_good(record)) {
            let backend = bad.backend.as_deref().unwrap_or("no backend");
            text.push_str(&format!("; the first of the others was with {backend}: {:?}", bad.ending));
        }
        stage.books.find(good == count && records.len() == count, text);
        Ok(())
    }
}
