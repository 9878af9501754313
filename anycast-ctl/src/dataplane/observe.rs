//! What the maps hold, read back.

use anycast_common::{
    limits::{MAX_BACKENDS, MAX_POOLS},
    tunnel::Tunnel,
};

use super::{Dataplane, DataplaneError};
use crate::{
    reconcile::{Maps, Table},
    sweep::Tables as _,
};

impl Dataplane {
    /// What the maps hold, whoever wrote it. Of a table only that there is one: who its slots ought to belong to is not
    /// written in it, so it equals no table that is wanted.
    pub fn observe(&self) -> Result<Maps, DataplaneError> {
        let mut maps = Maps { directory: self.directory.entries(), ..Maps::default() };
        for index in 0..MAX_BACKENDS as u16 {
            let backend = self.backend(index);
            if backend.is_usable() {
                maps.backends.insert(index, backend);
                if backend.overhead > 0 {
                    let first = usize::from(index) * Tunnel::WORDS;
                    let words = std::array::from_fn(|word| self.tunnels.load_word(first + word));
                    maps.tunnels.insert(index, Tunnel::from_words(words));
                }
            }
        }
        for pool in self.pools() {
            maps.tables.insert(pool, Table { slots: 0, seed: None, members: Vec::new() });
        }
        maps.devices = self.devices()?;
        Ok(maps)
    }

    /// Pools that have a table.
    pub fn pools(&self) -> impl Iterator<Item = u16> {
        (0..MAX_POOLS as u16).filter(|&pool| !self.place(pool).is_empty())
    }
}
