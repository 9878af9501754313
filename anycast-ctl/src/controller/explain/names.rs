//! Whose the numbers of a walk are.

use std::{net::IpAddr, sync::Arc};

use anycast_common::slot::NO_BACKEND;

use crate::{
    api::types::{BackendState, ExplainedOwner},
    condition::{Condition, Marks, Opinions},
    controller::{Controller, status::judged, view::backends},
    health::standing::Standings,
    model::{Backend, Pool, Site, Vip},
    neighbour::Resolutions,
    numbers::{Numbers, Seat},
    way::Way,
};

/// The controller's state at one moment, without a counter.
pub struct Names {
    pub site: Arc<Site>,
    numbers: Arc<Numbers>,
    marks: Marks,
    standings: Arc<Standings>,
    serving: Arc<Marks>,
    diverted: Arc<crate::condition::Names>,
    resolutions: Resolutions,
}

/// A backend, present or removed.
pub struct Named<'a> {
    pub pool: &'a Pool,
    pub backend: &'a Backend,
    pub seat: Seat,
}

impl Controller {
    pub(super) fn names_of_walks(&self) -> Names {
        Names {
            site: Arc::clone(&self.site),
            numbers: Arc::clone(&self.numbers),
            marks: self.marks.clone(),
            standings: Arc::clone(&self.checks.standings),
            serving: Arc::clone(&self.checks.serving),
            diverted: Arc::clone(&self.diverted),
            resolutions: self.resolutions.borrow().clone(),
        }
    }
}

impl Names {
    /// The VIP with that number.
    pub fn vip(&self, number: u16) -> Option<&Vip> {
        let number_of = |vip: &Vip| self.numbers.vip(&vip.name, &vip.pool).map(|numbers| numbers.number);
        self.site.vips.iter().find(|vip| number_of(vip) == Some(number))
    }

    /// The pool with that number.
    pub fn pool(&self, number: u16) -> Option<&Pool> {
        self.site.pools.iter().find(|pool| self.numbers.pool(&pool.name) == Some(number))
    }

    /// The backend with that index.
    pub fn backend(&self, index: u16) -> Option<Named<'_>> {
        self.site.pools.iter().find_map(|pool| {
            backends(&self.numbers, pool).find_map(|backend| {
                let seat = self.numbers.get(&pool.name, backend.address)?;
                (seat.index == index).then_some(Named { pool, backend, seat })
            })
        })
    }

    /// The owner of a slot, by index; nobody owns [`NO_BACKEND`].
    pub fn owner(&self, index: u16) -> Option<ExplainedOwner> {
        if index == NO_BACKEND {
            return None;
        }
        let found: Option<(String, IpAddr)> =
            self.backend(index).map(|named| (named.backend.name.clone(), named.backend.address));
        Some(match found {
            Some((name, address)) => ExplainedOwner { name, address: Some(address) },
            None => ExplainedOwner { name: format!("index {index}"), address: None },
        })
    }

    /// How a backend is, and what there is to say of that.
    pub fn state(&self, named: &Named<'_>) -> (BackendState, Option<String>) {
        let Named { pool, backend, .. } = named;
        if !self.numbers.is_present(&pool.name, backend.address) {
            return (BackendState::Removed, None);
        }
        let Self { marks, standings, serving, diverted, .. } = self;
        let opinions = Opinions { marks, standings, serving, diverted };
        let resolution = self.resolutions.get(&backend.address);
        let way = Way::find(pool.delivery_of(backend), backend.address, resolution, &self.site.tunnel);
        let condition = Condition::of(&opinions, pool, backend);
        let detail = if condition.marked_down {
            Some("marked down".to_owned())
        } else if condition.is_down() {
            opinions.standing(pool, backend).reason.as_deref().map(str::to_owned)
        } else {
            way.as_ref().err().map(ToString::to_string)
        };
        (judged(&condition, way.is_ok()), detail)
    }
}
