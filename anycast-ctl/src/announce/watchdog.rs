//! Withdraws what a daemon has left announced that gives no sign of life.

use std::{path::PathBuf, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    driver::{self, Surroundings},
    lease::{self, Lease, LeaseError},
};
use crate::service::Service;

/// How often the lease is read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a routing daemon may take, and between two attempts at it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long somebody who only asks may be in the way of the watchdog's place.
const ASKED_WITHIN: Duration = Duration::from_secs(1);

/// Why routes could not be withdrawn, or not be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchdogError {
    /// The lease cannot be read or written.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// Somebody else watches it.
    #[error("another watchdog watches {}: one is enough", .0.display())]
    Taken(PathBuf),
    /// The routing daemon does not follow.
    #[error("withdraw the routes of {instance}: {why}")]
    Routes {
        /// Name of the dataplane.
        instance: String,
        /// What the routing daemon, or its driver, says.
        why: String,
    },
}

/// Watches the lease until this is dropped; the service manager gets a sign of life with each look.
///
/// # Errors
/// Somebody else does, or it cannot be locked.
pub async fn watch(surroundings: &Surroundings, service: &mut Service) -> Result<(), WatchdogError> {
    let _place = take_place(surroundings).await?;
    let path = lease::path(surroundings);
    tracing::info!(lease = %path.display(), "watching");
    service.say(format!("watching {}", path.display()));
    service.ready();
    let mut told = String::new();
    loop {
        let pause = match look(surroundings).await {
            Ok(pause) => {
                if !told.is_empty() {
                    told.clear();
                    service.say(format!("watching {}", path.display()));
                }
                pause
            }
            Err(error) => {
                let error = error.to_string();
                if error != told {
                    tracing::error!("{error}; trying again every {} s", PATIENCE.as_secs());
                    service.say(error.lines().next().unwrap_or_default().to_owned());
                }
                told = error;
                PATIENCE
            }
        };
        service.beat();
        sleep(pause).await;
    }
}

async fn take_place(surroundings: &Surroundings) -> Result<std::fs::File, WatchdogError> {
    let taken = async {
        loop {
            if let Some(place) = lease::watch(surroundings)? {
                return Ok(place);
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    let path = lease::watch_path(surroundings);
    timeout(ASKED_WITHIN, taken).await.unwrap_or(Err(WatchdogError::Taken(path)))
}

/// Looks once; answers when to look next.
async fn look(surroundings: &Surroundings) -> Result<Duration, WatchdogError> {
    let Some(lease) = Lease::read(&lease::path(surroundings))?.filter(Lease::is_announced) else {
        return Ok(LOOK_EVERY);
    };
    match lease.left(lease::now()) {
        None => Ok(LOOK_EVERY),
        Some(Duration::ZERO) => {
            tracing::warn!(
                instance = lease.instance,
                pid = lease.pid,
                "no sign of the daemon for {} s: withdrawing its routes",
                lease.settings.lease.as_secs()
            );
            let routes = withdraw(surroundings, lease).await?;
            tracing::warn!("withdrew {routes} routes");
            Ok(LOOK_EVERY)
        }
        Some(left) => Ok(left.min(LOOK_EVERY)),
    }
}

/// Withdraws all routes of a lease, and writes down that there are none; answers how many there were.
///
/// # Errors
/// The routing daemon cannot be driven: the lease stays as it is.
pub async fn withdraw(surroundings: &Surroundings, lease: Lease) -> Result<usize, WatchdogError> {
    let instance = lease.instance.clone();
    let renewed = lease.renewed_ms;
    let routes = lease.wanted.values().filter(|route| route.level != driver::Level::Withdrawn).count();
    let lease = lease.withdrawn();
    let failed = |why: String| WatchdogError::Routes { instance: instance.clone(), why };
    let brought = async {
        let mut driver = driver::connect(&lease.settings, surroundings).await?;
        driver.bring(&lease.wanted).await
    };
    let silent = || failed(format!("the routing daemon did not answer within {} s", PATIENCE.as_secs()));
    let brought = timeout(PATIENCE, brought).await.map_err(|_| silent())?;
    let failures = brought.map_err(|error| failed(error.to_string()))?;
    if let Some((vip, why)) = failures.first_key_value() {
        return Err(failed(format!("VIP {vip}: {why}")));
    }
    let path = lease::path(surroundings);
    // A daemon that came back meanwhile has its own idea of what is announced.
    if Lease::read(&path)?.is_some_and(|now| now.renewed_ms == renewed) {
        lease.write(&path)?;
    }
    Ok(routes)
}
