//! GoBGP 3, by its gRPC interface (`apipb.GobgpApi`), over TCP or a Unix socket.
//!
//! A route is a path of the global table that GoBGP originates. Another level is the same path with other attributes, which
//! takes the place of the former in one step. GoBGP keeps no mark of who added a path, so what is at a VIP's prefix and of
//! this GoBGP's own origin is taken for this daemon's; what is at other prefixes is left alone.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use ipnet::IpNet;

use self::{attributes::Attributes, connection::Connection, endpoint::Endpoint};
use super::{Announcer, DriverError, Failures, Level, Seen, Surroundings, Wanted};
use crate::model::{Announce, GobgpSettings, Shutdown};

mod attributes;
mod bring;
mod connection;
mod endpoint;
mod exports;
mod fault;
mod look;
mod message;
mod peers;
mod table;

#[cfg(test)]
mod tests;

/// A connection to gobgpd.
struct Gobgp {
    connection: Connection,
    /// The number of its autonomous system.
    asn: u32,
    shutdown: Shutdown,
    /// What this connection knows of the prefixes it looked at or changed.
    held: BTreeMap<IpNet, Held>,
}

/// What is known of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    /// How far it is announced; `None` if it is there in a way that this daemon did not ask for.
    level: Option<Level>,
    /// What the table has of it. A policy may change what was asked for.
    shown: Option<Attributes>,
}

/// Connects to gobgpd, and asks it for the number of its autonomous system.
///
/// # Errors
/// It is not there, does not speak the interface of GoBGP 3, or has no BGP instance.
pub(super) async fn connect(
    announce: &Announce,
    settings: &GobgpSettings,
    _surroundings: &Surroundings,
) -> Result<impl Announcer + use<>, DriverError> {
    let connection = Connection::open(Endpoint::new(&settings.endpoint)?).await?;
    let asn = connection.asn().await?;
    Ok(Gobgp { connection, asn, shutdown: announce.shutdown.clone(), held: BTreeMap::new() })
}

impl Announcer for Gobgp {
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>> {
        Box::pin(self.bring_to(wanted))
    }

    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>> {
        Box::pin(self.look_at(wanted))
    }
}

impl Gobgp {
    /// What a route has at a level; nothing, where it is not there.
    fn attributes_at(&self, level: Level) -> Option<Attributes> {
        match level {
            Level::Withdrawn => None,
            Level::ShuttingDown => Some(Attributes::shutting_down(&self.shutdown, self.asn)),
            Level::Announced => Some(Attributes::default()),
        }
    }

    /// Takes in what the table has of a prefix. As long as that stays as it was after this daemon asked for a level, the level
    /// is that one.
    fn note(&mut self, prefix: IpNet, shown: Option<Attributes>) {
        if self.held.get(&prefix).is_some_and(|held| held.shown == shown) {
            return;
        }
        let level = [Level::Withdrawn, Level::Announced, Level::ShuttingDown]
            .into_iter()
            .find(|level| self.attributes_at(*level) == shown);
        self.held.insert(prefix, Held { level, shown });
    }
}
