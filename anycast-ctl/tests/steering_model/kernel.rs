//! The kernel's side: maps, and packets that run through the decision.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
};

use anycast_common::{
    address::Address,
    backend::Backend,
    flow::Flow,
    hash::{expand_seed, mix64},
    pin::{Filter, FlowKey, Pin, Record},
    slot::{Slot, Table},
    steer::{self, Entry, FlowMap, Kind, Usable, World, choose},
};
use anycast_ctl::sweep::Tables;

/// Seed of flow hash and tables.
pub const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Everything packets read and write.
pub struct Kernel {
    pub now: u32,
    pub idle_timeout: u32,
    pub pools: Vec<PoolTable>,
    pub backends: HashMap<u16, Backend>,
    pub pins: LruMap,
    pub embryonic: LruMap,
    /// Few cells, so that flows share them.
    pub filter: [Cell<bool>; 8],
}

/// A pool's table. Slots and stamps are written by packets and by the sweep.
#[derive(Default)]
pub struct PoolTable {
    pub slots: Vec<Slot>,
    pub stamps: Vec<Cell<u32>>,
}

impl Kernel {
    /// The slot of a flow: its number and what it holds; an empty one while the pool has no table.
    pub fn slot_of(&self, pool: u16, flow: &Flow) -> (u32, Slot) {
        let number = self.place(pool).slot_of(flow.hash(&expand_seed(SEED)));
        (number, self.slot(pool, number).unwrap_or(Slot::EMPTY))
    }

    /// One packet.
    pub fn packet(&self, pool: u16, flow: &Flow, kind: Kind) -> Choice {
        let (number, slot) = self.slot_of(pool, flow);
        let cell = self.filter_cell(flow);
        choose(&Place { kernel: self, pool, number, hash: hash(flow), cell }, slot, flow, kind)
    }

    /// The flow's cell of the filter.
    pub fn filter_cell(&self, flow: &Flow) -> &Cell<bool> {
        &self.filter[Filter::cell_of(hash(flow)) % self.filter.len()]
    }

    /// Whether a backend takes packets under that generation.
    pub fn is_usable(&self, index: u16, generation: u16) -> bool {
        self.backends.get(&index).is_some_and(|backend| backend.generation == generation)
    }
}

impl Tables for Kernel {
    fn place(&self, pool: u16) -> Table {
        Table::new(0, self.pools[usize::from(pool)].slots.len() as u32)
    }

    fn slot(&self, pool: u16, slot: u32) -> Option<Slot> {
        self.pools[usize::from(pool)].slots.get(slot as usize).copied()
    }

    fn stamp(&self, pool: u16, slot: u32) -> u32 {
        self.pools[usize::from(pool)].stamps[slot as usize].get()
    }
}

struct Place<'a> {
    kernel: &'a Kernel,
    pool: u16,
    number: u32,
    hash: u64,
    cell: &'a Cell<bool>,
}

/// Where a packet goes.
pub type Choice = steer::Choice<Served>;

/// A usable backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served(pub Backend);

impl Usable for Served {
    fn generation(&self) -> u16 {
        self.0.generation
    }
}

impl World for Place<'_> {
    type Backend = Served;

    fn pins(&self) -> &impl FlowMap {
        &self.kernel.pins
    }

    fn embryonic(&self) -> &impl FlowMap {
        &self.kernel.embryonic
    }

    fn hash(&self) -> u64 {
        self.hash
    }

    fn may_be_remembered(&self) -> bool {
        self.cell.get()
    }

    fn note_remembered(&self) {
        self.cell.set(true);
    }

    fn backend(&self, index: u16) -> Option<Served> {
        self.kernel.backends.get(&index).copied().filter(Backend::is_usable).map(Served)
    }

    fn now(&self) -> u32 {
        self.kernel.now
    }

    fn idle_timeout(&self) -> u32 {
        self.kernel.idle_timeout
    }

    fn stamp_base(&self, now: u32) {
        self.kernel.pools[usize::from(self.pool)].stamps[self.number as usize].set(now);
    }
}

/// Where an entry lies: maps are read in the order of places, in batches.
pub type Cursor = (u64, FlowKey);

/// A map that evicts whomever it likes when it is full: the kernel's LRU is no strict one either.
pub struct LruMap {
    entries: RefCell<BTreeMap<Cursor, Record>>,
    capacity: usize,
    lottery: Cell<u32>,
    evicted: RefCell<Vec<Flow>>,
}

impl LruMap {
    pub fn new(capacity: usize) -> Self {
        let (lottery, evicted) = (Cell::new(1), RefCell::new(Vec::new()));
        Self { entries: RefCell::new(BTreeMap::new()), capacity, lottery, evicted }
    }

    /// Flows that were evicted since this was last asked.
    pub fn take_evicted(&self) -> Vec<Flow> {
        self.evicted.take()
    }

    /// At most `count` entries behind a cursor, and the next cursor.
    pub fn batch(&self, cursor: Option<&Cursor>, count: usize) -> (Vec<(FlowKey, Record)>, Option<Cursor>) {
        let entries = self.entries.borrow();
        let behind = |(place, _): &(&Cursor, _)| cursor.is_none_or(|cursor| *place > cursor);
        let batch: Vec<_> = entries.iter().filter(behind).take(count).collect();
        let next = batch.last().filter(|_| batch.len() == count).map(|(place, _)| **place);
        (batch.into_iter().map(|((_, key), record)| (*key, *record)).collect(), next)
    }

    pub fn get(&self, flow: &Flow) -> Option<Pin> {
        let key = key(flow);
        let record = self.entries.borrow().get(&place(key)).copied();
        record.filter(|record| record.flow(key) == *flow).map(|record| record.pin)
    }

    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }
}

fn place(key: FlowKey) -> Cursor {
    (mix64(u64::from_ne_bytes(zerocopy::transmute!(key))), key)
}

/// The key of a flow, of which a few share one.
pub fn key(flow: &Flow) -> FlowKey {
    FlowKey::new(flow, hash(flow))
}

/// The flow hash, with few bits beside those that make the slot.
fn hash(flow: &Flow) -> u64 {
    flow.wide_hash(&expand_seed(SEED)) & 0xffff_ffff_0000_7000
}

impl FlowMap for LruMap {
    fn find(&self, key: FlowKey) -> Option<impl Entry> {
        let place = place(key);
        self.entries.borrow().contains_key(&place).then_some(MapEntry { map: self, place })
    }

    fn insert(&self, key: FlowKey, record: &Record) {
        let place = place(key);
        let mut entries = self.entries.borrow_mut();
        let mut evicted = self.evicted.borrow_mut();
        if !entries.contains_key(&place) && entries.len() >= self.capacity {
            self.lottery.set(self.lottery.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
            let drawn = (self.lottery.get() >> 8) as usize % entries.len();
            let victim = *entries.keys().nth(drawn).unwrap();
            let record = entries.remove(&victim).unwrap();
            evicted.push(record.flow(victim.1));
        }
        let flow = record.flow(key);
        let replaced = entries.insert(place, *record).map(|record| record.flow(key));
        evicted.extend(replaced.filter(|other| *other != flow));
    }

    fn remove(&self, key: FlowKey) {
        self.entries.borrow_mut().remove(&place(key));
    }
}

struct MapEntry<'a> {
    map: &'a LruMap,
    place: Cursor,
}

impl Entry for MapEntry<'_> {
    fn is_of(&self, flow: &Flow) -> bool {
        self.map.entries.borrow()[&self.place].flow(self.place.1) == *flow
    }

    fn load(&self) -> Pin {
        self.map.entries.borrow()[&self.place].pin
    }

    fn store(&self, pin: Pin) {
        self.map.entries.borrow_mut().get_mut(&self.place).unwrap().pin = pin;
    }
}

/// A client's flow to one of the two VIPs.
pub fn flow(pool: u16, client: u8) -> Flow {
    Flow {
        source: Address::from_v4([198, 51, 100, client]),
        destination: Address::from_v4([192, 0, 2, pool as u8 + 1]),
        // Some share their ports, so that they may share a key.
        source_port: 40_000 + u16::from(client) % 3,
        destination_port: 443,
        protocol: if pool == 0 { 6 } else { 17 },
    }
}
