//! What routing daemons say goes to logs, events, the API and terminals: it is made fit for them in one place.

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{Announcer, DriverError, Failures, Peer, Seen, SeenRoute, Wanted};
use crate::spelling::one_line;

/// A driver whose texts are lines that a terminal obeys nothing of, whatever the routing daemon says.
pub struct Legible<A>(pub A);

impl<A: Announcer> Announcer for Legible<A> {
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>> {
        let brought = self.0.bring(wanted);
        async { brought.await.map(failures).map_err(error) }.boxed()
    }

    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>> {
        let looked = self.0.look(wanted);
        async { looked.await.map(seen).map_err(error) }.boxed()
    }
}

/// The same error, legibly.
pub fn error(error: DriverError) -> DriverError {
    match error {
        DriverError::Unreachable(text) => DriverError::Unreachable(reason(&text)),
        DriverError::Refused(text) => DriverError::Refused(reason(&text)),
        DriverError::Garbled(text) => DriverError::Garbled(reason(&text)),
    }
}

/// Why something is not as it should be: in some words, whatever was said.
fn reason(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() { "no reason was given".to_owned() } else { line }
}

fn failures(failures: Failures) -> Failures {
    failures.into_iter().map(|(vip, text)| (vip, reason(&text))).collect()
}

fn seen(seen: Seen) -> Seen {
    let peer = |Peer { name, address, asn, established, state, since, error }| Peer {
        name: one_line(&name),
        address,
        asn,
        established,
        state: one_line(&state),
        since: since.map(|it| one_line(&it)),
        error: error.map(|it| one_line(&it)),
    };
    let route = |SeenRoute { level, exported_to, trouble }| SeenRoute {
        level,
        exported_to: exported_to.map(|names| names.iter().map(|name| one_line(name)).collect()),
        trouble: trouble.map(|it| reason(&it)),
    };
    Seen {
        daemon: one_line(&seen.daemon),
        peers: seen.peers.into_iter().map(peer).collect(),
        routes: seen.routes.into_iter().map(|(vip, it)| (vip, route(it))).collect(),
    }
}
