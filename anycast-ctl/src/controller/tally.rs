//! What was delivered, added up for VIPs and for backends in one go.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use super::view::{View, backends};
use crate::{
    api::types::{Traffic, VipBackendStatus},
    dataplane::Counted,
    model::Pool,
};

/// The sums of what was counted.
pub(super) struct Tally<'a> {
    pub counted: &'a Counted,
    vips: HashMap<&'a str, Delivered>,
    backends: BTreeMap<(&'a str, IpAddr), Traffic>,
}

/// What was delivered for a VIP.
#[derive(Default)]
pub(super) struct Delivered {
    /// To any backend, of any pool that it had since its last counters were carried.
    pub traffic: Traffic,
    /// To the backends of its pool; those that got nothing are left out: of a million pairs most have nothing to tell.
    pub backends: Vec<VipBackendStatus>,
}

impl<'a> Tally<'a> {
    /// Adds up what was counted in pools of the site. Of VIPs and backends whose counters were not read it says nothing.
    pub fn of(view: &'a View, pools: impl IntoIterator<Item = &'a Pool>, counted: &'a Counted) -> Self {
        let mut tally = Self { counted, vips: HashMap::new(), backends: BTreeMap::new() };
        for pool in pools {
            let Some(pairs) = view.numbers.pairs(&pool.name) else { continue };
            for backend in backends(&view.numbers, pool) {
                let mut sum = view.carried.backend(&pool.name, backend.address);
                for (vip, traffic) in pairs.delivered(backend.address, counted) {
                    sum += traffic;
                    tally.vips.entry(vip).or_default().add(&backend.name, backend.address, traffic);
                }
                tally.backends.insert((&pool.name, backend.address), sum);
            }
        }
        for cell in view.numbers.leaving_cells() {
            let traffic = Traffic::from(counted.traffic(cell.counter));
            tally.vips.entry(cell.vip).or_default().traffic += traffic;
            if let Some(backend) = cell.backend {
                *tally.backends.entry(backend).or_default() += traffic;
            }
        }
        tally
    }

    /// What was delivered to a backend.
    pub fn backend(&self, pool: &str, address: IpAddr) -> Traffic {
        self.backends.get(&(pool, address)).copied().unwrap_or_default()
    }

    /// What was delivered for a VIP. It is taken out: there may be a lot of it.
    pub fn take_vip(&mut self, vip: &str) -> Delivered {
        self.vips.remove(vip).unwrap_or_default()
    }
}

impl Delivered {
    /// Adds what one counter of a backend had; its counters come one after the other.
    fn add(&mut self, name: &str, address: IpAddr, traffic: Traffic) {
        self.traffic += traffic;
        match self.backends.last_mut() {
            Some(last) if last.address == address => last.traffic += traffic,
            _ => self.backends.push(VipBackendStatus { name: name.to_owned(), address, traffic }),
        }
    }
}
