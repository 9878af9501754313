//! Measurements of what passes, from the request to the answer.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{refusal::Refusal, request::Request, router::Api, types::CatchmentStatus};
use crate::{
    flows::{
        catchment::{Circumstances, Measurement},
        measure::{Plan, Scope, measure},
    },
    period,
    utc::Utc,
};

/// The longest measurement.
pub const LONGEST: Duration = Duration::from_secs(3_600);

/// How long one of those takes that are made every so often.
const REGULAR: Duration = Duration::from_secs(60);

/// One flow in so many is looked at where that is not said.
pub const FLOWS_SAMPLE: NonZeroU32 = NonZeroU32::new(16).expect("it is not 0");

/// Networks listed where that is not said.
pub const NETWORKS: usize = 200;

impl Api {
    /// Measures the catchment, and keeps it.
    ///
    /// # Errors
    ///
    /// 409 while somebody else does, and why no packets can be shown.
    pub async fn measure_catchment(
        &self,
        who: String,
        period: Duration,
        one_in: NonZeroU32,
        networks: usize,
    ) -> Result<Arc<CatchmentStatus>, Refusal> {
        let _turn = self.catchments.begin().ok_or_else(Refusal::measured_already)?;
        let names = self.ask(Request::Flows).await?.names;
        let began = Utc::now();
        let plan = Plan { scope: Scope::Flows, one_in, period };
        let add = move |measurement: &mut Measurement, seen: &crate::flows::measure::Seen| {
            if seen.is_vip {
                measurement.note(&seen.sighting);
            } else if names.vip(&seen.sighting.flow.source).is_some() {
                measurement.note_reply(&seen.sighting);
            }
        };
        let measured = measure(&self.observer, plan, Measurement::default(), add).await?;
        let (measurement, course) = measured.ok_or_else(Refusal::stopping)?;
        let circumstances = Circumstances {
            who,
            began,
            period: course.period,
            one_in: one_in.get(),
            of: course.of,
            lost: course.lost,
            networks,
        };
        Ok(self.catchments.keep(measurement.finish(circumstances)))
    }

    /// Measures the catchment every so often, until the daemon stops.
    pub async fn measure_regularly(self, every: Duration) {
        let mut times = interval_at(Instant::now() + REGULAR.min(every), every);
        times.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let who = format!("run --catchment-every {}", period::text(every));
        let measuring = async {
            loop {
                times.tick().await;
                let measured = self.measure_catchment(who.clone(), REGULAR, FLOWS_SAMPLE, NETWORKS).await;
                if let Err(refusal) = measured {
                    tracing::warn!("the catchment is not measured this time: {refusal}");
                }
            }
        };
        tokio::select! {
            () = measuring => (),
            () = self.stopping.clone().fuse() => (),
        }
    }
}
