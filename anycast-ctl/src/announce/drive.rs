//! Keeps a routing daemon where it is wanted: connects, resynchronises, looks, and begins anew when that fails.
//!
//! ```text
//!   connect ─▶ look ─▶ go ─▶ bring ─▶ wait for what is wanted next, or look and bring again
//!      ▲                                    │
//!      └────────── pause, twice as long ◀───┘ any failure
//! ```

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::driver::{self, Announcer, DriverError, Failures, Seen, Surroundings, Wanted};
use crate::model::Announce;

/// How long a routing daemon may take for anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How soon after a change it is looked at: peers have to be told first.
const LOOK_SOON: Duration = Duration::from_millis(100);

/// The pauses between two attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What is wanted, numbered: each has a greater number than those before.
pub type Numbered = (u64, Arc<Wanted>);

/// What the drive tells.
#[derive(Debug)]
pub enum Told {
    /// The routing daemon was reached. Nothing is brought about before there is a go.
    Connected {
        /// What it has.
        seen: Seen,
        /// Lets it be brought to what is wanted.
        go: oneshot::Sender<()>,
    },
    /// It was brought to what was wanted.
    Brought {
        /// What was.
        wanted: Numbered,
        /// What it could not be brought to.
        failures: Failures,
        /// How long that took.
        took: Duration,
    },
    /// It was looked at.
    Seen(Seen),
    /// It cannot be driven, and is connected to anew after a pause.
    Lost(DriverError),
}

/// A drive under way.
#[derive(Debug)]
pub struct Drive {
    wanted: watch::Sender<Numbered>,
    told: mpsc::Receiver<Told>,
    task: JoinHandle<()>,
}

impl Drive {
    /// Begins to drive the routing daemon of a site.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(settings: Arc<Announce>, surroundings: Surroundings, wanted: Arc<Wanted>) -> Self {
        let (wanted, follows) = watch::channel((0, wanted));
        let (tell, told) = mpsc::channel(16);
        let task = tokio::spawn(async move { drive(&settings, &surroundings, follows, tell).await });
        Self { wanted, told, task }
    }

    /// Wants something else from here on; answers its number.
    pub fn want(&self, wanted: Wanted) -> u64 {
        self.wanted.send_if_modified(|(number, before)| {
            let is_other = **before != wanted;
            if is_other {
                (*number, *before) = (*number + 1, Arc::new(wanted));
            }
            is_other
        });
        self.wanted.borrow().0
    }

    /// What it tells next; `None` when it has ended, which it only does by a fault.
    pub async fn told(&mut self) -> Option<Told> {
        self.told.recv().await
    }

    /// Withdraws everything, as far as that can be done soon, and ends.
    pub async fn retire(mut self, everything: Wanted) {
        let number = self.want(everything);
        let brought = async {
            while let Some(told) = self.told.recv().await {
                match told {
                    Told::Brought { wanted: (brought, _), .. } if brought >= number => return,
                    Told::Lost(error) => {
                        tracing::warn!("the routing daemon that was driven before keeps its routes: {error}");
                        return;
                    }
                    Told::Connected { go, .. } => drop(go.send(())),
                    Told::Brought { .. } | Told::Seen(_) => {}
                }
            }
        };
        if timeout(PATIENCE, brought).await.is_err() {
            tracing::warn!(
                "the routing daemon that was driven before did not answer: it may keep its routes"
            );
        }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drive(
    settings: &Announce,
    surroundings: &Surroundings,
    mut wanted: watch::Receiver<Numbered>,
    tell: mpsc::Sender<Told>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let Err(error) = session(settings, surroundings, &mut wanted, &tell).await else { return };
        if tell.send(Told::Lost(error)).await.is_err() {
            return;
        }
        if begun.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// One connection, to its end; `Ok` when nobody wants anything any more.
async fn session(
    settings: &Announce,
    surroundings: &Surroundings,
    wanted: &mut watch::Receiver<Numbered>,
    tell: &mpsc::Sender<Told>,
) -> Result<(), DriverError> {
    let mut driver = patiently("be connected to", driver::connect(settings, surroundings)).await?;
    let now = wanted.borrow().1.clone();
    let seen = patiently("say what it has", driver.look(&now)).await?;
    let (go, gone) = oneshot::channel();
    if tell.send(Told::Connected { seen, go }).await.is_err() || gone.await.is_err() {
        return Ok(());
    }
    loop {
        let next = wanted.borrow_and_update().clone();
        bring(&mut *driver, next, tell).await?;
        let mut look_at = Instant::now() + LOOK_SOON;
        loop {
            tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return Ok(()),
                },
                () = sleep_until(look_at) => {
                    let next = wanted.borrow().clone();
                    let seen = patiently("say what it has", driver.look(&next.1)).await?;
                    let _ = tell.send(Told::Seen(seen)).await;
                    look_at = Instant::now() + LOOK_EVERY;
                    // What somebody else changed is put right; where nothing is to do that is next to nothing.
                    bring(&mut *driver, next, tell).await?;
                }
            }
        }
    }
}

async fn bring(
    driver: &mut dyn Announcer,
    wanted: Numbered,
    tell: &mpsc::Sender<Told>,
) -> Result<(), DriverError> {
    let begun = Instant::now();
    let failures = patiently("follow", driver.bring(&wanted.1)).await?;
    let _ = tell.send(Told::Brought { wanted, failures, took: begun.elapsed() }).await;
    Ok(())
}

async fn patiently<T>(
    what: &str,
    work: impl Future<Output = Result<T, DriverError>>,
) -> Result<T, DriverError> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        let seconds = PATIENCE.as_secs();
        Err(DriverError::Unreachable(format!(
            "the routing daemon did not {what} within {seconds} s: see whether it hangs"
        )))
    })
}
