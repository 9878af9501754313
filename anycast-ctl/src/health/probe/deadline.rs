//! When a check has to be over.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::fault::Fault;
use crate::period;

/// The end of a check's time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// So much time from here.
    pub fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, timeout }
    }

    /// Works until it is over; `missing` says what there was none of by then: `connect: no answer`.
    pub async fn during<T>(&self, missing: &str, work: impl Future<Output = T>) -> Result<T, Fault> {
        timeout_at(self.at, work).await.map_err(|_| self.missed(missing))
    }

    /// That it is over.
    pub fn missed(&self, missing: &str) -> Fault {
        Fault::failed(format!("{missing} within {}", period::text(self.timeout)))
    }
}
