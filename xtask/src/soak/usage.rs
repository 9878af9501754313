//! What daemons take of the machine, over time, and whether it grows.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// A daemon at a moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// Since the start of the run.
    pub at: Duration,
    pub pid: u32,
    /// Memory that is resident, in KiB.
    pub resident_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
    pub threads: u64,
}

/// The machine at a moment: other things run on it, too.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    pub at: Duration,
    /// Kernel memory in slabs that cannot be given back, in KiB.
    pub slab_kib: u64,
    /// Memory of per-CPU allocations, in KiB: counters in BPF maps are such.
    pub percpu_kib: u64,
    /// Sessions that were open.
    pub sessions: usize,
    /// Packets a second that all edges together counted.
    pub packets_per_second: f64,
    /// Sessions that had broken by then.
    pub broken: usize,
}

/// BPF objects that a process holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Bytes of each map, by its number.
    pub maps: BTreeMap<u32, u64>,
    pub programs: Vec<u32>,
    pub links: Vec<u32>,
}

impl Held {
    /// Adds those of another process, or of the same one later.
    pub fn add(&mut self, other: Self) {
        self.maps.extend(other.maps);
        for (ids, more) in [(&mut self.programs, other.programs), (&mut self.links, other.links)] {
            ids.extend(more);
            ids.sort_unstable();
            ids.dedup();
        }
    }

    /// Bytes of all maps.
    pub fn map_bytes(&self) -> u64 {
        self.maps.values().sum()
    }
}

/// Looks at a process; `None` when it has ended.
pub fn sample(at: Duration, pid: u32) -> Option<Sample> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |key: &str| number(&status, key);
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some(Sample { at, pid, resident_kib: number("VmRSS:")?, descriptors, threads: number("Threads:")? })
}

/// Looks at the machine's memory.
pub fn machine() -> Result<Machine> {
    let text = fs::read_to_string("/proc/meminfo").context("read /proc/meminfo")?;
    let get = |key| number(&text, key).with_context(|| format!("find {key} in /proc/meminfo"));
    Ok(Machine { slab_kib: get("SUnreclaim:")?, percpu_kib: get("Percpu:")?, ..Machine::default() })
}

/// The BPF objects that a process holds, as its descriptors tell (proc(5), fdinfo).
pub fn held(pid: u32) -> Held {
    let mut held = Held::default();
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    let paths: Vec<PathBuf> = infos.map(|entry| entry.path()).collect();
    // A descriptor that was closed meanwhile is not held.
    for text in paths.into_iter().filter_map(|path| fs::read_to_string(path).ok()) {
        let id = |key| number(&text, key).and_then(|id| u32::try_from(id).ok());
        if let Some(map) = id("map_id:") {
            held.maps.insert(map, number(&text, "memlock:").unwrap_or(0));
        } else if let Some(link) = id("link_id:") {
            held.links.push(link);
        } else if let Some(program) = id("prog_id:") {
            held.programs.push(program);
        }
    }
    for ids in [&mut held.programs, &mut held.links] {
        ids.sort_unstable();
        ids.dedup();
    }
    held
}

fn number(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// In less time than this, caches that fill and the allocator's steps look like growth.
const ENOUGH: Duration = Duration::from_secs(480);

/// How resident memory of one process goes, by least squares over all samples but those of its first third, in which caches and
/// histories fill up: KiB a minute. `None` for less of them than is enough.
pub fn growth(samples: &[Sample]) -> Option<f64> {
    let (first, last) = (samples.first()?.at, samples.last()?.at);
    let warm = first + (last.saturating_sub(first)) / 3;
    let points: Vec<(f64, f64)> = samples
        .iter()
        .filter(|sample| sample.at >= warm)
        .map(|sample| (sample.at.as_secs_f64() / 60.0, sample.resident_kib as f64))
        .collect();
    if last.saturating_sub(warm) < ENOUGH {
        return None;
    }
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / count, y / count);
    let (both, square) = points.iter().fold((0.0, 0.0), |sum, point| {
        (sum.0 + (point.0 - x) * (point.1 - y), sum.1 + (point.0 - x).powi(2))
    });
    Some(both / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl Fn(u64) -> u64) -> Vec<Sample> {
        let sample = |minute| Sample {
            at: Duration::from_secs(60 * minute),
            resident_kib: resident(minute),
            ..Sample::default()
        };
        (0..=12).map(sample).collect()
    }

    #[test]
    fn growth_is_what_is_added_after_the_warm_up() {
        let leak = growth(&samples(|minute| 10_000 + 100 * minute)).unwrap();
        assert!((leak - 100.0).abs() < 0.001, "{leak}");
        let warm = growth(&samples(|minute| 10_000 + 500 * minute.min(4))).unwrap();
        assert!(warm.abs() < 0.001, "{warm}");
        assert_eq!(growth(&samples(|_| 1)[..4]), None);
    }

    #[test]
    fn this_process_is_seen() {
        let sample = sample(Duration::ZERO, std::process::id()).unwrap();
        assert!(sample.resident_kib > 100 && sample.descriptors > 2 && sample.threads > 0);
        assert!(machine().unwrap().slab_kib > 0);
        assert_eq!(held(std::process::id()).map_bytes(), 0);
    }
}
