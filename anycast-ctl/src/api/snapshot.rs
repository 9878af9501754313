//! Statuses for everybody who asks: however many they are, the controller is asked by one at a time.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::{
    request::{Request, RequestError},
    together::Together,
    types::Status,
};

/// One status and its texts, each made once.
#[derive(Debug)]
pub struct Snapshot {
    /// The status.
    pub status: Status,
    whole: OnceLock<Bytes>,
    vips: OnceLock<Bytes>,
    pools: OnceLock<Bytes>,
}

impl Snapshot {
    fn new(status: Status) -> Self {
        Self { status, whole: OnceLock::new(), vips: OnceLock::new(), pools: OnceLock::new() }
    }

    /// All of it, as JSON.
    pub fn whole(&self) -> Bytes {
        self.whole.get_or_init(|| json(&self.status)).clone()
    }

    /// Its VIPs, as JSON.
    pub fn vips(&self) -> Bytes {
        self.vips.get_or_init(|| json(&self.status.vips)).clone()
    }

    /// Its pools, as JSON.
    pub fn pools(&self) -> Bytes {
        self.pools.get_or_init(|| json(&self.status.pools)).clone()
    }
}

/// Statuses have no maps with odd keys: there is nothing that JSON could not say.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_default()
}

/// Asks for statuses. Between two counters can be cleared.
pub type Snapshots = Together<Result<Arc<Snapshot>, RequestError>>;

/// Starts the maker, which asks the controller.
///
/// # Panics
/// Outside a tokio runtime.
pub fn spawn(controller: mpsc::Sender<Request>) -> Snapshots {
    Together::spawn(move || ask(controller.clone()))
}

/// One status; `None` while the controller is stopping.
async fn ask(controller: mpsc::Sender<Request>) -> Option<Result<Arc<Snapshot>, RequestError>> {
    let (reply, answer) = oneshot::channel();
    controller.send(Request::Status(reply)).await.ok()?;
    let answer = answer.await.ok()?;
    Some(answer.map(|status| Arc::new(Snapshot::new(status))))
}
