//! Remembered flows: pins and embryonic ones, read in batches on any thread, with what became of their slots.

mod count;
mod list;
mod wanted;

use anycast_common::{
    clock,
    flow::Flow,
    hash::KEY_WORDS,
    pin::{FlowKey, Pin, Record},
};

use super::{
    SiteNames,
    names::{BackendName, VipName},
};
use crate::{
    api::types::{FlowProtocol, FlowState, FlowStatus, Kept},
    dataplane::{Batch, DataplaneError, FlowReader, Published, now_ticks},
    sweep::{Ended, Place, Scope},
};

pub use self::{
    count::count,
    list::{Listing, list},
    wanted::Wanted,
};

/// Protocol number of UDP.
const UDP: u8 = 17;

/// What remembered flows are read and explained with. The maps are as they are when they are read; the rest is of one moment.
pub struct Remembered {
    /// Flows of which only the opening packet was seen.
    pub embryonic: FlowReader,
    /// The others.
    pub pins: FlowReader,
    /// The slots.
    pub tables: Published,
    /// The key of the flow hash.
    pub hash_key: [u64; KEY_WORDS],
    /// Who may have flows.
    pub scope: Scope,
    /// What all of it is called.
    pub names: SiteNames,
}

impl std::fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Remembered").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Where in the maps reading goes on: embryonic flows come first. A flow that is promoted meanwhile may be read twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    state: FlowState,
    cursor: Option<u32>,
}

/// A remembered flow as it lies in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In which.
    pub state: FlowState,
    /// The flow.
    pub flow: Flow,
    /// Where it goes.
    pub pin: Pin,
}

/// A remembered flow with what is known of it.
pub struct Known<'a> {
    entry: Entry,
    vip: Option<&'a VipName>,
    backend: Option<&'a BackendName>,
    slot: Option<u32>,
    kept: Kept,
    silent_ticks: u32,
}

impl Position {
    /// Where all begins.
    pub const START: Self = Self { state: FlowState::Embryonic, cursor: None };

    /// From what [`Position::text`] made.
    pub fn parse(text: &str) -> Option<Self> {
        let (state, cursor) = text.split_once('-')?;
        let state = match state {
            "embryonic" => FlowState::Embryonic,
            "pinned" => FlowState::Pinned,
            _ => return None,
        };
        let cursor = if cursor == "start" { None } else { Some(cursor.parse().ok()?) };
        Some(Self { state, cursor })
    }

    /// It as a word.
    pub fn text(self) -> String {
        let state = match self.state {
            FlowState::Embryonic => "embryonic",
            FlowState::Pinned => "pinned",
        };
        self.cursor.map_or_else(|| format!("{state}-start"), |cursor| format!("{state}-{cursor}"))
    }
}

impl Remembered {
    /// Reads one batch, from a position on. Returns the next one; `None` at the end.
    ///
    /// # Errors
    ///
    /// What the kernel refuses.
    pub fn read(&self, batch: &mut Batch, at: Position) -> Result<Option<Position>, DataplaneError> {
        let next = self.map(at.state).read(batch, at.cursor)?;
        Ok(match (at.state, next) {
            (state, Some(cursor)) => Some(Position { state, cursor: Some(cursor) }),
            (FlowState::Embryonic, None) => Some(Position { state: FlowState::Pinned, cursor: None }),
            (FlowState::Pinned, None) => None,
        })
    }

    /// Has every remembered flow looked at, until `goes_on` says no.
    fn read_all(
        &self,
        mut goes_on: impl FnMut() -> bool,
        mut look: impl FnMut(Known<'_>),
    ) -> Result<(), DataplaneError> {
        // One moment for all of them, or those read later would seem to be silent for longer.
        let now = now_ticks();
        let (mut batch, mut next) = (Batch::default(), Some(Position::START));
        while let Some(at) = next.filter(|_| goes_on()) {
            next = self.read(&mut batch, at)?;
            batch.entries().for_each(|(key, record)| look(self.know(Entry::new(at.state, key, record), now)));
        }
        Ok(())
    }

    /// What is known of an entry.
    pub fn know(&self, entry: Entry, now: u32) -> Known<'_> {
        let Entry { flow, pin, .. } = entry;
        let table = |pool| self.tables.place(pool);
        let place = self.scope.place(table, &self.hash_key, &flow, pin, now);
        let (slot, kept) = match place {
            Ok(Place::Apart) => (None, Kept::UdpPinned),
            Ok(Place::Slot { pool, slot }) => {
                let kept = match self.tables.slot(pool, slot) {
                    Some(found) if found.is_stable() => Kept::SlotStable,
                    Some(found) if found.current() == pin.backend() => Kept::InTransition,
                    Some(_) => Kept::HoldsSlot,
                    // A pool without a table has no slots in transition.
                    None => Kept::SlotStable,
                };
                (Some(slot), kept)
            }
            Err(Ended::Silent) => (None, Kept::Silent),
            Err(Ended::Backend) => (None, Kept::BackendGone),
            Err(Ended::Vip) => (None, Kept::VipGone),
        };
        Known {
            entry,
            vip: self.names.vip(&flow.destination),
            backend: self.names.backend_of(pin.backend(), pin.generation()),
            slot,
            kept,
            silent_ticks: clock::since(pin.last_seen(), now),
        }
    }

    fn map(&self, state: FlowState) -> &FlowReader {
        match state {
            FlowState::Embryonic => &self.embryonic,
            FlowState::Pinned => &self.pins,
        }
    }
}

impl Entry {
    fn new(state: FlowState, key: FlowKey, record: &Record) -> Self {
        Self { state, flow: record.flow(key), pin: record.pin }
    }
}

impl Known<'_> {
    /// It as the API tells it.
    pub fn status(&self) -> FlowStatus {
        let Entry { state, flow, .. } = self.entry;
        FlowStatus {
            source: flow.source.into(),
            source_port: flow.source_port,
            destination: flow.destination.into(),
            destination_port: flow.destination_port,
            protocol: if flow.protocol == UDP { FlowProtocol::Udp } else { FlowProtocol::Tcp },
            vip: self.vip.map(|vip| vip.name.clone()),
            pool: self.backend.map(|backend| backend.pool.clone()),
            backend: self.backend.map(|backend| backend.name.clone()),
            backend_address: self.backend.map(|backend| backend.address),
            backend_removed: self.backend.is_none_or(|backend| backend.removed),
            state,
            silent_seconds: (u64::from(self.silent_ticks) << clock::TICK_SHIFT) / 1_000_000_000,
            slot: self.slot,
            kept: self.kept,
        }
    }
}

impl Kept {
    /// Whether the flow is over.
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Silent | Self::BackendGone | Self::VipGone => true,
            Self::HoldsSlot | Self::InTransition | Self::UdpPinned | Self::SlotStable => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_word() {
        for text in ["embryonic-start", "embryonic-0", "pinned-start", "pinned-4294967295"] {
            assert_eq!(Position::parse(text).map(Position::text).as_deref(), Some(text));
        }
        for text in ["", "pinned", "pinned-", "pinned--1", "pinned-4294967296", "other-1"] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
