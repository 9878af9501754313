//! What should happen: a record of every flow there ever was, and of what excuses its end.

use std::collections::HashMap;

use anycast_common::{
    flow::Flow,
    slot::NO_BACKEND,
    steer::{Kind, Why},
};

use crate::kernel::{Choice, Kernel, flow};

/// A flow's life.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// Index and generation of the backend it was born on.
    backend: (u16, u16),
    last_packet: u32,
    excuse: Option<Excuse>,
}

/// Why a flow need not reach its backend any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excuse {
    /// Its backend could not be used for a while, at least.
    Gone,
    /// The map it was remembered in was full.
    Evicted,
    /// It was silent for longer than the idle timeout.
    Idle,
}

/// How often each kind of decision was held against the oracle.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub checked: HashMap<Why, u64>,
    pub excused: u64,
    /// How often a draining backend was said to have no flow left.
    pub empty: u64,
}

/// All flows.
#[derive(Default)]
pub struct Oracle {
    lives: HashMap<Flow, Life>,
    pub tally: Tally,
}

impl Oracle {
    /// Sends a packet and judges where it goes.
    pub fn packet(&mut self, kernel: &Kernel, pool: u16, client: u8, kind: Kind) -> Result<Choice, String> {
        let flow = flow(pool, client);
        let (number, slot) = kernel.slot_of(pool, &flow);
        let records = [kernel.pins.get(&flow), kernel.embryonic.get(&flow)].into_iter().flatten();
        let recorded = (matches!(kind, Kind::Pinned | Kind::Reports) || kernel.filter_cell(&flow).get())
            && records.map(|pin| kernel.now - pin.last_seen()).any(|quiet| quiet <= kernel.idle_timeout);
        let choice = kernel.packet(pool, &flow, kind);
        self.excuse_evicted(kernel);

        let wrong = |what: &str, life: Option<&Life>| {
            Err(format!(
                "tick {}: {kind:?} of flow {pool}/{client} in slot {number} {slot:?} went to {choice:?}: {what}; {life:?}",
                kernel.now
            ))
        };
        if kind == Kind::Reports
            && !recorded
            && kernel.pins.get(&flow).is_some_and(|pin| pin.last_seen() == kernel.now)
        {
            return wrong("an error makes nothing be remembered", None);
        }
        if kind == Kind::Opens {
            if !matches!(choice.why, Why::Pinned) && choice.index != slot.current() {
                return wrong("a new flow is the current owner's", None);
            }
            self.born(kernel, flow, choice);
            return Ok(choice);
        }
        let Some(life) = self.lives.get_mut(&flow) else {
            if kind == Kind::Pinned {
                if choice.index != slot.current() && choice.why != Why::Pinned {
                    return wrong("a new flow is the current owner's", None);
                }
                self.born(kernel, flow, choice);
            }
            return Ok(choice);
        };
        if kernel.now - life.last_packet > kernel.idle_timeout {
            life.excuse = Some(Excuse::Idle);
        }
        life.last_packet = kernel.now;
        let (index, generation) = life.backend;
        if !kernel.is_usable(index, generation) {
            // Without a record it looks like a flow of the base owner, who refuses it as well.
            if choice.index != slot.current() && recorded && life.excuse == Some(Excuse::Gone) {
                return wrong("the flow of a backend that is gone is the current owner's", Some(life));
            }
        } else if life.excuse.is_none() && choice.index != index {
            return wrong("it left its backend", Some(life));
        }
        match life.excuse {
            None => *self.tally.checked.entry(choice.why).or_default() += 1,
            Some(_) => self.tally.excused += 1,
        }
        // A flow without an opening packet begins anew wherever it goes.
        if kind == Kind::Pinned && life.excuse.is_some() {
            self.born(kernel, flow, choice);
        }
        Ok(choice)
    }

    /// Notes that a backend's flows cannot reach it.
    pub fn gone(&mut self, index: u16) {
        for life in self.lives.values_mut().filter(|life| life.backend.0 == index) {
            life.excuse.get_or_insert(Excuse::Gone);
        }
    }

    /// A flow of a backend that lives and has no excuse.
    pub fn left(&self, backend: (u16, u16), kernel: &Kernel) -> Option<String> {
        let lives = |life: &Life| {
            life.backend == backend
                && life.excuse.is_none()
                && kernel.now - life.last_packet <= kernel.idle_timeout
        };
        self.lives.iter().find(|(_, life)| lives(life)).map(|(flow, life)| format!("{flow:?}, {life:?}"))
    }

    /// Notes that a client considers a flow over.
    pub fn over(&mut self, pool: u16, client: u8) {
        self.lives.remove(&flow(pool, client));
    }

    fn born(&mut self, kernel: &Kernel, flow: Flow, choice: Choice) {
        let Some(backend) = kernel.backends.get(&choice.index).filter(|_| choice.index != NO_BACKEND) else {
            self.lives.remove(&flow);
            return;
        };
        let backend = (choice.index, backend.generation);
        self.lives.insert(flow, Life { backend, last_packet: kernel.now, excuse: None });
        // Remembering it may have cost it its own place.
        self.excuse_evicted(kernel);
    }

    fn excuse_evicted(&mut self, kernel: &Kernel) {
        for flow in kernel.pins.take_evicted().into_iter().chain(kernel.embryonic.take_evicted()) {
            if let Some(life) = self.lives.get_mut(&flow) {
                life.excuse = Some(Excuse::Evicted);
            }
        }
    }
}
