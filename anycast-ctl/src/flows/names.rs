//! Names for what the program knows by number.

use std::{collections::HashMap, net::IpAddr};

use anycast_common::address::Address;

use crate::{model::Site, numbers::Numbers};

/// The names of a site at one moment.
#[derive(Clone, Debug, Default)]
pub struct SiteNames {
    vips: HashMap<Address, VipName>,
    backends: HashMap<u16, BackendName>,
}

/// A VIP's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipName {
    /// Its own.
    pub name: String,
    /// Its pool's.
    pub pool: String,
    /// Its row of counters.
    pub number: u16,
    /// Its place among the VIPs, by name.
    pub place: u32,
}

/// A backend's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendName {
    /// Its pool's.
    pub pool: String,
    /// Its own.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The generation of its index.
    pub generation: u16,
    /// Whether it was removed.
    pub removed: bool,
    /// Its place among the backends, by pool and name.
    pub place: u32,
}

impl SiteNames {
    /// The names that go with these numbers.
    pub fn of(site: &Site, numbers: &Numbers) -> Self {
        let mut vips: Vec<(Address, VipName)> = Vec::with_capacity(site.vips.len());
        for vip in &site.vips {
            let Some(found) = numbers.vip(&vip.name, &vip.pool) else { continue };
            let name =
                VipName { name: vip.name.clone(), pool: vip.pool.clone(), number: found.number, place: 0 };
            vips.push((Address::from(vip.address), name));
        }
        vips.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        let mut backends: Vec<(u16, BackendName)> = numbers
            .seats()
            .map(|(pool, occupant, seat)| {
                let name = BackendName {
                    pool: pool.to_owned(),
                    name: occupant.backend.name.clone(),
                    address: occupant.backend.address,
                    generation: seat.generation,
                    removed: occupant.is_removed(),
                    place: 0,
                };
                (seat.index, name)
            })
            .collect();
        backends.sort_by(|(_, one), (_, other)| (&one.pool, &one.name).cmp(&(&other.pool, &other.name)));
        let vips = (0..).zip(vips).map(|(place, (address, name))| (address, VipName { place, ..name }));
        let backends =
            (0..).zip(backends).map(|(place, (index, name))| (index, BackendName { place, ..name }));
        Self { vips: vips.collect(), backends: backends.collect() }
    }

    /// The VIP of that address.
    pub fn vip(&self, address: &Address) -> Option<&VipName> {
        self.vips.get(address)
    }

    /// All VIPs.
    pub fn vips(&self) -> impl Iterator<Item = (&Address, &VipName)> {
        self.vips.iter()
    }

    /// The backend of that index.
    pub fn backend(&self, index: u16) -> Option<&BackendName> {
        self.backends.get(&index)
    }

    /// The backend that had that index when it was given out for that time.
    pub fn backend_of(&self, index: u16, generation: u16) -> Option<&BackendName> {
        self.backend(index).filter(|backend| backend.generation == generation)
    }

    /// All backends, the removed ones included.
    pub fn backends(&self) -> impl Iterator<Item = (u16, &BackendName)> {
        self.backends.iter().map(|(index, name)| (*index, name))
    }
}
