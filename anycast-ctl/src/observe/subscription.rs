//! One subscription: its packets, its counts, and its end.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anycast_common::tap::TapCounts;
use tokio::sync::mpsc;

use super::{ObserveError, Record, observer::Ask};
use crate::dataplane::Taps;

/// Packets as they come. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    pub(super) records: mpsc::Receiver<Record>,
    pub(super) place: Place,
}

/// What became of the packets that a filter let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that it let through.
    pub matched: u64,
    /// Those of them that sampling left out.
    pub unsampled: u64,
    /// Those of the rest that the limit left out.
    pub limited: u64,
    /// Records that found the kernel's buffer full.
    pub lost: u64,
    /// Records that found the queue full: they were not taken fast enough.
    pub overrun: u64,
}

/// A tap that is somebody's, until this is dropped.
pub(super) struct Place {
    pub number: usize,
    pub generation: u32,
    pub taps: Arc<Taps>,
    /// What the tap had counted before.
    pub before: TapCounts,
    pub overrun: Arc<AtomicU64>,
    pub asks: mpsc::UnboundedSender<Ask>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, generation, .. } = self;
        formatter.debug_struct("Place").field("number", number).field("generation", generation).finish()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // An observer that is gone has taken everything down.
        drop(self.asks.send(Ask::End { number: self.number, generation: self.generation }));
    }
}

impl Subscription {
    /// The next packet; `None` when the daemon is stopping.
    pub async fn next(&mut self) -> Option<Record> {
        self.records.recv().await
    }

    /// One that has come already.
    pub fn next_if_there(&mut self) -> Option<Record> {
        self.records.try_recv().ok()
    }

    /// What became of packets so far.
    ///
    /// # Errors
    /// The kernel does not let the counters be read.
    pub fn tally(&self) -> Result<Tally, ObserveError> {
        let Place { number, taps, before, overrun, .. } = &self.place;
        let counts = taps.counts(*number).map_err(|error| ObserveError::Refused(error.to_string()))?;
        let TapCounts { matched, unsampled, limited, lost, .. } = counts - *before;
        Ok(Tally { matched, unsampled, limited, lost, overrun: overrun.load(Ordering::Relaxed) })
    }

    /// Has nothing more shown, so that what is there can be taken to the end: packets that were being shown at the call are in
    /// the queue when it returns.
    pub async fn stop(&mut self) {
        let Place { number, generation, asks, .. } = &self.place;
        let (done, stopped) = tokio::sync::oneshot::channel();
        if asks.send(Ask::Stop { number: *number, generation: *generation, done }).is_ok() {
            drop(stopped.await);
        }
    }
}
