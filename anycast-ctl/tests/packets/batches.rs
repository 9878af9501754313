//! Counters read in batches, beside the same read one by one.

use std::ops::Range;

use anycast_common::counter::Traffic;
use anycast_ctl::dataplane::{DataplaneError, PerCpuCounters};
use aya::{
    maps::{PerCpuArray, PerCpuValues},
    util::nr_cpus,
};

use crate::harness::Harness;

/// More than one call reads, on any host.
const ENTRIES: u32 = 30_000;

/// What a CPU counts under an index, if anything.
fn value(index: u32, cpu: usize) -> Traffic {
    let packets = u64::from(index) * 8 + cpu as u64 + 1;
    Traffic { packets, bytes: packets << 32, new_flows: u64::from(index % 2 == cpu as u32 % 2) }
}

#[test]
fn batches_find_what_single_reads_do() {
    let cpus = nr_cpus().unwrap();
    let mut map = PerCpuArray::create(ENTRIES, 0).unwrap();
    // Most are zero, but for runs that go over the end of any batch.
    let counts = |index: u32| index % 7 == 3 || index % 4_096 > 3_000;
    let mut expected = Vec::new();
    for index in (0..ENTRIES).filter(|&index| counts(index)) {
        let values: Vec<Traffic> = (0..cpus).map(|cpu| value(index, cpu)).collect();
        let mut sum = Traffic::default();
        values.iter().for_each(|value| sum += *value);
        expected.push((index, sum));
        map.set(index, PerCpuValues::try_from(values).unwrap(), 0).unwrap();
    }
    let in_batches = PerCpuCounters::new(map).unwrap();
    let read = |counters: &PerCpuCounters<Traffic>, range: Range<u32>| {
        let mut counted = Vec::new();
        counters.read(range, &mut counted).unwrap();
        counted
    };
    let within = |range: &Range<u32>| {
        expected.iter().copied().filter(|(index, _)| range.contains(index)).collect::<Vec<_>>()
    };
    // All of it, one entry, none, the last one, and beyond the end.
    let ranges = [0..ENTRIES, 0..1, 3..4, 5..5, 17..12_345, ENTRIES - 1..ENTRIES, 29_000..ENTRIES + 9_000];
    let beyond = ENTRIES + 1..ENTRIES + 2;
    for range in ranges.iter().chain([&beyond]) {
        assert!(read(&in_batches, range.clone()) == within(range), "{range:?}");
    }
    let one_by_one = in_batches.one_by_one();
    for range in ranges.iter().chain([&beyond]) {
        assert!(read(&one_by_one, range.clone()) == within(range), "one by one: {range:?}");
    }
}

#[test]
fn counters_are_not_cleared_while_somebody_reads_them() {
    let dataplane = &mut Harness::lean().dataplane;
    let reader = dataplane.counters();
    assert!(dataplane.counters_are_read());
    assert!(matches!(dataplane.clear_traffic(0), Err(DataplaneError::CountersAreRead)));
    assert!(matches!(dataplane.clear_vip(1), Err(DataplaneError::CountersAreRead)));
    drop(reader);
    dataplane.clear_traffic(0).unwrap();
    dataplane.clear_vip(1).unwrap();
}
