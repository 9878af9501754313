//! Choose the backend: flow, hash, slot, and in a transition what is remembered. The decision itself is
//! [`anycast_common::steer`]; here is what it reads and writes.

use core::ptr::{read_volatile, write_volatile};

use anycast_common::{
    clock,
    directory::Vip,
    flow::Flow,
    hash::{HashKey, KEY_WORDS},
    limits::{MAX_POOLS, SLOTS_PER_LINE},
    lookups::Lookups,
    parse::Transport,
    pin::{FlowKey, Pin, Record},
    reason::Reason,
    slot::{NO_BACKEND, Table},
    steer::{Choice, Entry, FlowMap, Kind, Usable, Why, World, choose},
    walk::{Effect, Walk},
};
use aya_ebpf::{Global, helpers::generated::bpf_ktime_get_coarse_ns};

use crate::{
    backend::{self, Way},
    maps, trace,
};

/// Key of the flow hash, expanded from the fleet's seed. Set by the controller when it loads the program.
#[unsafe(no_mangle)]
static HASH_KEY: [Global<u64>; KEY_WORDS] = [const { Global::new(0) }; KEY_WORDS];

/// That key.
pub struct LoadedKey;

impl HashKey for LoadedKey {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        HASH_KEY.get(index).map(Global::load).unwrap_or_default()
    }
}

/// A usable backend, and what its packet's delivery needs to know.
pub struct Target {
    /// How it is reached.
    pub way: Way,
    /// The packet's flow hash.
    pub hash: u32,
    /// Whether the packet opens its flow.
    pub opens_flow: bool,
}

/// The backend a packet goes to.
#[inline(always)]
pub fn backend(lookups: &Lookups, vip: &Vip, transport: &Transport) -> Result<Target, Reason> {
    trace::note(|walk| {
        let Flow { source, destination, source_port, destination_port, protocol } = transport.flow;
        (walk.source, walk.destination) = (source, destination);
        (walk.source_port, walk.destination_port, walk.protocol) = (source_port, destination_port, protocol);
        walk.kind = transport.kind.code();
        walk.reached |= Walk::FLOW;
    });
    let table = table(lookups, vip.pool).filter(|table| !table.is_empty()).ok_or(Reason::NoBackend)?;
    let hash = transport.flow.wide_hash(&LoadedKey);
    let point = if vip.flags & (Vip::HASH_SOURCE | Vip::HASH_ADDRESSES) == 0 {
        hash
    } else {
        transport.flow.narrowed(vip.flags & Vip::HASH_SOURCE != 0).wide_hash(&LoadedKey)
    };
    let number = table.slot_of((point >> 32) as u32);
    let line = table.first_line() + number / SLOTS_PER_LINE as u32;
    let index = number % SLOTS_PER_LINE as u32;
    let place = Place { lookups, hash, line, index, idle_timeout: vip.idle_timeout };
    let slot = maps::slot(place.line, place.index).ok_or(Reason::NoBackend)?;
    trace::note(|walk| {
        (walk.hash, walk.slot, walk.slots, walk.owners) = (hash, number, table.slots(), slot.to_word());
        walk.reached |= Walk::SLOT;
    });
    let Choice { index, why, backend } = choose(&place, slot, &transport.flow, transport.kind);
    trace::note(|walk| {
        (walk.backend, walk.why) = (index, why.code());
        walk.reached |= Walk::CHOICE;
    });
    match backend {
        Some(way) => {
            let opens_flow = transport.kind == Kind::Opens || why == Why::Opened;
            Ok(Target { way, hash: (hash >> 32) as u32, opens_flow })
        }
        None if index == NO_BACKEND => Err(Reason::NoBackend),
        None => Err(Reason::BackendUnusable),
    }
}

/// A pool's table, in one load.
#[inline(always)]
fn table(lookups: &Lookups, pool: u16) -> Option<Table> {
    let table = &raw const *lookups.tables.get(usize::from(pool) % MAX_POOLS)?;
    // SAFETY: a word of the map; stores to it are whole words.
    Some(unsafe { read_volatile(table) })
}

/// Ticks since boot.
#[inline(always)]
pub fn now() -> u32 {
    // SAFETY: a helper without arguments. Linux 5.11; a tenth of what the precise clock costs.
    clock::ticks(unsafe { bpf_ktime_get_coarse_ns() })
}

/// The slot a packet falls into, and the maps around it.
struct Place<'a> {
    lookups: &'a Lookups,
    hash: u64,
    line: u32,
    index: u32,
    idle_timeout: u32,
}

impl Usable for Way {
    #[inline(always)]
    fn generation(&self) -> u16 {
        self.generation()
    }
}

impl World for Place<'_> {
    type Backend = Way;

    #[inline(always)]
    fn pins(&self) -> &impl FlowMap {
        &maps::PINS
    }

    #[inline(always)]
    fn embryonic(&self) -> &impl FlowMap {
        &maps::EMBRYONIC
    }

    #[inline(always)]
    fn hash(&self) -> u64 {
        self.hash
    }

    #[inline(always)]
    fn may_be_remembered(&self) -> bool {
        maps::is_filter_set(self.hash)
    }

    #[inline(always)]
    fn note_remembered(&self) {
        maps::set_filter(self.hash);
    }

    #[inline(always)]
    fn backend(&self, index: u16) -> Option<Way> {
        backend::find(self.lookups, index).filter(Way::is_usable)
    }

    #[inline(always)]
    fn now(&self) -> u32 {
        now()
    }

    #[inline(always)]
    fn idle_timeout(&self) -> u32 {
        self.idle_timeout
    }

    #[inline(always)]
    fn stamp_base(&self, now: u32) {
        maps::stamp(self.line, self.index, now);
    }
}

impl<const EMBRYONIC: bool> FlowMap for maps::Flows<EMBRYONIC> {
    #[inline(always)]
    fn find(&self, key: FlowKey) -> Option<impl Entry> {
        self.0.get_ptr_mut(key).map(Found::<EMBRYONIC>)
    }

    #[inline(always)]
    fn insert(&self, key: FlowKey, record: &Record) {
        trace::make(if EMBRYONIC { Effect::EmbryonicInserted } else { Effect::PinInserted }, || {
            // An LRU map makes room for what is new; when it cannot, the flow stays as it was, unremembered.
            let _ = self.0.insert(key, record, 0);
        });
    }

    #[inline(always)]
    fn remove(&self, key: FlowKey) {
        trace::make(if EMBRYONIC { Effect::EmbryonicRemoved } else { Effect::PinRemoved }, || {
            // Another CPU may have removed it already.
            let _ = self.0.remove(key);
        });
    }
}

/// A value of a map of pins, as the lookup returned it: aligned to 8 bytes, and the run's for as long as it lasts. Other
/// CPUs change it in whole words.
struct Found<const EMBRYONIC: bool>(*mut Record);

impl<const EMBRYONIC: bool> Entry for Found<EMBRYONIC> {
    #[inline(always)]
    fn is_of(&self, flow: &Flow) -> bool {
        // SAFETY: see the type.
        let (source, destination) = unsafe {
            (read_volatile(&raw const (*self.0).source), read_volatile(&raw const (*self.0).destination))
        };
        source == flow.source && destination == flow.destination
    }

    #[inline(always)]
    fn load(&self) -> Pin {
        // SAFETY: see the type.
        let pin = unsafe { read_volatile(&raw const (*self.0).pin) };
        trace::note(|walk| {
            walk.pin = pin.to_word();
            walk.reached |= if EMBRYONIC { Walk::EMBRYONIC } else { Walk::PIN };
        });
        pin
    }

    #[inline(always)]
    fn store(&self, pin: Pin) {
        trace::make(if EMBRYONIC { Effect::EmbryonicSeen } else { Effect::PinSeen }, || {
            // SAFETY: see the type.
            unsafe { write_volatile(&raw mut (*self.0).pin, pin) };
        });
    }
}
