//! Every counter of the loaded program, read in a few calls.

use std::collections::BTreeMap;

use anycast_common::{
    counter::Traffic,
    detail::{Detail, MAX_DETAILS},
    reason::{MAX_REASONS, Reason},
    walk::Walk,
};
use anycast_ctl::dataplane::{Count, PerCpuCounters};
use aya::maps::{Map, MapData, MapInfo};

use crate::site::{BACKENDS, COUNTERS_PER_BACKEND};

/// VIP numbers that are looked at: the site's are below it.
const VIPS: usize = 16;

/// The maps, by handles of their own.
pub struct Counters {
    reasons: PerCpuCounters<u64>,
    details: PerCpuCounters<u64>,
    traffic: PerCpuCounters<Traffic>,
}

/// The sums over all CPUs, as they lie in the maps.
#[derive(Clone)]
pub struct Snapshot {
    reasons: Vec<u64>,
    details: Vec<u64>,
    traffic: Vec<u64>,
}

/// What changed from one snapshot to another, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// By VIP and backend: packets, bytes, new flows.
    pub traffic: BTreeMap<(u16, u16), (u64, u64, u64)>,
    /// By VIP and label.
    pub reasons: BTreeMap<(u16, &'static str), u64>,
    /// By VIP and label.
    pub details: BTreeMap<(u16, &'static str), u64>,
}

impl Counters {
    /// The maps of the program with these maps.
    pub fn new(map_ids: &[u32]) -> Self {
        Self {
            reasons: array(map_ids, "REASONS"),
            details: array(map_ids, "DETAILS"),
            traffic: array(map_ids, "TRAFFIC"),
        }
    }

    /// The counters as they are.
    pub fn read(&self) -> Snapshot {
        let traffic = sums(&self.traffic, COUNTERS_PER_BACKEND * u32::from(BACKENDS));
        Snapshot {
            reasons: sums(&self.reasons, (VIPS * MAX_REASONS) as u32),
            details: sums(&self.details, (VIPS * MAX_DETAILS) as u32),
            traffic: traffic.iter().flat_map(|it| [it.packets, it.bytes, it.new_flows]).collect(),
        }
    }
}

/// The first `entries` counters.
fn sums<V: Count>(map: &PerCpuCounters<V>, entries: u32) -> Vec<V> {
    let (mut counted, mut sums) = (Vec::new(), vec![V::default(); entries as usize]);
    map.read(0..entries, &mut counted).unwrap();
    counted.into_iter().for_each(|(index, sum)| sums[index as usize] = sum);
    sums
}

/// One of these maps. The kernel keeps the first 15 bytes of a name.
fn array<V: Count>(map_ids: &[u32], name: &str) -> PerCpuCounters<V> {
    PerCpuCounters::new(Map::PerCpuArray(by_name(map_ids, name)).try_into().unwrap()).unwrap()
}

impl Snapshot {
    /// What changed since.
    pub fn since(&self, before: &Self) -> Delta {
        let changes = |after: &[u64], before: &[u64]| -> Vec<(usize, u64)> {
            let differences = after.iter().zip(before).map(|(after, before)| after - before).enumerate();
            differences.filter(|&(_, count)| count != 0).collect()
        };
        let reasons = changes(&self.reasons, &before.reasons).into_iter().map(|(index, count)| {
            let reason = Reason::ALL[index % MAX_REASONS - 1];
            (((index / MAX_REASONS) as u16, reason.label()), count)
        });
        let details = changes(&self.details, &before.details).into_iter().map(|(index, count)| {
            (((index / MAX_DETAILS) as u16, Detail::ALL[index % MAX_DETAILS].label()), count)
        });
        let mut delta =
            Delta { reasons: reasons.collect(), details: details.collect(), traffic: BTreeMap::new() };
        for (index, count) in changes(&self.traffic, &before.traffic) {
            let counter = (index / 3) as u32;
            let pair = ((counter % COUNTERS_PER_BACKEND) as u16, (counter / COUNTERS_PER_BACKEND) as u16);
            let (packets, bytes, new_flows) = delta.traffic.entry(pair).or_default();
            *[packets, bytes, new_flows][index % 3] = count;
        }
        delta
    }
}

impl Delta {
    /// What a packet's walk says is counted.
    pub fn of(walk: &Walk) -> Self {
        let mut delta = Self::default();
        if walk.reason == 0 {
            let counted = (1, walk.packet_bytes.into(), walk.opens_flow.into());
            delta.traffic.insert((walk.vip, walk.backend), counted);
        } else {
            let reason = Reason::ALL.iter().find(|reason| reason.code() == walk.reason).unwrap();
            delta.reasons.insert((walk.vip, reason.label()), 1);
        }
        let details = Detail::ALL.iter().filter(|detail| walk.details >> detail.code() & 1 != 0);
        delta.details = details.map(|detail| ((walk.vip, detail.label()), 1)).collect();
        delta
    }

    /// Packets that were counted as delivered or as not.
    pub fn outcomes(&self) -> u64 {
        self.traffic.values().map(|traffic| traffic.0).sum::<u64>() + self.reasons.values().sum::<u64>()
    }
}

/// One of these maps. The kernel keeps the first 15 bytes of a name.
pub fn by_name(map_ids: &[u32], name: &str) -> MapData {
    let has_name = |id: u32| MapInfo::from_id(id).unwrap().name_as_str() == Some(name);
    MapData::from_id(map_ids.iter().copied().find(|&id| has_name(id)).unwrap()).unwrap()
}
