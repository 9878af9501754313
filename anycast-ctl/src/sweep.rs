//! The sweep: makes slots stable again when nothing is left to remember, and forgets flows that have ended. No IO here;
//! [`Sweeper`] does it, in pieces.
//!
//! A slot in transition becomes stable when an unrecorded flow and a remembered one would go to its current owner alike,
//! now and from now on:
//!
//! - no live flow is remembered for it that goes anywhere else. A remembered flow is dead when it has shown no packet for
//!   the idle timeout or when its backend, or that generation of it, is gone;
//! - its base owner is gone, or is the current owner, or has not been used for the idle timeout;
//! - its owner did not change for [`SETTLE_TICKS`] before the sweep began. Flows are only ever recorded for the owner of the
//!   moment, so nothing that is recorded behind the sweep's back holds such a slot.
//!
//! Embryonic flows are looked at before pins: a flow that is promoted meanwhile is seen at least once. Dead flows are
//! deleted before any slot is made stable. While a slot is stable its records are not read and may become untrue; those
//! that the sweep left agreed with the slot, and the program believes none for longer than the idle timeout.

mod sweeper;

use std::collections::{BTreeMap, HashMap};

use anycast_common::{
    address::Address,
    clock,
    flow::Flow,
    hash::{KEY_WORDS, expand_seed},
    pin::Pin,
    slot::{Slot, Table},
};

use crate::model::HashPolicy;

pub use self::sweeper::{Outcome, Progress, Sweeper};

/// Ticks for which a slot's owner must have been the same before a sweep that makes the slot stable begins. A run of the
/// program that read the slot before takes microseconds.
pub const SETTLE_TICKS: u32 = 2;

/// Protocol number of UDP.
const UDP: u8 = 17;

/// What a sweep must know of the site. It may change between two pieces of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The pools, by their number.
    pub pools: BTreeMap<u16, PoolScope>,
    /// Pool number by the address of the VIP.
    pub vips: HashMap<Address, u16>,
    /// Every backend whose flows may live, by its index, whether it can be reached or not. Whoever was removed, or drained
    /// past its deadline, is not among them.
    pub backends: HashMap<u16, BackendScope>,
}

/// What a sweep must know of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolScope {
    /// Slots of its table.
    pub slots: u32,
    /// Ticks after which a silent flow has ended.
    pub idle_timeout: u32,
    /// What of a flow its slot follows from.
    pub hash: HashPolicy,
    /// Whether the records of UDP flows are read whatever the state of the slot: then they hold none in transition.
    pub udp_pinned: bool,
}

/// What a sweep must know of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendScope {
    /// Its generation: flows of an earlier one have ended.
    pub generation: u16,
    /// The number of its pool: flows of a VIP that was moved to another one have ended.
    pub pool: u16,
}

/// Where a remembered flow that lives belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To that slot of that pool: what is remembered of it is read while the slot is in transition.
    Slot {
        /// Number of the pool.
        pool: u16,
        /// The slot.
        slot: u32,
    },
    /// To no slot: what is remembered of it is always read.
    Apart,
}

/// Why a remembered flow has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// No VIP has its destination any more.
    Vip,
    /// Its backend is gone, or drained past its deadline, or another pool's than its VIP's.
    Backend,
    /// It showed no packet for the idle timeout.
    Silent,
}

impl Scope {
    /// Where a remembered flow belongs, by the flow hash of that key, given where the tables of pools lie.
    ///
    /// # Errors
    ///
    /// Why it has ended.
    pub fn place(
        &self,
        table: impl FnOnce(u16) -> Table,
        hash_key: &[u64; KEY_WORDS],
        flow: &Flow,
        pin: Pin,
        now: u32,
    ) -> Result<Place, Ended> {
        let &number = self.vips.get(&flow.destination).ok_or(Ended::Vip)?;
        let pool = self.pools.get(&number).ok_or(Ended::Vip)?;
        let owner = BackendScope { generation: pin.generation(), pool: number };
        if self.backends.get(&pin.backend()) != Some(&owner) {
            return Err(Ended::Backend);
        }
        if has_ended(clock::since(pin.last_seen(), now), pool.idle_timeout) {
            return Err(Ended::Silent);
        }
        if pool.udp_pinned && flow.protocol == UDP {
            return Ok(Place::Apart);
        }
        let point = match pool.hash {
            HashPolicy::FiveTuple => *flow,
            HashPolicy::SourceAddress => flow.narrowed(true),
            HashPolicy::SourceAndDestination => flow.narrowed(false),
        };
        Ok(Place::Slot { pool: number, slot: table(number).slot_of(point.hash(hash_key)) })
    }
}

/// The published tables.
pub trait Tables {
    /// Where a pool's table lies, and how many slots it has.
    fn place(&self, pool: u16) -> Table;
    /// A slot, if the table has it.
    fn slot(&self, pool: u16, slot: u32) -> Option<Slot>;
    /// The slot's stamp.
    fn stamp(&self, pool: u16, slot: u32) -> u32;
}

/// One sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    started: u32,
    hash_key: [u64; KEY_WORDS],
    /// By pool, a bit for each slot that a live flow holds in transition.
    held: BTreeMap<u16, Vec<u64>>,
}

impl Sweep {
    /// A sweep that begins at that tick.
    pub fn begin(scope: &Scope, seed: u64, now: u32) -> Self {
        let bits = |(&number, pool): (&u16, &PoolScope)| (number, vec![0; pool.slots.div_ceil(64) as usize]);
        let held = scope.pools.iter().map(bits).collect();
        Self { started: now, hash_key: expand_seed(seed), held }
    }

    /// Looks at a remembered flow. Whether it lives: if not, it is to be deleted, and looked at again if it meanwhile
    /// changed.
    pub fn visit(&mut self, scope: &Scope, tables: &impl Tables, flow: &Flow, pin: Pin, now: u32) -> bool {
        let table = |pool| tables.place(pool);
        let Ok(place) = scope.place(table, &self.hash_key, flow, pin, now) else { return false };
        let Place::Slot { pool, slot } = place else { return true };
        if tables.slot(pool, slot).is_some_and(|slot| slot.current() != pin.backend()) {
            let words = self.held.get_mut(&pool);
            if let Some(word) = words.and_then(|words| words.get_mut(slot as usize / 64)) {
                *word |= 1 << (slot % 64);
            }
        }
        true
    }

    /// The stable slot that a slot should be replaced with, once every remembered flow was visited; `None` when it should
    /// stay as it is.
    pub fn settled(&self, scope: &Scope, tables: &impl Tables, pool: u16, number: u32) -> Option<Slot> {
        let slot = tables.slot(pool, number).filter(|slot| !slot.is_stable())?;
        let idle_timeout = scope.pools.get(&pool)?.idle_timeout;
        // A pool that appeared meanwhile has no bits: the next sweep sees to it.
        let held = self.held.get(&pool)?.get(number as usize / 64)? >> (number % 64) & 1 == 1;
        let quiet = clock::since(tables.stamp(pool, number), self.started);
        let base_is_done = slot.base() == slot.current()
            || !scope.backends.contains_key(&slot.base())
            || has_ended(quiet, idle_timeout);
        (!held && quiet >= SETTLE_TICKS && base_is_done).then(|| Slot::stable(slot.current()))
    }
}

/// One tick more than the program allows: its clock may be a tick behind ours.
fn has_ended(quiet: u32, idle_timeout: u32) -> bool {
    quiet > idle_timeout.saturating_add(1)
}
