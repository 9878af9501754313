//! The traffic of VIPs, while a drain waits for it to end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::super::Controller;
use crate::{
    announce::{engine::SAMPLE_EVERY, meter::Sample},
    dataplane::Reach,
    model::Vip,
};

impl Controller {
    /// Counts the traffic of VIPs whose drain waits for it to end.
    pub(in crate::controller) fn sample_traffic(&mut self) {
        self.announcements.sample_at = Instant::now() + SAMPLE_EVERY;
        let vips = self.announcements.announcing.said().awaits_traffic_of;
        match self.samples(&vips) {
            Ok(samples) => self.announcements.announcing.count(samples),
            Err(error) => tracing::warn!("counting the traffic that a drain waits for: {error:#}"),
        }
    }

    /// What was counted for these VIPs.
    pub(super) fn samples(&self, vips: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, Sample>> {
        let vips: Vec<&Vip> = self.site.vips.iter().filter(|vip| vips.contains(&vip.name)).collect();
        let counters = vips.iter().flat_map(|vip| self.numbers.traffic_counters_of_vip(&vip.name, &vip.pool));
        let counted = self.dataplane.counters().read(&Reach::of(counters, None))?;
        let mut samples: BTreeMap<String, Sample> =
            vips.iter().map(|vip| (vip.name.clone(), Sample::default())).collect();
        let pools: BTreeSet<&str> = vips.iter().map(|vip| vip.pool.as_str()).collect();
        for pool in pools.into_iter().filter_map(|name| self.site.pool(name)) {
            let Some(pairs) = self.numbers.pairs(&pool.name) else { continue };
            for backend in &pool.backends {
                for (vip, traffic) in pairs.delivered(backend.address, &counted) {
                    let Some(sample) = samples.get_mut(vip) else { continue };
                    sample.packets += traffic.packets;
                    sample.own_packets += if backend.backup { 0 } else { traffic.packets };
                    sample.new_flows += traffic.new_flows;
                }
            }
        }
        Ok(samples)
    }
}
