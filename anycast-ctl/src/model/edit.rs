//! Changes of the desired state, each a pure function from one site to the next.

use std::fmt;

use super::{Pool, Site, Vip};
use crate::spelling::{listed, unknown};

mod backend;
mod drain;
mod patch;
#[cfg(test)]
mod tests;

pub use backend::BackendEdit;
pub use drain::{DrainScope, DrainTerms};
pub use patch::{BackendPatch, PoolPatch, VipPatch};

/// One change that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Everything anew: a file that is applied, a revision that is gone back to.
    Replace {
        /// What takes the place of all there is.
        site: Box<Site>,
        /// What this is, for the history: `apply site.toml`.
        what: String,
    },
    /// A further VIP.
    AddVip(Vip),
    /// One VIP less.
    RemoveVip {
        /// Its name.
        name: String,
    },
    /// A VIP otherwise.
    SetVip {
        /// Its name.
        name: String,
        /// What becomes otherwise.
        patch: VipPatch,
    },
    /// A further pool, with its backends.
    AddPool(Pool),
    /// One pool less; refused while VIPs use it.
    RemovePool {
        /// Its name.
        name: String,
    },
    /// A pool otherwise.
    SetPool {
        /// Its name.
        name: String,
        /// What becomes otherwise.
        patch: PoolPatch,
    },
    /// A change of a pool's backends.
    Backend {
        /// Name of the pool.
        pool: String,
        /// The change.
        edit: BackendEdit,
    },
    /// No new flows for many backends at once; again: on other terms.
    Drain {
        /// Which.
        scope: DrainScope,
        /// On which terms, the same for all.
        terms: DrainTerms,
    },
    /// New flows for those of many backends that are draining.
    Undrain {
        /// Which.
        scope: DrainScope,
    },
}

/// Why an edit makes no sense for a site. The text says what is wrong and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such VIP, pool or backend.
    #[error("{0}")]
    Unknown(String),
    /// What is asked for contradicts what is there: a name that is taken, a pool in use, a drain of what is disabled.
    #[error("{0}")]
    Conflict(String),
    /// The site would break its rules.
    #[error("{0}")]
    Invalid(String),
}

impl Edit {
    /// The site after the edit, which keeps all its rules. An edit that changes nothing gives the site as it is.
    ///
    /// # Errors
    ///
    /// [`EditError`], with every rule that the site would break.
    pub fn apply(&self, site: &Site) -> Result<Site, EditError> {
        let after = self.edited(site)?;
        let problems: Vec<String> = after.problems().iter().map(|problem| problem.message.clone()).collect();
        if problems.is_empty() { Ok(after) } else { Err(EditError::Invalid(problems.join("; "))) }
    }

    fn edited(&self, site: &Site) -> Result<Site, EditError> {
        let mut after = match self {
            Self::Replace { site, .. } => return Ok(site.as_ref().clone()),
            Self::AddVip(_)
            | Self::RemoveVip { .. }
            | Self::SetVip { .. }
            | Self::AddPool(_)
            | Self::RemovePool { .. }
            | Self::SetPool { .. }
            | Self::Backend { .. }
            | Self::Drain { .. }
            | Self::Undrain { .. } => site.clone(),
        };
        match self {
            Self::Replace { .. } => (),
            Self::AddVip(vip) => {
                if site.vip(&vip.name).is_some() {
                    return Err(EditError::Conflict(format!(
                        "there is a VIP {} already: change it with `vip set`, or take another name",
                        vip.name
                    )));
                }
                pool_exists(site, &vip.pool)?;
                after.vips.push(vip.clone());
            }
            Self::RemoveVip { name } => {
                find_vip(site, name)?;
                after.vips.retain(|vip| vip.name != *name);
            }
            Self::SetVip { name, patch } => {
                find_vip(site, name)?;
                patch.pool.iter().try_for_each(|pool| pool_exists(site, pool))?;
                after.vips.iter_mut().filter(|vip| vip.name == *name).for_each(|vip| patch.apply(vip));
            }
            Self::AddPool(pool) => {
                if site.pool(&pool.name).is_some() {
                    return Err(EditError::Conflict(format!(
                        "there is a pool {} already: change it with `pool set`, or take another name",
                        pool.name
                    )));
                }
                after.pools.push(pool.clone());
            }
            Self::RemovePool { name } => {
                pool_exists(site, name)?;
                not_in_use(site, name)?;
                after.pools.retain(|pool| pool.name != *name);
            }
            Self::SetPool { name, patch } => patch.apply(pool_mut(&mut after, name)?),
            Self::Backend { pool, edit } => edit.apply(pool_mut(&mut after, pool)?)?,
            Self::Drain { scope, terms } => scope.drain(&mut after, *terms)?,
            Self::Undrain { scope } => scope.undrain(&mut after)?,
        }
        Ok(after)
    }

    /// Whether something comes by it that was not there.
    pub fn adds(&self) -> bool {
        match self {
            Self::AddVip(_) | Self::AddPool(_) | Self::Backend { edit: BackendEdit::Add(_), .. } => true,
            Self::Replace { .. }
            | Self::RemoveVip { .. }
            | Self::SetVip { .. }
            | Self::RemovePool { .. }
            | Self::SetPool { .. }
            | Self::Backend { .. }
            | Self::Drain { .. }
            | Self::Undrain { .. } => false,
        }
    }

    /// One line that says what it does, as a revision keeps it: `backend add web web-4`.
    pub fn summary(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace { what, .. } => f.write_str(what),
            Self::AddVip(vip) => write!(f, "vip add {} {}", vip.name, vip.address),
            Self::RemoveVip { name } => write!(f, "vip remove {name}"),
            Self::SetVip { name, patch } => write!(f, "vip set {name}{patch}"),
            Self::AddPool(pool) => write!(f, "pool add {}", pool.name),
            Self::RemovePool { name } => write!(f, "pool remove {name}"),
            Self::SetPool { name, patch } => write!(f, "pool set {name}{patch}"),
            Self::Backend { pool, edit } => write!(f, "backend {}", edit.in_pool(pool)),
            Self::Drain { scope, terms } => write!(f, "{}{terms}", scope.command("drain")),
            Self::Undrain { scope } => f.write_str(&scope.command("undrain")),
        }
    }
}

fn find_vip(site: &Site, name: &str) -> Result<(), EditError> {
    let names = site.vips.iter().map(|vip| vip.name.as_str());
    site.vip(name).map(|_| ()).ok_or_else(|| EditError::Unknown(unknown("VIP", name, names)))
}

fn pool_exists(site: &Site, name: &str) -> Result<(), EditError> {
    site.pool(name).map(|_| ()).ok_or_else(|| no_pool(site, name))
}

fn pool_mut<'a>(site: &'a mut Site, name: &str) -> Result<&'a mut Pool, EditError> {
    pool_exists(site, name)?;
    site.pool_mut(name).ok_or_else(|| EditError::Unknown(format!("no pool is called {name}")))
}

fn no_pool(site: &Site, name: &str) -> EditError {
    EditError::Unknown(unknown("pool", name, site.pools.iter().map(|pool| pool.name.as_str())))
}

fn not_in_use(site: &Site, name: &str) -> Result<(), EditError> {
    let vips: Vec<&str> =
        site.vips.iter().filter(|vip| vip.pool == name).map(|vip| vip.name.as_str()).collect();
    if vips.is_empty() {
        return Ok(());
    }
    Err(EditError::Conflict(format!(
        "pool {name} serves VIP {}: give it another pool with `vip set VIP --pool POOL`, or remove it first",
        listed(vips.into_iter())
    )))
}
