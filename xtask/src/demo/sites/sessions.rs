//! Long sessions that must live through what the demo does.

use std::time::Duration;

use anyhow::Result;

use super::Stage;
use crate::lab::session::{Ending, Lifetime, Pattern, Record, Server, Sessions};

/// How many.
const SESSIONS: usize = 200;

/// Sessions to both VIPs, and servers on every backend.
pub struct Held {
    sessions: Sessions,
    _servers: Vec<Server>,
}

impl Held {
    /// Opens them, and draws meanwhile.
    pub fn open(stage: &mut Stage) -> Result<Self> {
        let pause = Duration::from_millis(50)..Duration::from_millis(200);
        let lab = stage.sites.any_edge()?;
        let start = |host: &crate::lab::Host| Server::start(lab, &host.name, pause.clone());
        let _servers = stage.sites.plan().backends().map(start).collect::<Result<Vec<_>>>()?;
        let pattern = Pattern {
            sessions: SESSIONS,
            pause,
            lifetime: Lifetime::Long,
            patience: Duration::from_secs(20),
            seed: 1,
        };
        let sessions = Sessions::start(lab, pattern)?;
        stage.wait_for("every session is open", |_| Ok(sessions.open() == SESSIONS))?;
        stage.say(&format!("{SESSIONS} long sessions are open"));
        Ok(Self { sessions, _servers })
    }

    /// Has the client end them in order, and notes what became of all of them.
    pub fn finish(self, stage: &mut Stage) -> Result<()> {
        stage.say("the long sessions end");
        let records = self.sessions.finish()?;
        let broken: Vec<&Record> =
            records.iter().filter(|record| record.ending != Ending::Finished).collect();
        let text = match broken.first() {
            None => format!("none of {} long sessions broke while site a left", records.len()),
            Some(first) => format!(
                "{} of {} long sessions broke while site a left, the first on {}: {:?}",
                broken.len(),
                records.len(),
                first.backend.as_deref().unwrap_or("no backend"),
                first.ending
            ),
        };
        stage.books.find(broken.is_empty() && records.len() == SESSIONS, text);
        Ok(())
    }
}
