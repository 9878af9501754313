//! What one scrape is made from.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{
    Meters, announce, backend, daemon, health, host, pool,
    process::{self, Process},
    sheet::{MOST_SERIES, Sheet},
    vip,
};
use crate::api::{
    refusal::Refusal,
    router::Api,
    routes,
    snapshot::Snapshot,
    types::{AnnounceStatus, HealthStatus},
};

/// Everything, as it was within a moment.
#[derive(Debug)]
pub struct Gathered {
    /// What is steered where.
    pub snapshot: Arc<Snapshot>,
    /// What checks say; `None`: the checker did not answer.
    pub health: Option<HealthStatus>,
    /// What is announced; `None`: the announcer did not answer.
    pub announcements: Option<AnnounceStatus>,
    /// What only metrics measure.
    pub meters: Meters,
    /// What the kernel says of the daemon.
    pub process: Process,
    /// How long asking for all of it took.
    pub took: Duration,
}

impl Gathered {
    /// Asks for all of it.
    ///
    /// # Errors
    /// There is no status.
    pub(crate) async fn ask(api: &Api, meters: &Meters) -> Result<Self, Refusal> {
        let begun = Instant::now();
        let (snapshot, health, announcements) =
            tokio::join!(api.snapshot(), routes::health::ask_all(api), routes::announcements::ask_all(api));
        Ok(Self {
            snapshot: snapshot?,
            health: health.ok(),
            announcements: announcements.ok(),
            meters: meters.clone(),
            process: Process::read(),
            took: begun.elapsed(),
        })
    }
}

impl Collector for Gathered {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet::new(encoder, MOST_SERIES);
        let status = &self.snapshot.status;
        vip::write(&mut sheet, status)?;
        backend::write(&mut sheet, status)?;
        pool::write(&mut sheet, status)?;
        health::write(&mut sheet, self.health.as_ref())?;
        announce::write(&mut sheet, self.announcements.as_ref())?;
        host::write(&mut sheet, status)?;
        daemon::write(&mut sheet, self)?;
        process::write(&mut sheet, &self.process)?;
        sheet.end()
    }
}
