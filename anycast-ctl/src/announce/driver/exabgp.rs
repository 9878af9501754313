//! ExaBGP 4.2, by its process API: over a relay that ExaBGP runs as its process, or over its named pipes.
//!
//! What it takes it acknowledges before it looks at neighbours and families, and what it stumbles over it does not acknowledge
//! at all. So what was announced is looked up in its table of outgoing routes; a withdrawal is known by its answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use ipnet::IpNet;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::{Announcer, DriverError, Failures, Level, Seen, Surroundings, Wanted};
use crate::model::{Announce, ExabgpSettings, Shutdown};

mod command;
mod door;
mod lines;
mod link;
mod message;
mod pipes;
pub mod relay;
mod see;
mod snapshot;
mod talk;
mod trouble;

pub use door::default_path;

use command::Attributes;
use link::Link;
use snapshot::Snapshot;
use talk::{Talk, TalkError};

/// A connection to ExaBGP.
#[derive(Debug)]
pub struct Exabgp {
    line: Line,
    version: String,
    shutdown: Shutdown,
    asn: Option<u32>,
    /// What it has, as it was when it was looked at last, and as it was changed since.
    snapshot: Snapshot,
    /// What the relay knows to be ours; over pipes nobody does.
    ours: Option<Ours>,
    /// Routes that neighbours did not get when they were announced: their configuration does not name our process.
    declined: BTreeSet<(IpNet, IpAddr)>,
}

/// How ExaBGP is reached.
#[derive(Debug)]
enum Line {
    Relay(Link),
    Pipes(Talk<Receiver, Sender>),
}

/// Routes that were announced by the relay, and where its successor finds them.
#[derive(Debug)]
struct Ours {
    routes: BTreeSet<IpNet>,
    socket: PathBuf,
}

/// Connects to the ExaBGP of a site, and looks at what it has.
///
/// # Errors
/// It is not there, or not as it should be.
pub async fn connect(
    announce: &Announce,
    settings: &ExabgpSettings,
    surroundings: &Surroundings,
) -> Result<Exabgp, DriverError> {
    let (line, ours) = match &settings.pipes {
        Some(directory) => (Line::Pipes(pipes::open(directory).await?), None),
        None => relayed(announce.lease, settings, surroundings).await?,
    };
    let mut exabgp = Exabgp {
        line,
        version: String::new(),
        shutdown: announce.shutdown.clone(),
        asn: announce.asn,
        snapshot: Snapshot::default(),
        ours,
        declined: BTreeSet::new(),
    };
    exabgp.version = exabgp.ask_version().await?;
    exabgp.refresh().await?;
    Ok(exabgp)
}

async fn relayed(
    lease: Duration,
    settings: &ExabgpSettings,
    surroundings: &Surroundings,
) -> Result<(Line, Option<Ours>), DriverError> {
    let socket = settings.socket.clone();
    let socket = socket.unwrap_or_else(|| default_path(&surroundings.run_dir, &surroundings.instance));
    let (link, routes) = Link::accept(&socket, lease).await?;
    Ok((Line::Relay(link), Some(Ours { routes, socket })))
}

impl Announcer for Exabgp {
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>> {
        self.bring_to(wanted).boxed()
    }

    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>> {
        async {
            self.refresh().await?;
            let (attributes, _) = self.attributes();
            Ok(see::seen(&self.snapshot, &self.version, &attributes, wanted))
        }
        .boxed()
    }
}

impl Exabgp {
    async fn bring_to(&mut self, wanted: &Wanted) -> Result<Failures, DriverError> {
        let (attributes, path_trouble) = self.attributes();
        let levels = levels(wanted);
        let withdrawals = self.withdrawals(&levels);
        let announcements: Vec<_> = levels
            .iter()
            .filter(|(prefix, level)| self.is_lacking(**prefix, **level, &attributes))
            .map(|(prefix, level)| (*prefix, *level))
            .collect();
        // Withdrawals are what cannot wait.
        let withdrawn = withdrawals.iter().map(|prefix| (*prefix, Level::Withdrawn));
        let moves: Vec<_> = withdrawn.chain(announcements.iter().copied()).collect();
        let commands: Vec<_> =
            moves.iter().map(|(prefix, level)| attributes.command(*prefix, *level)).collect();
        // Written down before, so that a relay that ExaBGP starts meanwhile knows too much rather than too little.
        self.own(announcements.iter().map(|(prefix, _)| *prefix), &BTreeSet::new())?;
        // Even without any: a relay that withdrew the routes meanwhile has hung up, and this shows it.
        let answers = self.line.exchange(&commands).await?;
        let all_done = answers.len() == commands.len() && answers.iter().all(|answer| answer == "done");
        if all_done && announcements.is_empty() {
            withdrawals.iter().for_each(|prefix| drop(self.snapshot.routes.remove(prefix)));
        } else {
            self.refresh().await?;
            self.note_declined(&announcements, &attributes);
        }
        let gone =
            withdrawals.into_iter().filter(|prefix| !self.snapshot.routes.contains_key(prefix)).collect();
        self.own([], &gone)?;
        // Where one has no answer it is not known which.
        let said = if answers.len() == moves.len() { answers } else { Vec::new() };
        let said: BTreeMap<IpNet, String> = moves.into_iter().map(|(prefix, _)| prefix).zip(said).collect();
        Ok(self.judge(wanted, &levels, &attributes, path_trouble.as_deref(), &said))
    }

    /// Routes to withdraw: those that should be and are not known to be, and those of ours that nobody wants.
    fn withdrawals(&self, levels: &BTreeMap<IpNet, Level>) -> BTreeSet<IpNet> {
        let ours = self.ours.iter().flat_map(|it| &it.routes);
        let there = ours.filter(|prefix| levels.get(prefix).is_none_or(|level| *level == Level::Withdrawn));
        let unwanted =
            levels.iter().filter(|(_, level)| **level == Level::Withdrawn).map(|(prefix, _)| prefix);
        unwanted.filter(|prefix| self.snapshot.routes.contains_key(prefix)).chain(there).copied().collect()
    }

    /// Whether a route must be announced: a neighbour lacks it, or has it as it was. The relay must know each, too.
    fn is_lacking(&self, prefix: IpNet, level: Level, attributes: &Attributes) -> bool {
        let Some(right) = attributes.at(level) else { return false };
        if self.snapshot.neighbours.iter().any(|it| it.lacks_next_hop(prefix)) {
            return false;
        }
        let there = self.snapshot.routes.get(&prefix);
        let has = |address: &IpAddr| there.and_then(|it| it.get(address)).is_some_and(|it| it == right);
        let declined = |address| self.declined.contains(&(prefix, address));
        let due = self.snapshot.neighbours.iter().filter(|it| it.family(prefix).configured);
        there.is_none()
            || self.ours.as_ref().is_some_and(|it| !it.routes.contains(&prefix))
            || due.map(|it| it.address).any(|address| !has(&address) && !declined(address))
    }

    /// Remembers who did not get what others did: announcing it again would change nothing.
    fn note_declined(&mut self, announced: &[(IpNet, Level)], attributes: &Attributes) {
        for (prefix, level) in announced {
            let Some(there) = self.snapshot.routes.get(prefix) else { continue };
            let lacking = |address: &IpAddr| there.get(address).map(String::as_str) != attributes.at(*level);
            let lacking = self.snapshot.neighbours.iter().map(|it| it.address).filter(lacking);
            self.declined.extend(lacking.map(|address| (*prefix, address)));
        }
    }

    fn own(
        &mut self,
        more: impl IntoIterator<Item = IpNet>,
        less: &BTreeSet<IpNet>,
    ) -> Result<(), DriverError> {
        let Some(Ours { routes, socket }) = &mut self.ours else { return Ok(()) };
        let before = routes.len();
        routes.extend(more);
        let grown = routes.len() != before;
        routes.retain(|prefix| !less.contains(prefix));
        if grown || routes.len() != before {
            relay::record::write(socket, routes).map_err(|error| {
                DriverError::Refused(format!(
                    "write down beside {} which routes are ours: {error}",
                    socket.display()
                ))
            })?;
        }
        Ok(())
    }

    /// The attributes of each level, and why a path cannot be made longer that should be.
    fn attributes(&self) -> (Attributes, Option<String>) {
        let own = self.snapshot.own_numbers();
        let asn = if own.len() == 1 { own.first().copied() } else { self.asn };
        let internal =
            self.snapshot.neighbours.iter().find(|it| it.local_as.is_some() && it.local_as == it.peer_as);
        let trouble = match (self.shutdown.prepend, internal, asn) {
            (0, _, _) => None,
            (_, Some(neighbour), _) => Some(trouble::internal(neighbour.address)),
            (_, None, None) => Some(trouble::NO_NUMBER.to_owned()),
            (_, None, Some(_)) => None,
        };
        (Attributes::new(&self.shutdown, asn.filter(|_| trouble.is_none())), trouble)
    }

    async fn refresh(&mut self) -> Result<(), DriverError> {
        let lines = self.line.exchange(&snapshot::QUESTIONS.map(str::to_owned)).await?;
        let snapshot = Snapshot::read(&lines).map_err(|error| DriverError::Garbled(error.to_string()))?;
        let sessions = |it: &Snapshot| -> Vec<_> {
            it.neighbours.iter().map(|it| (it.address, it.established(), it.ipv4, it.ipv6)).collect()
        };
        if sessions(&snapshot) != sessions(&self.snapshot) {
            // With another configuration they may take it.
            self.declined.clear();
        }
        self.snapshot = snapshot;
        Ok(())
    }

    async fn ask_version(&mut self) -> Result<String, DriverError> {
        let lines = self.line.exchange(&["version".to_owned()]).await?;
        let version = lines.iter().find_map(|line| line.strip_prefix("exabgp "));
        version.map(|it| format!("ExaBGP {it}")).ok_or_else(|| {
            let said: String = lines.join(" / ").chars().take(100).collect();
            DriverError::Garbled(format!(
                "ask ExaBGP for its version: it answers {said:?}; ExaBGP 4.2 is needed"
            ))
        })
    }
}

impl Line {
    async fn exchange(&mut self, commands: &[String]) -> Result<Vec<String>, DriverError> {
        match self {
            Self::Relay(link) => link.exchange(commands).await,
            Self::Pipes(talk) => talk.exchange(commands).await.map_err(|error| match error {
                TalkError::Gone => DriverError::Unreachable(
                    "nobody reads ExaBGP's pipe any more: see whether ExaBGP runs".to_owned(),
                ),
                TalkError::Io(_) | TalkError::Silent => DriverError::Unreachable(error.to_string()),
                TalkError::Endless => DriverError::Garbled(error.to_string()),
            }),
        }
    }
}

/// What is wanted of each route: VIPs may share one, which is then announced as far as any of them is.
fn levels(wanted: &Wanted) -> BTreeMap<IpNet, Level> {
    let mut levels = BTreeMap::new();
    for route in wanted.values() {
        let level = levels.entry(route.prefix).or_insert(route.level);
        *level = route.level.max(*level);
    }
    levels
}
