//! Follows the interfaces of this network namespace: the kernel detaches a program from one that goes away without a word.

use std::{io, sync::Arc, time::Duration};

use rtnetlink::MulticastGroup;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{Interface, InterfaceError};
use crate::netlink::{Notifications, is_overrun};

/// Every interface there is.
pub type Interfaces = Arc<Vec<Interface>>;

/// Notifications come in bursts: how long the first waits for the rest.
const SETTLE: Duration = Duration::from_millis(5);

/// How often interfaces are listed without a cause: of a link that somebody detached no notification tells.
const REFRESH: Duration = Duration::from_secs(5);

/// Pause before a socket that failed is opened again.
const RETRY: Duration = Duration::from_secs(1);

/// Whether there is an interface of that index in the calling thread's network namespace.
pub fn exists(index: u32) -> bool {
    // nix 0.31 takes the null pointer of a failure for success, and answers with an empty name.
    nix::net::if_::if_indextoname(index).is_ok_and(|name| !name.is_empty())
}

/// Keeps the list of all interfaces true until the receiver is dropped; it is sent again every `REFRESH` even if it is the
/// same, as the receiver may have changed something without a notification: of an attached link none tells. Changes are seen when they are, not one by one: an
/// interface that went and came again between two looks has another index, or has lost its program.
///
/// # Errors
/// `Open` and `List` when the kernel cannot be asked now; later that is tried again.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn follow() -> Result<watch::Receiver<Interfaces>, InterfaceError> {
    // Subscribed before anything is listed: no change can fall between.
    let notifications = subscribe()?;
    let (published, interfaces) = watch::channel(Arc::new(Interface::list().await?));
    tokio::spawn(run(notifications, published));
    Ok(interfaces)
}

fn subscribe() -> io::Result<Notifications> {
    Notifications::subscribe(&[MulticastGroup::Link])
}

async fn run(notifications: Notifications, published: watch::Sender<Interfaces>) {
    let mut notifications = Some(notifications);
    while !published.is_closed() {
        match &notifications {
            Some(socket) => {
                if let Err(error) = settled(socket).await {
                    tracing::warn!(%error, "the socket for notifications of interfaces failed: opening another");
                    notifications = None;
                }
            }
            None => {
                sleep(RETRY).await;
                notifications = subscribe().ok();
            }
        }
        match Interface::list().await {
            Ok(interfaces) => drop(published.send_replace(Arc::new(interfaces))),
            Err(error) => tracing::warn!(%error, "listing interfaces; trying again"),
        }
    }
}

/// Returns when something changed and a burst is over, or when it is time to look anyway.
async fn settled(socket: &Notifications) -> io::Result<()> {
    let first = match timeout(REFRESH, socket.next()).await {
        Err(_) => return Ok(()),
        Ok(first) => first,
    };
    note_overrun(first)?;
    let deadline = Instant::now() + SETTLE;
    while let Ok(next) = timeout_at(deadline, socket.next()).await {
        note_overrun(next)?;
    }
    Ok(())
}

/// What was lost is made up for by listing everything.
fn note_overrun(notification: io::Result<Vec<u8>>) -> io::Result<()> {
    match notification {
        Err(error) if is_overrun(&error) => {
            tracing::info!("the kernel dropped notifications of interfaces: listing them all again");
            Ok(())
        }
        other => other.map(drop),
    }
}
