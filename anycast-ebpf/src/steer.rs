//! Choose the backend: flow, hash, slot, backend.

use anycast_common::{
    backend::Backend,
    flow::Flow,
    hash::{HashKey, KEY_WORDS},
    limits::SLOTS_PER_LINE,
    reason::Reason,
    slot::Slot,
};
use aya_ebpf::Global;

use crate::maps;

/// Key of the flow hash, expanded from the fleet's seed. Set by the controller when it loads the program.
#[unsafe(no_mangle)]
static HASH_KEY: [Global<u64>; KEY_WORDS] = [const { Global::new(0) }; KEY_WORDS];

struct LoadedKey;

impl HashKey for LoadedKey {
    #[inline(always)]
    fn word(&self, index: usize) -> u64 {
        HASH_KEY.get(index).map(Global::load).unwrap_or_default()
    }
}

/// The backend that owns the flow.
#[inline(always)]
pub fn backend(pool: u16, flow: &Flow) -> Result<Backend, Reason> {
    let slot = slot(pool, flow.hash(&LoadedKey))?;
    maps::backend(slot.current()).filter(Backend::is_usable).ok_or(Reason::BackendUnresolved)
}

#[inline(always)]
fn slot(pool: u16, hash: u32) -> Result<Slot, Reason> {
    let table = maps::table(pool).filter(|table| !table.is_empty()).ok_or(Reason::NoBackend)?;
    let slot = table.slot_of(hash);
    let lines = SLOTS_PER_LINE as u32;
    maps::slot(table.first_line() + slot / lines, slot % lines).ok_or(Reason::NoBackend)
}
