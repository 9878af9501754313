//! The kernel's tables, from which any routing daemon redistributes the VIPs: as routes, or as addresses.
//!
//! A route is `unicast PREFIX dev INTERFACE proto PROTOCOL metric METRIC`. It must be of that type: of routes of the type `local`
//! BIRD and zebra learn nothing, and sources that a `blackhole` covers fail the reverse path filter, so that replies which are
//! routed through this host would be dropped. Whoever holds the VIP goes on answering for it: the table `local` comes before.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{FutureExt as _, future::BoxFuture};
use ipnet::IpNet;

use self::{addresses::Addresses, fault::Fault, routes::Routes};
use super::{
    Announcer, DriverError, Failures, Level, Seen, SeenRoute, Surroundings, Wanted,
    prefixes::{blame, levels},
};
use crate::model::{Announce, KernelMode, KernelSettings};

mod addresses;
mod fault;
mod netlink;
mod routes;

/// A socket to change one of the tables by.
pub struct Kernel {
    settings: KernelSettings,
    table: Table,
    /// What was there when it was last listed, and changed since; `None` when that is not known.
    held: Option<Held>,
}

/// What a VIP is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its prefix.
    pub prefix: IpNet,
    /// The metric of its route; addresses have none.
    pub metric: u32,
    /// Index of the interface.
    pub interface: u32,
}

/// What is there.
#[derive(Debug, Default)]
pub struct Held {
    /// This daemon's.
    pub own: BTreeSet<Entry>,
    /// Others' that announce a prefix whatever this daemon does, and what to do about them.
    pub theirs: BTreeMap<IpNet, String>,
}

enum Table {
    Routes(Routes),
    Addresses(Addresses),
}

/// Opens a socket in the calling thread's network namespace, and lists what is there.
///
/// # Errors
/// The kernel does not let it.
pub async fn connect(
    _announce: &Announce,
    settings: &KernelSettings,
    _surroundings: &Surroundings,
) -> Result<Kernel, DriverError> {
    let mut table = match settings.mode {
        KernelMode::Route => Table::Routes(Routes::open(settings)?),
        KernelMode::Address => Table::Addresses(Addresses::open(settings)?),
    };
    let held = Some(table.list().await?);
    Ok(Kernel { settings: settings.clone(), table, held })
}

impl Announcer for Kernel {
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>> {
        self.change(wanted).boxed()
    }

    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>> {
        self.see(wanted).boxed()
    }
}

impl Kernel {
    async fn change(&mut self, wanted: &Wanted) -> Result<Failures, DriverError> {
        let levels = levels(wanted);
        let mut held = match self.held.take() {
            // What others have in the way is listed again: perhaps they removed it.
            Some(held) if !levels.keys().any(|prefix| held.theirs.contains_key(prefix)) => held,
            Some(_) | None => self.table.list().await?,
        };
        let (entries, mut faults) = self.entries(&levels, &held);
        // What nothing follows goes first. What gets another metric has both for a moment.
        let follows = |entry: &Entry| entries.keys().any(|prefix| *prefix == entry.prefix);
        let unwanted = held.own.iter().filter(|it| entries.get(&it.prefix) != Some(it)).copied();
        let (followed, gone): (Vec<Entry>, Vec<Entry>) =
            unwanted.filter(|it| !faults.contains_key(&it.prefix)).partition(follows);
        for entry in gone {
            self.remove(entry, &mut held, &mut faults).await?;
        }
        for entry in entries.values().filter(|it| !held.own.contains(it)).copied().collect::<Vec<_>>() {
            let replaces = held.own.iter().any(|it| (it.prefix, it.metric) == (entry.prefix, entry.metric));
            match self.table.add(entry, replaces).await? {
                Ok(()) => drop(held.own.insert(entry)),
                Err(Fault(text)) => drop(faults.insert(entry.prefix, text)),
            }
        }
        // Without its successor, what is there stays.
        for entry in followed.into_iter().filter(|it| !faults.contains_key(&it.prefix)).collect::<Vec<_>>() {
            self.remove(entry, &mut held, &mut faults).await?;
        }
        self.held = faults.is_empty().then_some(held);
        Ok(blame(wanted, &faults))
    }

    async fn remove(
        &mut self,
        entry: Entry,
        held: &mut Held,
        faults: &mut BTreeMap<IpNet, String>,
    ) -> Result<(), DriverError> {
        match self.table.remove(entry).await? {
            Ok(()) => drop(held.own.remove(&entry)),
            Err(Fault(text)) => {
                tracing::warn!("{text}");
                faults.insert(entry.prefix, text);
            }
        }
        Ok(())
    }

    async fn see(&mut self, wanted: &Wanted) -> Result<Seen, DriverError> {
        let held = self.table.list().await?;
        let mut routes = BTreeMap::new();
        for (vip, route) in wanted {
            let prefix = route.prefix.trunc();
            let trouble = held.theirs.get(&prefix).cloned();
            let own = held.own.iter().filter(|it| it.prefix == prefix).filter_map(|it| self.level(it)).max();
            if let Some(level) = own.or_else(|| trouble.is_some().then_some(Level::Announced)) {
                routes.insert(vip.clone(), SeenRoute { level, exported_to: None, trouble });
            }
        }
        self.held = Some(held);
        Ok(Seen { daemon: "Linux".to_owned(), peers: Vec::new(), routes })
    }

    /// What has to be there, and what cannot be.
    fn entries(
        &self,
        levels: &BTreeMap<IpNet, Level>,
        held: &Held,
    ) -> (BTreeMap<IpNet, Entry>, BTreeMap<IpNet, String>) {
        let (mut entries, mut faults) = (BTreeMap::new(), BTreeMap::new());
        let name = &self.settings.interface;
        let interface = nix::net::if_::if_nametoindex(name.as_str());
        for (prefix, level) in levels {
            let Some(metric) = self.metric(prefix, *level) else {
                faults.extend(held.theirs.get(prefix).map(|text| (*prefix, text.clone())));
                continue;
            };
            let fault = match &interface {
                Err(error) => Some(format!(
                    "interface {name} of [announce.kernel], for {prefix}: {error}: create it, or name another one"
                )),
                Ok(_) if self.is_too_short(prefix) => Some(format!(
                    "{prefix} is no single address, as mode = \"address\" announces them: take mode = \"route\", or leave \
                     the VIP's prefix out"
                )),
                Ok(_) => held.theirs.get(prefix).cloned(),
            };
            match (fault, &interface) {
                (None, Ok(interface)) => {
                    entries.insert(*prefix, Entry { prefix: *prefix, metric, interface: *interface });
                }
                (fault, _) => faults.extend(fault.map(|text| (*prefix, text))),
            }
        }
        (entries, faults)
    }

    /// The metric that a level has; `None`: it is to be gone.
    fn metric(&self, prefix: &IpNet, level: Level) -> Option<u32> {
        let KernelSettings { mode, metric, shutdown_metric, .. } = &self.settings;
        match (level, mode) {
            (Level::Withdrawn, _) | (Level::ShuttingDown, KernelMode::Address) => None,
            (Level::Announced, KernelMode::Address) => Some(0),
            (Level::Announced, KernelMode::Route) => Some(routes::metric(prefix, *metric)),
            (Level::ShuttingDown, KernelMode::Route) => shutdown_metric.map(|it| routes::metric(prefix, it)),
        }
    }

    fn is_too_short(&self, prefix: &IpNet) -> bool {
        self.settings.mode == KernelMode::Address && prefix.prefix_len() < prefix.max_prefix_len()
    }

    /// The level of one of this daemon's entries; `None` for one that other settings left.
    fn level(&self, entry: &Entry) -> Option<Level> {
        let has = |level: &Level| self.metric(&entry.prefix, *level) == Some(entry.metric);
        [Level::Announced, Level::ShuttingDown].into_iter().find(has)
    }
}

impl Table {
    async fn list(&mut self) -> Result<Held, DriverError> {
        match self {
            Self::Routes(routes) => routes.list().await,
            Self::Addresses(addresses) => addresses.list().await,
        }
    }

    /// Adds it, in the place of this daemon's other one if there is one.
    async fn add(&mut self, entry: Entry, replaces: bool) -> Result<Result<(), Fault>, DriverError> {
        match self {
            Self::Routes(routes) => routes.add(entry, replaces).await,
            Self::Addresses(addresses) => addresses.add(entry).await,
        }
    }

    /// Removes it. One that is gone is removed.
    async fn remove(&mut self, entry: Entry) -> Result<Result<(), Fault>, DriverError> {
        match self {
            Self::Routes(routes) => routes.remove(entry).await,
            Self::Addresses(addresses) => addresses.remove(entry).await,
        }
    }
}
