//! Looks once a second what was dropped: the counters are read on another thread, and only those of reasons.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinHandle;

use super::Controller;
use crate::{
    api::types::Event,
    events::drops::{Count, Drops, reasons},
};

/// A look rests that many times as long as it took, if that is longer than a second: it takes one part in that many of a CPU at
/// most, however many VIPs there are.
const REST: u32 = 50;

/// What was told of drops, and the look under way.
#[derive(Default)]
pub(super) struct DropWatch {
    drops: Drops,
    under_way: Option<JoinHandle<anyhow::Result<Looked>>>,
    /// Before that there is no other look.
    rests_until: Option<Instant>,
    /// Why the counters could not be read the last time, if they could not.
    complaint: Option<String>,
}

/// What a look has found.
struct Looked {
    counts: Vec<Count>,
    took: Duration,
}

impl DropWatch {
    /// Waits for what the look under way has found; without one for ever.
    pub(super) async fn counted(&mut self) -> anyhow::Result<Vec<Count>> {
        let Some(under_way) = &mut self.under_way else { return pending().await };
        let counted = under_way.await;
        self.under_way = None;
        let Looked { counts, took } = counted.context("reading counters of drops")??;
        self.rests_until = Some(Instant::now() + REST * took);
        Ok(counts)
    }
}

impl Controller {
    /// Begins to look, unless it does already, or rests, or counters wait to be cleared: these must not be read.
    pub(super) fn count_drops(&mut self) {
        let rests = self.drops.rests_until.is_some_and(|until| until > Instant::now());
        if rests || self.drops.under_way.is_some() || self.collects_later {
            return;
        }
        let mut vips = vec![(0, None)];
        vips.extend(self.site.vips.iter().filter_map(|vip| {
            let number = self.numbers.vip(&vip.name, &vip.pool)?.number;
            Some((number, Some(vip.name.clone())))
        }));
        let counters = self.dataplane.counters();
        self.drops.under_way = Some(tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let counted = counters.read_reasons(vips.iter().map(|(number, _)| *number))?;
            let of_vip = |(number, vip): &(u16, Option<String>)| {
                let (number, vip) = (*number, vip.clone());
                let counts = reasons().map(|reason| (reason, counted.refused(number, reason)));
                let counts = counts.filter(|(_, packets)| *packets > 0);
                counts
                    .map(|(reason, packets)| Count { number, vip: vip.clone(), reason, packets })
                    .collect::<Vec<_>>()
            };
            Ok(Looked { counts: vips.iter().flat_map(of_vip).collect(), took: begun.elapsed() })
        }));
    }

    /// Tells what was dropped.
    pub(super) fn tell_drops(&mut self, counted: anyhow::Result<Vec<Count>>) {
        match counted {
            Ok(counts) => {
                self.drops.complaint = None;
                let told = self.drops.drops.look(counts, Instant::now());
                told.into_iter().for_each(|event| self.tell(Event::Drops(event)));
            }
            Err(error) => {
                let error = format!("{error:#}");
                if self.drops.complaint.as_ref() != Some(&error) {
                    tracing::warn!("{error}; trying again every second");
                }
                self.drops.complaint = Some(error);
            }
        }
    }
}
