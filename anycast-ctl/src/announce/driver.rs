//! What routing daemons have in common, as far as this one drives them. It is no BGP speaker.
//!
//! A driver is brought to what is wanted as a whole. It keeps in mind what it brought the daemon to over the connection that it
//! has, and changes only what differs; of a new connection it assumes nothing. Whoever uses it sets limits to how long it may
//! take, and drops it when it fails: a driver that failed is never used again.

use std::{collections::BTreeMap, net::IpAddr, path::Path, sync::Arc};

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Announce, Driver};

pub mod bird;
pub mod exabgp;
pub mod frr;
pub mod gobgp;
pub mod kernel;
mod legible;
mod prefixes;

use legible::Legible;

/// How far a route is announced.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Not at all.
    #[default]
    Withdrawn,
    /// As one that is about to go (RFC 8326): community, metric and path as [`crate::model::Shutdown`] says.
    ShuttingDown,
    /// As one to be used.
    Announced,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its prefix.
    pub prefix: IpNet,
    /// How far it is announced.
    pub level: Level,
}

/// Every route that is this host's to announce, by the name of its VIP; the withdrawn ones included.
pub type Wanted = BTreeMap<String, Route>;

/// The same routes, none of them announced.
pub fn withdrawn(mut wanted: Wanted) -> Wanted {
    wanted.values_mut().for_each(|route| route.level = Level::Withdrawn);
    wanted
}

/// Routes that the daemon could not be brought to, by VIP, each with what is wrong and what to do about it. A route that is
/// missing here is as it is wanted.
pub type Failures = BTreeMap<String, String>;

/// A connection to a routing daemon.
pub trait Announcer: Send {
    /// Brings the daemon to what is wanted, as far as it is not there. What it has of this daemon's beyond that is withdrawn,
    /// as far as it can be told from what is others'. A change of a level leaves no gap in which a route is gone that is
    /// announced before and after.
    ///
    /// # Errors
    /// What concerns all routes: the connection is of no use any more.
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>>;

    /// Looks at what the daemon has of these routes, and at its peers. What somebody else changed meanwhile shows, and the next
    /// [`Announcer::bring`] puts it right.
    ///
    /// # Errors
    /// As [`Announcer::bring`].
    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>>;
}

/// What a routing daemon says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seen {
    /// What it calls itself: `BIRD 2.0.12`.
    pub daemon: String,
    /// Its BGP neighbours, by name; empty where it has none or cannot be asked.
    pub peers: Vec<Peer>,
    /// Routes of this host, by VIP. One that is missing is not there.
    pub routes: BTreeMap<String, SeenRoute>,
}

/// A BGP neighbour of the routing daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Peer {
    /// What the routing daemon calls it.
    pub name: String,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// The number of its autonomous system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Whether routes are exchanged with it.
    pub established: bool,
    /// The state of the session, as the daemon says it: `Established`, `Active`.
    pub state: String,
    /// Since when, or for how long, as the daemon says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What it complains of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A route as the routing daemon has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenRoute {
    /// How far it is announced.
    pub level: Level,
    /// Names of the peers it is told; absent where the daemon cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_to: Option<Vec<String>>,
    /// What keeps it from being used or told, as far as the daemon shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Why a routing daemon cannot be driven. Texts say what was done to what, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// It is not there, or hung up.
    #[error("{0}")]
    Unreachable(String),
    /// It does not let this daemon do what it must.
    #[error("{0}")]
    Refused(String),
    /// It says what this daemon does not understand.
    #[error("{0}")]
    Garbled(String),
}

/// What drivers need beside the settings of the site.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Name of this dataplane.
    pub instance: String,
    /// Directory of its sockets, /run/anycast.
    pub run_dir: Arc<Path>,
}

impl Surroundings {
    /// Those of a dataplane whose daemon listens on that socket.
    pub fn of(instance: &str, socket: &Path) -> Self {
        let run_dir = socket.parent().unwrap_or(Path::new("/run/anycast"));
        Self { instance: instance.to_owned(), run_dir: run_dir.into() }
    }
}

/// Connects to the routing daemon of a site.
///
/// # Errors
/// It is not there, or not as it should be.
pub async fn connect(
    announce: &Announce,
    surroundings: &Surroundings,
) -> Result<Box<dyn Announcer>, DriverError> {
    connect_any(announce, surroundings).await.map_err(legible::error)
}

async fn connect_any(
    announce: &Announce,
    surroundings: &Surroundings,
) -> Result<Box<dyn Announcer>, DriverError> {
    match announce.drivers().next() {
        Some(Driver::Bird(settings)) => Ok(boxed(bird::connect(announce, settings, surroundings).await?)),
        Some(Driver::Exabgp(settings)) => Ok(boxed(exabgp::connect(announce, settings, surroundings).await?)),
        Some(Driver::Gobgp(settings)) => Ok(boxed(gobgp::connect(announce, settings, surroundings).await?)),
        Some(Driver::Frr(settings)) => Ok(boxed(frr::connect(announce, settings, surroundings).await?)),
        Some(Driver::Kernel(settings)) => Ok(boxed(kernel::connect(announce, settings, surroundings).await?)),
        None => Err(DriverError::Refused("the site names no routing daemon".to_owned())),
    }
}

fn boxed(announcer: impl Announcer + 'static) -> Box<dyn Announcer> {
    Box::new(Legible(announcer))
}
