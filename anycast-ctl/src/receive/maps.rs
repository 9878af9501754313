//! The program's maps, freshly made or pinned.

use std::{collections::BTreeSet, net::IpAddr, path::Path};

use anycast_common::receive::{Config, MAX_SENDERS, Outcome, SenderKey};
use aya::maps::{Array, LpmTrie, Map, MapData, PerCpuArray};

use super::{ReceiveError, Sender, kernel};

/// Names of the maps, in the object and as pins.
pub const NAMES: [&str; 4] = ["SENDERS", "CONFIG", "OUTCOMES", "STRANGERS"];

/// The maps of one interface.
pub struct Maps {
    senders: LpmTrie<MapData, SenderKey, u32>,
    config: Array<MapData, Config>,
    outcomes: PerCpuArray<MapData, u64>,
    strangers: PerCpuArray<MapData, SenderKey>,
}

impl Maps {
    /// The maps pinned in that directory.
    pub fn open(directory: &Path) -> Result<Self, ReceiveError> {
        let open = |name| {
            let data = MapData::from_pin(directory.join(name)).map_err(kernel("opening a pinned map"))?;
            Map::from_map_data(data).map_err(kernel("opening a pinned map"))
        };
        Self::new(open)
    }

    /// The maps that `take` answers with.
    pub fn new(
        mut take: impl FnMut(&'static str) -> Result<Map, ReceiveError>,
    ) -> Result<Self, ReceiveError> {
        let [senders, config, outcomes, strangers] = NAMES;
        Ok(Self {
            senders: LpmTrie::try_from(take(senders)?).map_err(|_| ReceiveError::Missing("map SENDERS"))?,
            config: Array::try_from(take(config)?).map_err(|_| ReceiveError::Missing("map CONFIG"))?,
            outcomes: PerCpuArray::try_from(take(outcomes)?)
                .map_err(|_| ReceiveError::Missing("map OUTCOMES"))?,
            strangers: PerCpuArray::try_from(take(strangers)?)
                .map_err(|_| ReceiveError::Missing("map STRANGERS"))?,
        })
    }

    /// Lets these send, and nobody else. Who was allowed before and still is, is so all the while.
    pub fn set_senders(&mut self, senders: &BTreeSet<Sender>) -> Result<(), ReceiveError> {
        if senders.len() > MAX_SENDERS as usize {
            return Err(ReceiveError::TooManySenders { given: senders.len() });
        }
        let before = self.senders()?;
        for sender in senders.difference(&before) {
            self.senders.insert(&sender.key(), 1, 0).map_err(kernel("adding a sender"))?;
        }
        for sender in before.difference(senders) {
            self.senders.remove(&sender.key()).map_err(kernel("removing a sender"))?;
        }
        Ok(())
    }

    /// Who may send.
    pub fn senders(&self) -> Result<BTreeSet<Sender>, ReceiveError> {
        let keys: Result<Vec<_>, _> = self.senders.keys().collect();
        let keys = keys.map_err(kernel("listing the senders"))?;
        Ok(keys.iter().filter_map(Sender::from_key).collect())
    }

    /// Writes the settings.
    pub fn set_config(&mut self, config: Config) -> Result<(), ReceiveError> {
        self.config.set(0, config, 0).map_err(kernel("writing the settings"))
    }

    /// The settings.
    pub fn config(&self) -> Result<Config, ReceiveError> {
        self.config.get(&0, 0).map_err(kernel("reading the settings"))
    }

    /// Packets that came to that, all CPUs together.
    pub fn packets(&self, outcome: Outcome) -> Result<u64, ReceiveError> {
        let values = self.outcomes.get(&outcome.code(), 0).map_err(kernel("reading a counter"))?;
        Ok(values.iter().sum())
    }

    /// The last unknown sender that each CPU saw.
    pub fn strangers(&self) -> Result<BTreeSet<IpAddr>, ReceiveError> {
        let values = self.strangers.get(&0, 0).map_err(kernel("reading the last unknown senders"))?;
        Ok(values.iter().filter_map(SenderKey::address).collect())
    }
}
