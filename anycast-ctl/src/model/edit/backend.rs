//! Changes of a pool's backends.

use std::fmt;

use super::{BackendPatch, DrainTerms, EditError, drain::take_back};
use crate::{
    model::{AdminState, Backend, Pool},
    spelling::{quoted, unknown},
};

/// One change of a pool's backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendEdit {
    /// A further backend.
    Add(Backend),
    /// One less.
    Remove {
        /// Name of the backend.
        name: String,
    },
    /// One otherwise.
    Set {
        /// Name of the backend.
        name: String,
        /// What becomes otherwise.
        patch: BackendPatch,
    },
    /// No new flows for one; again: on other terms.
    Drain {
        /// Name of the backend.
        name: String,
        /// On which terms.
        terms: DrainTerms,
    },
    /// New flows for a draining one again.
    Undrain {
        /// Name of the backend.
        name: String,
    },
    /// Flows for a disabled one again.
    Enable {
        /// Name of the backend.
        name: String,
    },
    /// No flows at all for one, as if it had been removed.
    Disable {
        /// Name of the backend.
        name: String,
    },
    /// Another share of new flows.
    Weight {
        /// Name of the backend.
        name: String,
        /// At least 1.
        weight: u32,
    },
}

impl BackendEdit {
    /// Name of the backend that is changed.
    pub fn backend(&self) -> &str {
        match self {
            Self::Add(backend) => &backend.name,
            Self::Remove { name }
            | Self::Set { name, .. }
            | Self::Drain { name, .. }
            | Self::Undrain { name }
            | Self::Enable { name }
            | Self::Disable { name }
            | Self::Weight { name, .. } => name,
        }
    }

    pub(super) fn apply(&self, pool: &mut Pool) -> Result<(), EditError> {
        match self {
            Self::Add(backend) => {
                no_twin(pool, backend)?;
                pool.backends.push(backend.clone());
            }
            Self::Remove { name } => {
                find(pool, name)?;
                pool.backends.retain(|backend| backend.name != *name);
            }
            Self::Set { name, patch } => patch.apply(find(pool, name)?),
            Self::Weight { name, weight } => find(pool, name)?.weight = *weight,
            Self::Drain { name, terms } => {
                let backend = find(pool, name)?;
                if backend.state == AdminState::Disabled {
                    return Err(EditError::Conflict(format!(
                        "{name} is disabled, so it has no flows to wait for: take it back with `backend enable`"
                    )));
                }
                terms.apply(backend);
            }
            Self::Undrain { name } => {
                let backend = find(pool, name)?;
                if backend.state == AdminState::Disabled {
                    return Err(EditError::Conflict(format!(
                        "{name} is disabled, not draining: take it back with `backend enable`"
                    )));
                }
                take_back(backend);
            }
            Self::Enable { name } => {
                let backend = find(pool, name)?;
                if backend.state == AdminState::Draining {
                    return Err(EditError::Conflict(format!(
                        "{name} is draining, not disabled: take it back with `backend undrain`"
                    )));
                }
                backend.state = AdminState::Active;
            }
            Self::Disable { name } => {
                let backend = find(pool, name)?;
                (backend.state, backend.drain_until) = (AdminState::Disabled, None);
            }
        }
        Ok(())
    }

    /// The change as a command has it, without the word `backend`.
    pub(super) fn in_pool(&self, pool: &str) -> impl fmt::Display {
        let name = self.backend();
        match self {
            Self::Add(backend) => format!("add {pool} {name} {}", backend.address),
            Self::Remove { .. } => format!("remove {pool} {name}"),
            Self::Set { patch, .. } => format!("set {pool} {name}{patch}"),
            Self::Drain { terms, .. } => format!("drain {pool} {name}{terms}"),
            Self::Undrain { .. } => format!("undrain {pool} {name}"),
            Self::Enable { .. } => format!("enable {pool} {name}"),
            Self::Disable { .. } => format!("disable {pool} {name}"),
            Self::Weight { weight, .. } => format!("weight {pool} {name} {weight}"),
        }
    }
}

fn find<'a>(pool: &'a mut Pool, name: &str) -> Result<&'a mut Backend, EditError> {
    let kind = format!("backend of pool {}", quoted(&pool.name));
    let Some(position) = pool.backends.iter().position(|backend| backend.name == name) else {
        let names = pool.backends.iter().map(|backend| backend.name.as_str());
        return Err(EditError::Unknown(unknown(&kind, name, names)));
    };
    pool.backends.get_mut(position).ok_or_else(|| EditError::Unknown(format!("no {kind} is called {name}")))
}

/// Refuses a backend whose name or address the pool has.
fn no_twin(pool: &Pool, backend: &Backend) -> Result<(), EditError> {
    if pool.backend(&backend.name).is_some() {
        return Err(EditError::Conflict(format!(
            "pool {} already has a backend {}: change it with `backend set`, or take another name",
            pool.name, backend.name
        )));
    }
    match pool.backends.iter().find(|other| other.address == backend.address) {
        Some(other) => Err(EditError::Conflict(format!(
            "pool {} already has {} as backend {}: for a greater share set its weight",
            pool.name, backend.address, other.name
        ))),
        None => Ok(()),
    }
}
