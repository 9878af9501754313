//! What the API asks of the controller.

use tokio::sync::oneshot;

use super::types::{BackendStatus, Change, PlanStatus, SlotsStatus, Status};

/// One question or order. A reply that is dropped means that the controller is stopping.
#[derive(Debug)]
pub enum Request {
    /// What is steered where, with all counters.
    Status(oneshot::Sender<Result<Status, RequestError>>),
    /// The slot table of a pool.
    Slots {
        /// Name of the pool.
        pool: String,
        /// Its table.
        reply: oneshot::Sender<Result<SlotsStatus, RequestError>>,
    },
    /// Changes the backends of a pool.
    Change {
        /// Name of the pool.
        pool: String,
        /// What to change.
        change: Change,
        /// The backend after it; a removed one as it went.
        reply: oneshot::Sender<Result<BackendStatus, RequestError>>,
    },
    /// Says what a change would do.
    Plan {
        /// Name of the pool.
        pool: String,
        /// What would be changed.
        change: Change,
        /// What would come of it.
        reply: oneshot::Sender<Result<PlanStatus, RequestError>>,
    },
}

/// Why the controller refused. The text says what is wrong and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such VIP, pool or backend: 404.
    #[error("{0}")]
    NotFound(String),
    /// It contradicts what is there: 409.
    #[error("{0}")]
    Conflict(String),
    /// The site would break a rule: 422.
    #[error("{0}")]
    Invalid(String),
    /// It could not be done: 500.
    #[error("{0}")]
    Internal(String),
}
