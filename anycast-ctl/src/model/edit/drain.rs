//! Drains of many backends at once: of a pool, of every pool, of a host.

use std::{fmt, net::IpAddr};

use super::{EditError, no_pool};
use crate::{
    model::{AdminState, Backend, Site, WhenDrained},
    spelling::{listed, nearest, quoted},
    utc::Utc,
};

/// Whose backends are drained or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrainScope {
    /// Those of one pool, by its name.
    Pool(String),
    /// Those of every pool.
    EveryPool,
    /// Those with this address, in whatever pool.
    Host(IpAddr),
}

/// The terms of a drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainTerms {
    /// When the flows that are left are given up; `None`: never.
    pub until: Option<Utc>,
    /// Whether to remove whoever has no flow left, whatever the site said of that before.
    pub remove: bool,
}

impl DrainScope {
    /// No new flows for all of them. Disabled ones stay so: they have none to wait for.
    pub(super) fn drain(&self, site: &mut Site, terms: DrainTerms) -> Result<(), EditError> {
        self.exists(site)?;
        let mut drained = false;
        for backend in self.backends(site).filter(|backend| backend.state != AdminState::Disabled) {
            terms.apply(backend);
            drained = true;
        }
        if drained {
            return Ok(());
        }
        Err(EditError::Conflict(format!(
            "{self} has no backend that takes flows, so there are none to wait for: take one back with `backend enable`"
        )))
    }

    /// New flows again for those that are draining.
    pub(super) fn undrain(&self, site: &mut Site) -> Result<(), EditError> {
        self.exists(site)?;
        self.backends(site).filter(|backend| backend.state == AdminState::Draining).for_each(take_back);
        Ok(())
    }

    fn backends<'a>(&'a self, site: &'a mut Site) -> impl Iterator<Item = &'a mut Backend> {
        site.pools.iter_mut().flat_map(move |pool| {
            let whole = match self {
                Self::Pool(name) => pool.name == *name,
                Self::EveryPool => true,
                Self::Host(_) => false,
            };
            pool.backends.iter_mut().filter(move |backend| whole || *self == Self::Host(backend.address))
        })
    }

    fn exists(&self, site: &Site) -> Result<(), EditError> {
        match self {
            Self::Pool(name) => site.pool(name).map(|_| ()).ok_or_else(|| no_pool(site, name)),
            Self::EveryPool if site.pools.is_empty() => {
                Err(EditError::Unknown("there is no pool yet: add one with `pool add`".to_owned()))
            }
            Self::EveryPool => Ok(()),
            Self::Host(address) => {
                let mut addresses: Vec<IpAddr> = site
                    .pools
                    .iter()
                    .flat_map(|pool| &pool.backends)
                    .map(|backend| backend.address)
                    .collect();
                if addresses.contains(address) {
                    return Ok(());
                }
                addresses.sort_unstable();
                addresses.dedup();
                let known: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                Err(EditError::Unknown(nobody_has(*address, &known)))
            }
        }
    }
}

impl DrainTerms {
    /// No new flows for a backend; again: on other terms.
    pub(super) fn apply(self, backend: &mut Backend) {
        (backend.state, backend.drain_until) = (AdminState::Draining, self.until);
        if self.remove {
            backend.when_drained = WhenDrained::Remove;
        }
    }
}

/// New flows for a draining backend again. A later drain shall not remove it because this one was to.
pub(super) fn take_back(backend: &mut Backend) {
    (backend.state, backend.drain_until) = (AdminState::Active, None);
    backend.when_drained = WhenDrained::Keep;
}

fn nobody_has(address: IpAddr, known: &[String]) -> String {
    let names = || known.iter().map(String::as_str);
    let meant = nearest(&address.to_string(), names());
    let meant = meant.map(|meant| format!("did you mean {}? ", quoted(meant))).unwrap_or_default();
    if known.is_empty() {
        return format!("no backend has the address {address}: there is no backend yet");
    }
    format!("no backend has the address {address}: {meant}there is {}", listed(names()))
}

/// ` until 2026-11-21T18:00:00Z --remove`, as far as there is such a term.
impl fmt::Display for DrainTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, remove } = self;
        if let Some(until) = until {
            write!(f, " until {until}")?;
        }
        f.write_str(if *remove { " --remove" } else { "" })
    }
}

impl fmt::Display for DrainScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(name) => write!(f, "pool {name}"),
            Self::EveryPool => f.write_str("every pool"),
            Self::Host(address) => write!(f, "host {address}"),
        }
    }
}

impl DrainScope {
    /// A change of it, as a command has it: `pool drain web`, `pool drain --all`, `host drain 10.0.0.11`.
    pub(super) fn command(&self, verb: &str) -> String {
        match self {
            Self::Pool(name) => format!("pool {verb} {name}"),
            Self::EveryPool => format!("pool {verb} --all"),
            Self::Host(address) => format!("host {verb} {address}"),
        }
    }
}
