//! The catchment that was measured last, and whoever measures it: one at a time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::types::CatchmentStatus;

/// What is known of this site's catchment. Its copies are one.
#[derive(Clone, Debug)]
pub struct Catchments {
    last: Arc<Mutex<Option<Arc<CatchmentStatus>>>>,
    turn: Arc<Semaphore>,
}

impl Default for Catchments {
    fn default() -> Self {
        Self { last: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Catchments {
    /// The one measured last; `None` before the first.
    pub fn last(&self) -> Option<Arc<CatchmentStatus>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the turn to measure; `None` while somebody else has it.
    pub fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turn).try_acquire_owned().ok()
    }

    /// Keeps one in the place of the last.
    pub fn keep(&self, catchment: CatchmentStatus) -> Arc<CatchmentStatus> {
        let catchment = Arc::new(catchment);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&catchment));
        catchment
    }
}
