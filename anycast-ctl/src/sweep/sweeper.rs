//! Carries sweeps out on the kernel's maps, a millisecond or two at a time.

use std::collections::HashMap;

use anycast_common::pin::{FlowKey, Pin};

use super::{Scope, Sweep, Tables as _};
use crate::dataplane::{Batch, Dataplane, DataplaneError, FlowMap, now_ticks};

/// Slots looked at in one piece.
const SLOTS: u32 = 1 << 14;

/// Sweeps, one after the other.
pub struct Sweeper {
    seed: u64,
    batch: Batch,
    running: Option<Running>,
}

/// How a sweep stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Unfinished,
    /// It is over.
    Done(Outcome),
}

/// What a sweep came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Live pins.
    pub pins: u64,
    /// Live embryonic flows.
    pub embryonic: u64,
    /// Live pins by the index of their backend.
    pub pins_by_backend: HashMap<u16, u64>,
    /// Live embryonic flows by the index of their backend.
    pub embryonic_by_backend: HashMap<u16, u64>,
    /// Flows that had ended and were forgotten.
    pub forgotten: u64,
    /// Slots that became stable.
    pub settled: u64,
}

struct Running {
    sweep: Sweep,
    phase: Phase,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Looks at remembered flows, on from that cursor.
    Flows(Kind, Option<u32>),
    /// Looks at the slots of a pool, on from that one.
    Slots(u16, u32),
}

#[derive(Clone, Copy)]
enum Kind {
    Embryonic,
    Pins,
}

impl Sweeper {
    /// A sweeper of maps whose program was loaded with that seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, batch: Batch::default(), running: None }
    }

    /// Whether a sweep is under way.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Does a piece of the sweep, or begins one. After an error the next call begins anew.
    pub fn step(&mut self, dataplane: &mut Dataplane, scope: &Scope) -> Result<Progress, DataplaneError> {
        let now = now_ticks();
        let mut running = self.running.take().unwrap_or_else(|| Running {
            sweep: Sweep::begin(scope, self.seed, now),
            phase: Phase::Flows(Kind::Embryonic, None),
            outcome: Outcome::default(),
        });
        let next = match running.phase {
            Phase::Flows(kind, cursor) => {
                let next = self.flows(&mut running, dataplane, scope, kind, cursor, now)?;
                match (kind, next) {
                    (_, Some(_)) => Some(Phase::Flows(kind, next)),
                    (Kind::Embryonic, None) => Some(Phase::Flows(Kind::Pins, None)),
                    (Kind::Pins, None) => first_pool(scope, 0),
                }
            }
            Phase::Slots(pool, from) => slots(&mut running, dataplane, scope, pool, from),
        };
        let Some(phase) = next else { return Ok(Progress::Done(running.outcome)) };
        self.running = Some(Running { phase, ..running });
        Ok(Progress::Unfinished)
    }

    /// One batch of a map. Returns the next cursor.
    fn flows(
        &mut self,
        running: &mut Running,
        dataplane: &mut Dataplane,
        scope: &Scope,
        kind: Kind,
        cursor: Option<u32>,
        now: u32,
    ) -> Result<Option<u32>, DataplaneError> {
        let next = map(dataplane, kind).read(&mut self.batch, cursor)?;
        let mut dead: Vec<FlowKey> = Vec::new();
        for (key, record) in self.batch.entries() {
            if running.sweep.visit(scope, dataplane, &record.flow(key), record.pin, now) {
                running.outcome.count(kind, record.pin);
            } else {
                dead.push(key);
            }
        }
        for key in dead {
            // The flow may have been opened again since it was read.
            match map(dataplane, kind).get(key)? {
                Some(record) if running.sweep.visit(scope, dataplane, &record.flow(key), record.pin, now) => {
                    running.outcome.count(kind, record.pin);
                }
                _ => {
                    map(dataplane, kind).remove(key)?;
                    running.outcome.forgotten += 1;
                }
            }
        }
        Ok(next)
    }
}

impl Outcome {
    fn count(&mut self, kind: Kind, pin: Pin) {
        match kind {
            Kind::Embryonic => {
                self.embryonic += 1;
                *self.embryonic_by_backend.entry(pin.backend()).or_default() += 1;
            }
            Kind::Pins => {
                self.pins += 1;
                *self.pins_by_backend.entry(pin.backend()).or_default() += 1;
            }
        }
    }
}

fn map(dataplane: &mut Dataplane, kind: Kind) -> &mut FlowMap {
    match kind {
        Kind::Embryonic => &mut dataplane.embryonic,
        Kind::Pins => &mut dataplane.pins,
    }
}

/// A run of slots. Returns where the next one begins.
fn slots(
    running: &mut Running,
    dataplane: &mut Dataplane,
    scope: &Scope,
    pool: u16,
    from: u32,
) -> Option<Phase> {
    let count = dataplane.place(pool).slots();
    let end = count.min(from.saturating_add(SLOTS));
    for slot in from..end {
        if let Some(settled) = running.sweep.settled(scope, dataplane, pool, slot) {
            dataplane.settle(pool, slot, settled);
            running.outcome.settled += 1;
        }
    }
    if end < count { Some(Phase::Slots(pool, end)) } else { first_pool(scope, pool + 1) }
}

/// Where the slots of the first pool from that number on begin.
fn first_pool(scope: &Scope, from: u16) -> Option<Phase> {
    scope.pools.range(from..).next().map(|(&pool, _)| Phase::Slots(pool, 0))
}
