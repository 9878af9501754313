//! The one place where events are told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::{
    Since,
    ring::{Kept, Replay, Ring},
};
use crate::{
    api::types::{Event, Severity, Told},
    moment::Moment,
    store::Author,
};

/// Events that a watcher may be behind.
const BEHIND: usize = 256;

/// Tells events. Never waits for anybody.
#[derive(Clone, Debug)]
pub struct Teller(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Kept>>,
}

/// What a watcher is told: at first of earlier, then as it happens. Between the two there is nothing missing and nothing twice.
#[derive(Debug)]
pub struct Subscription {
    /// What it is told of earlier.
    pub replay: Replay,
    /// What happens.
    pub live: broadcast::Receiver<Arc<Kept>>,
}

impl Teller {
    /// Keeps so many of the last events.
    pub fn new(keep: usize) -> Self {
        let (live, _) = broadcast::channel(BEHIND);
        Self(Arc::new(Shared { ring: Mutex::new(Ring::new(keep, Moment::now())), live }))
    }

    /// Tells an event to the log and to whoever watches. That nobody does is no error.
    pub fn tell(&self, event: Event) {
        let (kind, severity, words) = (event.kind(), event.severity(), event.words());
        log(&event, severity, &words);
        let mut ring = self.ring();
        let (sequence, at) = (ring.next(), Moment::now());
        let told = Told { event, sequence, at, severity, words };
        let kept = Arc::new(Kept { sequence, at, kind, json: json(&told) });
        ring.push(Arc::clone(&kept));
        drop(self.0.live.send(kept));
    }

    /// Watches from a place on; `None`: from the next event on.
    pub fn subscribe(&self, since: Option<Since>) -> Subscription {
        // No event comes between the two.
        let ring = self.ring();
        Subscription { replay: ring.since(since, Moment::now()), live: self.0.live.subscribe() }
    }

    /// What is kept from a place on.
    pub fn kept(&self, since: Since) -> Replay {
        self.ring().since(Some(since), Moment::now())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Whoever panicked while it was held had not begun to change it, or was done.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event of one watcher only, with the number after which it is told on.
pub fn aside(event: Event, sequence: u64) -> Kept {
    let (kind, severity, words) = (event.kind(), event.severity(), event.words());
    let at = Moment::now();
    Kept { sequence, at, kind, json: json(&Told { event, sequence, at, severity, words }) }
}

/// Events have no maps with odd keys: there is nothing that JSON could not say.
fn json(told: &Told) -> String {
    serde_json::to_string(told).unwrap_or_default()
}

/// The event's line of the log. The names of its fields are those of the journal, see [`crate::log::journald`].
fn log(event: &Event, severity: Severity, words: &str) {
    let (kind, subject) = (event.kind(), event.subject());
    let (vip, pool, backend) = (subject.vip, subject.pool, subject.backend);
    let (uid, gid, pid, user) = match event.author() {
        Some(Author::User { uid, gid, pid, user }) => (Some(uid), gid.as_ref(), Some(pid), user.as_deref()),
        Some(Author::File { .. } | Author::Daemon) | None => (None, None, None, None),
    };
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                anycast.event = kind,
                anycast.vip = vip,
                anycast.pool = pool,
                anycast.backend = backend,
                anycast.uid = uid,
                anycast.gid = gid,
                anycast.pid = pid,
                anycast.user = user,
                "{words}"
            )
        };
    }
    match severity {
        Severity::Info => line!(info),
        Severity::Warning => line!(warn),
        Severity::Error => line!(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(seconds: u64) -> Event {
        Event::Settled { pool: "web".to_owned(), seconds }
    }

    #[test]
    fn a_watcher_goes_over_from_what_was_to_what_is() {
        let teller = Teller::new(10);
        (0..3).for_each(|second| teller.tell(settled(second)));
        let mut watcher = teller.subscribe(Some(Since::Sequence(0)));
        (3..5).for_each(|second| teller.tell(settled(second)));
        let mut told: Vec<Arc<Kept>> = watcher.replay.events;
        told.extend(std::iter::from_fn(|| watcher.live.try_recv().ok()));
        let seconds: Vec<Event> = told
            .iter()
            .map(|kept| serde_json::from_str::<Told>(&kept.json).unwrap())
            .inspect(|told| assert_eq!(told.words, told.event.words()))
            .map(|told| told.event)
            .collect();
        assert_eq!(seconds, (0..5).map(settled).collect::<Vec<_>>());
        assert!(told.is_sorted_by(|a, b| a.sequence + 1 == b.sequence));
    }

    #[test]
    fn whoever_wants_nothing_of_earlier_is_told_nothing_of_it() {
        let teller = Teller::new(10);
        teller.tell(settled(1));
        let mut watcher = teller.subscribe(None);
        assert!(watcher.replay.events.is_empty());
        assert!(watcher.live.try_recv().is_err());
    }
}
