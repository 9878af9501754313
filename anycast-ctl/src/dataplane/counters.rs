//! What the program has counted.

use std::ops::Range;

use anycast_common::{
    counter::{Traffic, detail_counter, reason_counter},
    detail::{Detail, MAX_DETAILS},
    reason::{MAX_REASONS, Reason},
};
use aya::maps::Map;

use super::{
    DataplaneError,
    percpu::{Count, PerCpuCounters},
};

/// The maps of counters.
pub struct Counters {
    traffic: PerCpuCounters<Traffic>,
    reasons: PerCpuCounters<u64>,
    details: PerCpuCounters<u64>,
}

/// Which counters are to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Traffic counters.
    pub traffic: Vec<Range<u32>>,
    /// Rows of reason and detail counters, by the numbers of VIPs; 0 is no VIP's.
    pub vips: Vec<Range<u32>>,
}

/// What was read, all CPUs together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// By index and in its order; those that are zero are left out.
    traffic: Vec<(u32, Traffic)>,
    reasons: Vec<(u32, u64)>,
    details: Vec<(u32, u64)>,
}

impl Counters {
    /// Takes the maps over, each given by its name.
    ///
    /// # Errors
    /// One of them is missing or another one.
    pub fn new(
        mut take: impl FnMut(&'static str) -> Result<Map, DataplaneError>,
    ) -> Result<Self, DataplaneError> {
        Ok(Self {
            traffic: array(take("TRAFFIC")?, "TRAFFIC")?,
            reasons: array(take("REASONS")?, "REASONS")?,
            details: array(take("DETAILS")?, "DETAILS")?,
        })
    }

    /// Reads counters; those beyond the end of a map are zero.
    ///
    /// # Errors
    /// The kernel does not let them be read.
    pub fn read(&self, reach: &Reach) -> Result<Counted, DataplaneError> {
        let mut counted = Counted::default();
        for range in &reach.traffic {
            self.traffic.read(range.clone(), &mut counted.traffic)?;
        }
        for rows in &reach.vips {
            let columns = |columns: usize| rows.start * columns as u32..rows.end * columns as u32;
            self.reasons.read(columns(MAX_REASONS), &mut counted.reasons)?;
            self.details.read(columns(MAX_DETAILS), &mut counted.details)?;
        }
        Ok(counted)
    }

    /// Reads the reason counters of VIPs by their numbers, and nothing else; 0 is no VIP's.
    ///
    /// # Errors
    /// The kernel does not let them be read.
    pub fn read_reasons(&self, vips: impl IntoIterator<Item = u16>) -> Result<Counted, DataplaneError> {
        let mut counted = Counted::default();
        for rows in merged(vips.into_iter().map(u32::from)) {
            let reasons = rows.start * MAX_REASONS as u32..rows.end * MAX_REASONS as u32;
            self.reasons.read(reasons, &mut counted.reasons)?;
        }
        Ok(counted)
    }

    /// Sets a traffic counter back to zero, before another pair gets it.
    pub(super) fn clear_traffic(&mut self, counter: u32) -> Result<(), DataplaneError> {
        self.traffic.clear(counter)
    }

    /// Sets the reason and detail counters of a VIP's number back to zero, before another one gets it.
    pub(super) fn clear_vip(&mut self, vip: u16) -> Result<(), DataplaneError> {
        (0..MAX_REASONS as u32).try_for_each(|code| self.reasons.clear(reason_counter(vip, code)))?;
        (0..MAX_DETAILS as u32).try_for_each(|code| self.details.clear(detail_counter(vip, code)))
    }
}

impl Reach {
    /// These counters, and the rows of these VIPs, each once.
    pub fn of(traffic: impl IntoIterator<Item = u32>, vips: impl IntoIterator<Item = u16>) -> Self {
        Self { traffic: merged(traffic), vips: merged(vips.into_iter().map(u32::from)) }
    }
}

impl Counted {
    /// What a traffic counter had.
    pub fn traffic(&self, counter: u32) -> Traffic {
        at(&self.traffic, counter)
    }

    /// So many packets by traffic counter, in order.
    #[cfg(test)]
    pub fn of_traffic(packets: impl IntoIterator<Item = (u32, u64)>) -> Self {
        let traffic = |packets| Traffic { packets, ..Traffic::default() };
        let traffic = packets
            .into_iter()
            .filter(|(_, packets)| *packets > 0)
            .map(|(it, packets)| (it, traffic(packets)));
        Self { traffic: traffic.collect(), ..Self::default() }
    }

    /// Those of a range of traffic counters that had anything.
    pub fn traffic_in(&self, range: Range<u32>) -> &[(u32, Traffic)] {
        let place = |counter| self.traffic.partition_point(|(index, _)| *index < counter);
        self.traffic.get(place(range.start)..place(range.end)).unwrap_or_default()
    }

    /// Packets of a VIP not delivered for that reason. VIP 0: those that were no VIP's.
    pub fn refused(&self, vip: u16, reason: Reason) -> u64 {
        at(&self.reasons, reason_counter(vip, reason.code()))
    }

    /// Packets of a VIP with that detail.
    pub fn detail(&self, vip: u16, detail: Detail) -> u64 {
        at(&self.details, detail_counter(vip, detail.code()))
    }
}

fn array<V: Count>(map: Map, name: &'static str) -> Result<PerCpuCounters<V>, DataplaneError> {
    PerCpuCounters::new(map.try_into().map_err(|_| DataplaneError::Missing(name))?)
}

fn at<V: Copy + Default>(counted: &[(u32, V)], index: u32) -> V {
    let found = counted.binary_search_by_key(&index, |(index, _)| *index).ok();
    found.and_then(|place| counted.get(place)).map(|(_, value)| *value).unwrap_or_default()
}

/// Numbers in order, those that follow each other as one range.
fn merged(numbers: impl IntoIterator<Item = u32>) -> Vec<Range<u32>> {
    let mut numbers: Vec<u32> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end == number => last.end += 1,
            _ => ranges.push(number..number + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reached_is_in_order_and_each_once() {
        let reach = Reach::of([7, 3, 4, 3, 5, 9], [2, 0, 1, 6]);
        assert_eq!(reach, Reach { traffic: vec![3..6, 7..8, 9..10], vips: vec![0..3, 6..7] });
        assert_eq!(Reach::of([], []), Reach::default());
    }

    #[test]
    fn what_was_not_counted_is_zero() {
        let traffic = |packets| Traffic { packets, ..Traffic::default() };
        let counted = Counted {
            traffic: vec![(2, traffic(1)), (5, traffic(2)), (6, traffic(3))],
            reasons: vec![(reason_counter(3, Reason::NotVip.code()), 9)],
            details: Vec::new(),
        };
        assert_eq!([2, 3, 6].map(|counter| counted.traffic(counter).packets), [1, 0, 3]);
        assert_eq!(counted.traffic_in(3..6), [(5, traffic(2))]);
        assert_eq!(counted.traffic_in(7..9), []);
        assert_eq!((counted.refused(3, Reason::NotVip), counted.refused(2, Reason::NotVip)), (9, 0));
        assert_eq!(counted.detail(3, Detail::IcmpError), 0);
    }
}
