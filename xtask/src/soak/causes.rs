//! What may break a session, and when it was: docs/steering.md, "What still breaks a session", of the things that a run does.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{
    site,
    tables::Published,
    timeline::{State, Timeline},
};
use crate::lab::{Family, sites::Edges};

/// A session ends within this of what breaks it: it sends five times a second at least, but threads wait for a core.
pub const AFTER: Duration = Duration::from_secs(2);
/// A change of routes is told of so much later than it was.
pub const TOLD_WITHIN: Duration = Duration::from_millis(300);

/// Why a session, a request or a datagram's flow may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its backend was removed from the pool.
    Removed,
    /// Its backend was being drained, and the deadline passed.
    Expired,
    /// Its backend was down, in a pool with `on_down = "reset"`.
    Down,
    /// The same, by checks that failed though nothing was done to it.
    DownByItself,
    /// The edge had no way to its backend.
    Unresolved,
    /// The web server was stopped, and checks had not found out.
    ServerStopped,
    /// Its site was drained, and left with sessions on it as the deadline had passed.
    SiteExpired,
    /// Routes moved it to another site, which was not drained.
    RoutedAway,
    /// Routes moved it to another host while slots were in transition there, or hosts of its site had different tables.
    SeveralHosts,
    /// Its VIP had no route.
    NoRoute,
    /// It was opened across a change of the table, and its opening packet was repeated.
    OpenedTwice,
    /// It said nothing for longer than flows are remembered.
    Silent,
}

impl Cause {
    /// What it says in the report.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Removed => "its backend was removed",
            Self::Expired => "its backend was drained, and the deadline passed",
            Self::Down => "its backend was down, in the pool with `on_down = \"reset\"`",
            Self::DownByItself => "the same, by checks that failed though nothing was done to the backend",
            Self::Unresolved => "the edge had no way to its backend",
            Self::ServerStopped => "its web server was stopped, and checks had not found out",
            Self::SeveralHosts => "routes moved it to another edge while slots were in transition",
            Self::SiteExpired => "its site was drained, and the deadline passed",
            Self::RoutedAway => "routes moved it to the other site, without a drain",
            Self::NoRoute => "its VIP had no route",
            Self::OpenedTwice => "its opening packet was repeated across a change of the table",
            Self::Silent => "it said nothing for longer than flows are remembered",
        }
    }
}

/// Whose sessions a cause may break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Backend(String),
    /// Those of servers whose names begin so.
    Site(char),
    All,
}

/// A time in which sessions may break, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excuse {
    pub cause: Cause,
    pub family: Family,
    pub scope: Scope,
    pub from: Duration,
    pub until: Duration,
}

impl Excuse {
    /// Whether it is one for a flow of that family and backend, if it had one, that broke in that time.
    pub fn covers(&self, family: Family, backend: Option<&str>, from: Duration, until: Duration) -> bool {
        let is_in_scope = match (&self.scope, backend) {
            (Scope::All, _) | (_, None) => true,
            (Scope::Backend(name), Some(backend)) => name == backend,
            (Scope::Site(site), Some(backend)) => backend.starts_with(*site),
        };
        self.family == family && is_in_scope && self.from <= until && self.until >= from
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// What, in words.
    pub what: String,
    /// What it was done to: a server or an edge.
    pub target: String,
    pub began: Duration,
    /// When all was as before; none while it lasts.
    pub ended: Option<Duration>,
    /// Of a web server that was stopped, when checks had found out.
    pub found_out: Option<Duration>,
    /// Of a site's drain, when it leaves whatever lives.
    pub deadline: Option<Duration>,
}

impl Deed {
    fn lasted(&self, from: Duration, until: Duration) -> bool {
        self.began <= until && self.ended.is_none_or(|ended| ended + AFTER >= from)
    }
}

/// A change of transit's routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    pub at: Duration,
    pub family: Family,
    pub edges: Edges,
}

/// Everything that is known of a run but its traffic.
#[derive(Debug, Default)]
pub struct Evidence {
    pub timelines: BTreeMap<String, Timeline>,
    pub routes: Vec<Routed>,
    pub deeds: Vec<Deed>,
    /// For whoever looks for the cause of a fault.
    pub tables: Vec<Published>,
}

impl Evidence {
    /// All excuses there are.
    pub fn excuses(&self) -> Vec<Excuse> {
        let mut excuses = self.of_backends();
        excuses.extend(self.of_servers());
        excuses.extend(self.of_routes());
        excuses
    }

    /// Whether a table of that family may have changed on some edge in that time.
    pub fn has_changed(&self, family: Family, from: Duration, until: Duration) -> bool {
        self.timelines.values().any(|timeline| {
            let mut spans = timeline.maybe(from, until).map(|span| span.table(family));
            spans.next().is_some_and(|first| spans.any(|other| other != first))
        })
    }

    fn of_backends(&self) -> Vec<Excuse> {
        let mut excuses = Vec::new();
        for span in self.timelines.values().flat_map(|timeline| &timeline.spans) {
            let backends = span.pools.iter().flat_map(|(family, pool)| {
                pool.backends.iter().map(move |(name, backend)| (*family, name, backend))
            });
            for (family, name, backend) in backends {
                let (from, until) = (span.after, span.end().saturating_add(AFTER));
                let is_meant =
                    || self.deeds.iter().any(|deed| deed.target == *name && deed.lasted(from, until));
                let cause = match backend.state {
                    State::Usable => continue,
                    State::Down if site::on_down(family) == "keep" => continue,
                    State::Down if is_meant() => Cause::Down,
                    State::Down => Cause::DownByItself,
                    State::Unresolved => Cause::Unresolved,
                    State::Expired => Cause::Expired,
                    State::Gone => Cause::Removed,
                };
                excuses.push(Excuse { cause, family, scope: Scope::Backend(name.clone()), from, until });
            }
        }
        excuses
    }

    fn of_servers(&self) -> impl Iterator<Item = Excuse> + '_ {
        let stopped = self.deeds.iter().filter_map(|deed| Some((deed, deed.found_out?)));
        stopped.flat_map(|(deed, found_out)| {
            Family::ALL.map(|family| Excuse {
                cause: Cause::ServerStopped,
                family,
                scope: Scope::Backend(deed.target.clone()),
                from: deed.began,
                until: found_out + AFTER,
            })
        })
    }

    fn of_routes(&self) -> Vec<Excuse> {
        let mut excuses = Vec::new();
        for family in Family::ALL {
            let changes: Vec<&Routed> = self.routes.iter().filter(|change| change.family == family).collect();
            for (before, change) in changes.iter().zip(changes.iter().skip(1)) {
                if before.edges == change.edges {
                    continue;
                }
                let (from, until) = (change.at.saturating_sub(TOLD_WITHIN), change.at + AFTER);
                let mut add = |cause, scope| excuses.push(Excuse { cause, family, scope, from, until });
                if change.edges.is_empty() || before.edges.is_empty() {
                    add(Cause::NoRoute, Scope::All);
                }
                if self.is_unsettled(family, before, change) {
                    add(Cause::SeveralHosts, Scope::All);
                }
                for site in sites(&before.edges).difference(&sites(&change.edges)) {
                    match self.drain_at(change.at) {
                        None => add(Cause::RoutedAway, Scope::Site(*site)),
                        Some(deed) if deed.deadline.is_some_and(|deadline| change.at >= deadline) => {
                            add(Cause::SiteExpired, Scope::Site(*site));
                        }
                        // In order: nothing breaks.
                        Some(_) => {}
                    }
                }
            }
        }
        excuses
    }

    /// Whether the hosts that a change of routes moves flows between may have known different things of them.
    fn is_unsettled(&self, family: Family, before: &Routed, change: &Routed) -> bool {
        let (from, until) = (change.at.saturating_sub(TOLD_WITHIN), change.at + TOLD_WITHIN);
        let one_site = sites(&before.edges) == sites(&change.edges);
        // What one site does not remember any more is nothing to the other.
        let left = before.edges.iter().filter(|_| one_site);
        let concerned = change.edges.iter().chain(left).filter_map(|edge| self.timelines.get(edge));
        let spans: Vec<_> = concerned.flat_map(|timeline| timeline.maybe(from, until)).collect();
        let in_transition =
            spans.iter().any(|span| span.pools.get(&family).is_none_or(|pool| pool.in_transition));
        let tables: Vec<_> = spans.iter().map(|span| span.table(family)).collect();
        in_transition || one_site && tables.iter().zip(tables.iter().skip(1)).any(|(one, other)| one != other)
    }

    /// The drain of a site that was under way then.
    fn drain_at(&self, at: Duration) -> Option<&Deed> {
        self.deeds.iter().find(|deed| {
            deed.deadline.is_some() && deed.began <= at && deed.ended.is_none_or(|ended| at <= ended)
        })
    }
}

/// Sites of edges, by their first letters.
fn sites(edges: &Edges) -> std::collections::BTreeSet<char> {
    edges.iter().filter_map(|edge| edge.chars().next()).collect()
}

impl fmt::Display for Excuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({:?}, {:?}) from {:.1?} to {:.1?}",
            self.cause.words(),
            self.family,
            self.scope,
            self.from,
            self.until
        )
    }
}
