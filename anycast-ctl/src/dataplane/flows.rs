//! The maps of remembered flows, from the controller's side.

use std::os::fd::AsFd as _;

use anycast_common::pin::{FlowKey, Record};
use aya::maps::{HashMap, Map, MapData, MapError};

use super::{DataplaneError, batch::Batch, while_doing};

/// An LRU hash map of flows.
pub struct FlowMap {
    map: Map,
    capacity: u32,
}

impl FlowMap {
    /// Takes over a map of the program.
    pub fn new(map: Map, name: &'static str) -> Result<Self, DataplaneError> {
        let Map::LruHashMap(data) = &map else { return Err(DataplaneError::Missing(name)) };
        let capacity = data.info().map_err(while_doing("reading a map's size"))?.max_entries();
        let flows = Self { map, capacity };
        // Checks the sizes of key and value, which batches rely on.
        flows.entries("taking over a map of flows")?;
        Ok(flows)
    }

    /// Entries there is room for.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Reads on from a cursor; see [`Batch::read`].
    pub fn read(&self, batch: &mut Batch, cursor: Option<u32>) -> Result<Option<u32>, DataplaneError> {
        let Map::LruHashMap(data) = &self.map else { return Ok(None) };
        batch.read(data, cursor).map_err(while_doing("reading remembered flows"))
    }

    /// The same map, to be read on any thread. Reading disturbs no packet, and makes no flow look as if it had shown one.
    pub fn reader(&self) -> Result<FlowReader, DataplaneError> {
        let doing = "opening a map of flows for reading";
        let Map::LruHashMap(data) = &self.map else { return Err(DataplaneError::Missing("map of flows")) };
        let fd = data.fd().as_fd().try_clone_to_owned().map_err(while_doing(doing))?;
        Ok(FlowReader { data: MapData::from_fd(fd).map_err(while_doing(doing))?, capacity: self.capacity })
    }

    /// What is remembered under a key.
    pub fn get(&self, key: FlowKey) -> Result<Option<Record>, DataplaneError> {
        let doing = "reading a remembered flow";
        match self.entries(doing)?.get(&key, 0) {
            Ok(record) => Ok(Some(record)),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(while_doing(doing)(error)),
        }
    }

    /// Remembers a flow.
    pub fn insert(&mut self, key: FlowKey, record: &Record) -> Result<(), DataplaneError> {
        let doing = "remembering a flow";
        let mut entries: HashMap<&mut MapData, FlowKey, Record> =
            (&mut self.map).try_into().map_err(while_doing(doing))?;
        entries.insert(key, record, 0).map_err(while_doing(doing))
    }

    /// Forgets a flow. One that is not remembered is no error.
    pub fn remove(&mut self, key: FlowKey) -> Result<(), DataplaneError> {
        let doing = "forgetting a flow";
        let mut entries: HashMap<&mut MapData, FlowKey, Record> =
            (&mut self.map).try_into().map_err(while_doing(doing))?;
        match entries.remove(&key) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(error) => Err(while_doing(doing)(error)),
        }
    }

    fn entries(&self, doing: &'static str) -> Result<HashMap<&MapData, FlowKey, Record>, DataplaneError> {
        (&self.map).try_into().map_err(while_doing(doing))
    }
}

/// A map of flows that is only read.
pub struct FlowReader {
    data: MapData,
    capacity: u32,
}

impl FlowReader {
    /// Entries there is room for.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Reads on from a cursor; see [`Batch::read`].
    pub fn read(&self, batch: &mut Batch, cursor: Option<u32>) -> Result<Option<u32>, DataplaneError> {
        batch.read(&self.data, cursor).map_err(while_doing("reading remembered flows"))
    }
}
