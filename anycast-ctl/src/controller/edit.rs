//! Edits of the desired state, one backend at a time.

use std::{net::IpAddr, time::Instant};

use super::{Controller, change::no_twin};
use crate::{
    api::{request::RequestError, types::BackendStatus},
    condition::{Condition, Conditions, Drain},
    model::{Backend, Pool, Site},
    spelling::{quoted, unknown},
};

impl Controller {
    /// Adds a backend to a pool.
    ///
    /// # Errors
    ///
    /// Whatever keeps it out; nothing is changed then.
    pub fn add_backend(&mut self, pool: &str, backend: Backend) -> Result<BackendStatus, RequestError> {
        let mut site = self.site.clone();
        let edited = site.pool_mut(pool).ok_or_else(|| self.no_pool(pool))?;
        no_twin(edited, &backend)?;
        edited.backends.push(backend.clone());
        self.edit(site, self.conditions.clone())?;
        let status = self.backend_status(pool, &backend).map_err(internal)?;
        let (address, delivery) = (backend.address, status.delivery);
        tracing::info!(pool, backend = backend.name, %address, weight = backend.weight, %delivery, "added");
        Ok(status)
    }

    /// Removes a backend from a pool. Its flows are reset.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the maps cannot be changed: nothing is changed then.
    pub fn remove_backend(&mut self, pool: &str, name: &str) -> Result<BackendStatus, RequestError> {
        let mut site = self.site.clone();
        let edited = site.pool_mut(pool).ok_or_else(|| self.no_pool(pool))?;
        let position = position(edited, name)?;
        let backend = edited.backends.remove(position);
        self.edit(site, self.conditions.clone())?;
        tracing::info!(pool, backend = name, "removed");
        self.backend_status(pool, &backend).map_err(internal)
    }

    /// Changes a backend's share of new flows.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the weight is out of range, or the maps cannot be changed: nothing is changed then.
    pub fn set_weight(&mut self, pool: &str, name: &str, weight: u32) -> Result<BackendStatus, RequestError> {
        let mut site = self.site.clone();
        let edited = site.pool_mut(pool).ok_or_else(|| self.no_pool(pool))?;
        let position = position(edited, name)?;
        if let Some(backend) = edited.backends.get_mut(position) {
            backend.weight = weight;
        }
        self.edit(site, self.conditions.clone())?;
        tracing::info!(pool, backend = name, weight, "weight changed");
        self.named_status(pool, name)
    }

    /// Lets a backend take no new flows; those it has live on, until that moment if one is given. A drain that is under way
    /// gets another deadline.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the maps cannot be changed: nothing is changed then.
    pub fn set_draining(
        &mut self,
        pool: &str,
        name: &str,
        until: Option<Instant>,
    ) -> Result<BackendStatus, RequestError> {
        self.set_drain(pool, name, Some(Drain { until }))
    }

    /// Lets a draining backend take new flows again.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the maps cannot be changed: nothing is changed then.
    pub fn undrain(&mut self, pool: &str, name: &str) -> Result<BackendStatus, RequestError> {
        self.set_drain(pool, name, None)
    }

    fn set_drain(
        &mut self,
        pool: &str,
        name: &str,
        draining: Option<Drain>,
    ) -> Result<BackendStatus, RequestError> {
        let mut conditions = self.conditions.clone();
        conditions.entry(self.key(pool, name)?).or_default().draining = draining;
        self.edit(self.site.clone(), conditions)?;
        tracing::info!(pool, backend = name, draining = draining.is_some(), "drain changed");
        self.named_status(pool, name)
    }

    /// Takes note of a verdict on a backend, up or down. That stays noted whatever comes of it.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the maps cannot be changed yet: that is tried again.
    pub fn mark(&mut self, pool: &str, name: &str, up: bool) -> Result<BackendStatus, RequestError> {
        let key = self.key(pool, name)?;
        self.conditions.entry(key).or_default().marked_down = !up;
        self.reconcile().map_err(internal)?;
        tracing::info!(pool, backend = name, up, "marked");
        self.named_status(pool, name)
    }

    /// What a backend may do.
    pub fn condition(&self, pool: &str, backend: &Backend) -> Condition {
        Condition::of(&self.conditions, pool, backend)
    }

    fn named_status(&self, pool: &str, name: &str) -> Result<BackendStatus, RequestError> {
        let found = self.site.pool(pool).ok_or_else(|| self.no_pool(pool))?;
        let backend = found.backends.get(position(found, name)?);
        let backend = backend.ok_or_else(|| self.no_pool(pool))?;
        self.backend_status(pool, backend).map_err(internal)
    }

    fn key(&self, pool: &str, name: &str) -> Result<(String, IpAddr), RequestError> {
        let found = self.site.pool(pool).ok_or_else(|| self.no_pool(pool))?;
        let backend = found.backends.get(position(found, name)?);
        backend.map(|backend| (pool.to_owned(), backend.address)).ok_or_else(|| self.no_pool(pool))
    }

    /// Applies an edited site as a whole, or leaves everything as it was.
    fn edit(&mut self, site: Site, conditions: Conditions) -> Result<(), RequestError> {
        let problems: Vec<String> = site.problems().into_iter().map(|problem| problem.message).collect();
        if !problems.is_empty() {
            return Err(RequestError::Invalid(problems.join("; ")));
        }
        self.check_slots(&site)?;
        let before = (self.site.clone(), self.numbers.clone(), self.conditions.clone());
        self.conditions = conditions;
        self.adopt(site).map_err(|error| {
            let message = format!("{error:#}; nothing was changed");
            (self.site, self.numbers, self.conditions) = before;
            self.watch_addresses();
            self.reconcile_or_retry();
            RequestError::Internal(message)
        })
    }

    /// Slots of a pool's old table and of its next one are matched by their place: their number stays while it is steered.
    fn check_slots(&self, site: &Site) -> Result<(), RequestError> {
        for pool in &site.pools {
            let running = self.site.pool(&pool.name).map_or(pool.slots, |running| running.slots);
            if pool.slots != running {
                return Err(RequestError::Invalid(format!(
                    "pool {} has {running} slots: their number cannot change while it is steered, since every session of \
                     it would break; add another pool, or restart the daemon",
                    pool.name
                )));
            }
        }
        Ok(())
    }

    pub(super) fn no_pool(&self, name: &str) -> RequestError {
        RequestError::NotFound(unknown("pool", name, self.site.pools.iter().map(|pool| pool.name.as_str())))
    }
}

/// Where a backend stands in its pool.
fn position(pool: &Pool, name: &str) -> Result<usize, RequestError> {
    pool.backends.iter().position(|backend| backend.name == name).ok_or_else(|| {
        let names = pool.backends.iter().map(|backend| backend.name.as_str());
        RequestError::NotFound(unknown(&format!("backend of pool {}", quoted(&pool.name)), name, names))
    })
}

pub(super) fn internal(error: anyhow::Error) -> RequestError {
    RequestError::Internal(format!("{error:#}"))
}
