//! Statuses for everybody who asks: however many they are, the controller is asked by one at a time.
//!
//! Those who come while a status is made wait for the next one, so that nobody is told what was before the question. Under
//! load the maker rests between two: they take a fifth of a CPU at most, and counters can be cleared in between.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Bytes;
use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{
    request::{Request, RequestError},
    types::Status,
};

/// A status took this long to make: the next is begun after that many times as long.
const REST: u32 = 4;

/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Who may wait for one status.
const WAITING: usize = 4_096;

type Waiter = oneshot::Sender<Result<Arc<Snapshot>, RequestError>>;

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

/// Asks for statuses.
#[derive(Clone, Debug)]
pub struct Snapshots(mpsc::Sender<Waiter>);

impl Snapshots {
    /// Starts the maker, which asks the controller.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(controller: mpsc::Sender<Request>) -> Self {
        let (sender, waiters) = mpsc::channel(WAITING);
        tokio::spawn(make(controller, waiters));
        Self(sender)
    }

    /// A status that was begun after this was called; `None` while the controller is stopping.
    pub async fn get(&self) -> Option<Result<Arc<Snapshot>, RequestError>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(reply).await.ok()?;
        answer.await.ok()
    }
}

async fn make(controller: mpsc::Sender<Request>, mut waiters: mpsc::Receiver<Waiter>) {
    let mut next = Instant::now();
    while let Some(first) = waiters.recv().await {
        sleep_until(next).await;
        let mut served = vec![first];
        while let Ok(waiter) = waiters.try_recv() {
            served.push(waiter);
        }
        let begun = Instant::now();
        let (reply, answer) = oneshot::channel();
        if controller.send(Request::Status(reply)).await.is_err() {
            return;
        }
        let Ok(answer) = answer.await else { return };
        next = Instant::now() + (begun.elapsed() * REST).min(LONGEST_REST);
        let answer = answer.map(|status| Arc::new(Snapshot::new(status)));
        for waiter in served {
            drop(waiter.send(answer.clone()));
        }
    }
}
