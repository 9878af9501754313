//! A daemon's use of the machine: before, during and after the load.

use std::{collections::BTreeMap, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    ask,
    stage::WITNESS,
    usage::{self, Sample},
};

/// Looks at descriptors, of which the least counts: checks open some for a moment.
const LOOKS: u32 = 15;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Resident memory of a daemon that was never restarted may grow by so much in a minute, in KiB, once it is warm: what is within the
/// allocator's steps.
const GROWTH_KIB_A_MINUTE: f64 = 100.0;

/// One edge's daemon.
#[derive(Clone, Debug, Serialize)]
pub struct Daemon {
    pub edge: String,
    /// Processes it was, one after the other.
    pub processes: usize,
    /// Resident memory at the first sample, the last, and the largest, in KiB.
    pub resident_kib: [u64; 3],
    /// How it grew, in KiB a minute, of one that was never restarted.
    pub growth: Option<f64>,
    /// Before the load, and after it.
    pub before: Look,
    pub after: Look,
    pub samples: Vec<Sample>,
}

impl Daemon {
    pub fn new(edge: &str, samples: Vec<Sample>, before: Look, after: Look) -> Self {
        let mut pids: Vec<u32> = samples.iter().map(|sample| sample.pid).collect();
        pids.dedup();
        let resident = |sample: Option<&Sample>| sample.map_or(0, |sample| sample.resident_kib);
        let most = samples.iter().map(|sample| sample.resident_kib).max().unwrap_or(0);
        Self {
            edge: edge.to_owned(),
            processes: pids.len(),
            resident_kib: [resident(samples.first()), resident(samples.last()), most],
            growth: if pids.len() == 1 { usage::growth(&samples) } else { None },
            before,
            after,
            samples,
        }
    }

    /// What grew that must not.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let edge = &self.edge;
        if edge == WITNESS && self.processes != 1 {
            faults.push(format!(
                "the daemon on {edge} was {} processes, and nobody restarted it",
                self.processes
            ));
        }
        if let Some(growth) = self.growth.filter(|growth| *growth > GROWTH_KIB_A_MINUTE) {
            faults.push(format!("the daemon on {edge} grows by {growth:.0} KiB a minute"));
        }
        let (before, after) = (&self.before, &self.after);
        if after.descriptors > before.descriptors {
            faults.push(format!(
                "the daemon on {edge} had {} descriptors open before the load, and {} after it",
                before.descriptors, after.descriptors
            ));
        }
        if (after.maps, after.map_bytes) != (before.maps, before.map_bytes) {
            faults.push(format!(
                "the daemon on {edge} had {} maps of {} bytes before the load, and {} of {} after it",
                before.maps, before.map_bytes, after.maps, after.map_bytes
            ));
        }
        faults
    }
}

/// A daemon while nothing happens.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Look {
    /// The fewest that were open.
    pub descriptors: usize,
    /// BPF maps, and the bytes of all of them.
    pub maps: usize,
    /// Their bytes.
    pub map_bytes: u64,
}

/// Looks at every edge's.
pub fn look_at_all(sockets: &BTreeMap<String, PathBuf>) -> Result<Vec<(String, Look)>> {
    let mut looks: Vec<(String, Look)> = Vec::new();
    for (edge, socket) in sockets {
        let pid = ask::status(socket)?.pid;
        let held = usage::held(pid);
        let mut descriptors = usize::MAX;
        for _ in 0..LOOKS {
            let sample = usage::sample(Duration::ZERO, pid)
                .with_context(|| format!("look at the daemon on {edge}"))?;
            descriptors = descriptors.min(sample.descriptors);
            thread::sleep(BETWEEN_LOOKS);
        }
        looks.push((edge.clone(), Look { descriptors, maps: held.maps.len(), map_bytes: held.map_bytes() }));
    }
    Ok(looks)
}
