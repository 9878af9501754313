//! Every counter of the loaded program, read in three calls.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anycast_common::{
    counter::Traffic,
    detail::{Detail, MAX_DETAILS},
    reason::{MAX_REASONS, Reason},
};
use aya::maps::{MapData, MapInfo};

use crate::site::{BACKENDS, COUNTERS_PER_BACKEND};

/// VIP numbers that are looked at: the site's are below it.
const VIPS: usize = 16;

/// The maps, by handles of their own.
pub struct Counters {
    reasons: MapData,
    details: MapData,
    traffic: MapData,
    cpus: usize,
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
        let map = |name| by_name(map_ids, name);
        Self {
            reasons: map("REASONS"),
            details: map("DETAILS"),
            traffic: map("TRAFFIC"),
            cpus: aya::util::nr_cpus().unwrap(),
        }
    }

    /// The counters as they are.
    pub fn read(&self) -> Snapshot {
        let traffic = COUNTERS_PER_BACKEND as usize * usize::from(BACKENDS);
        Snapshot {
            reasons: self.sums(&self.reasons, VIPS * MAX_REASONS, 1),
            details: self.sums(&self.details, VIPS * MAX_DETAILS, 1),
            traffic: self.sums(&self.traffic, traffic, size_of::<Traffic>() / size_of::<u64>()),
        }
    }

    /// The first `entries` entries of a per-CPU array, of so many words each.
    fn sums(&self, map: &MapData, entries: usize, words: usize) -> Vec<u64> {
        const BPF_MAP_LOOKUP_BATCH: libc::c_int = 24;
        let mut keys = vec![0_u32; entries];
        let mut values = vec![0_u64; entries * self.cpus * words];
        let mut next = 0_u32;
        let mut attributes = Batch {
            in_batch: 0,
            out_batch: &raw mut next as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: entries as u32,
            map_fd: map.fd().as_fd().as_raw_fd() as u32,
            elem_flags: 0,
            flags: 0,
        };
        let size = size_of::<Batch>();
        // SAFETY: the pointers are to live memory with room for that many keys and values, each of one element per CPU.
        let result = unsafe { libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_BATCH, &raw mut attributes, size) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        let entry = |entry: usize, word: usize| {
            (0..self.cpus).map(|cpu| values[(entry * self.cpus + cpu) * words + word]).sum()
        };
        (0..entries * words).map(|index| entry(index / words, index % words)).collect()
    }
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

/// `struct { … } batch` of `union bpf_attr`, include/uapi/linux/bpf.h.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}
