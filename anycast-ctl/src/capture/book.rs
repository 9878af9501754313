//! Which names the numbers in packets' records stand for, and back.

use std::collections::BTreeMap;

use super::compile::Names;
use crate::{model::Site, numbers::Numbers, spelling::unknown};

/// Names of a site, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    vips: BTreeMap<u16, String>,
    pools: BTreeMap<u16, String>,
    /// `POOL/NAME` by index, those of removed backends included.
    backends: BTreeMap<u16, String>,
}

impl Book {
    /// Those of that site.
    pub fn of(site: &Site, numbers: &Numbers) -> Self {
        let vip =
            |vip: &crate::model::Vip| Some((numbers.vip(&vip.name, &vip.pool)?.number, vip.name.clone()));
        let mut book = Self { vips: site.vips.iter().filter_map(vip).collect(), ..Self::default() };
        for pool in &site.pools {
            book.pools.extend(numbers.pool(&pool.name).map(|number| (number, pool.name.clone())));
            let removed = numbers.removed(&pool.name).into_iter().map(|occupant| &occupant.backend);
            // Those of the site last: an index is one backend's, but names may repeat.
            for backend in removed.chain(&pool.backends) {
                if let Some(seat) = numbers.get(&pool.name, backend.address) {
                    book.backends.insert(seat.index, format!("{}/{}", pool.name, backend.name));
                }
            }
        }
        book
    }

    /// Name of the VIP with that number.
    pub fn vip_name(&self, number: u16) -> String {
        self.vips.get(&number).cloned().unwrap_or_else(|| format!("#{number}"))
    }

    /// Name of the pool with that number.
    pub fn pool_name(&self, number: u16) -> String {
        self.pools.get(&number).cloned().unwrap_or_else(|| format!("#{number}"))
    }

    /// `POOL/NAME` of the backend with that index.
    pub fn backend_name(&self, index: u16) -> String {
        self.backends.get(&index).cloned().unwrap_or_else(|| format!("#{index}"))
    }
}

impl Names for Book {
    fn vip(&self, name: &str) -> Result<u16, String> {
        find("vip", &self.vips, name)
    }

    fn pool(&self, name: &str) -> Result<u16, String> {
        find("pool", &self.pools, name)
    }

    fn backend(&self, pool: &str, name: &str) -> Result<u16, String> {
        // A removed one may have the name of one of the site; that has the later index as a rule, but not for sure.
        find("backend", &self.backends, &format!("{pool}/{name}"))
    }
}

fn find(kind: &str, names: &BTreeMap<u16, String>, name: &str) -> Result<u16, String> {
    let found = names.iter().find(|(_, known)| *known == name).map(|(number, _)| *number);
    let known = || names.values().map(String::as_str).collect::<Vec<_>>();
    found.ok_or_else(|| unknown(kind, name, known().into_iter()))
}
