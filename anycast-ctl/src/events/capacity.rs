//! When it is told that a map fills: above 80 and above 95 percent, and when there is room again. No IO.

use std::collections::BTreeMap;

use crate::api::types::CapacityEvent;

/// Marks, in percent, the highest first.
const MARKS: [u8; 2] = [95, 80];

/// A mark counts as passed until that much less is used, in percent, or a map at a mark would be told of all the time.
const SLACK: u8 = 5;

/// Which marks maps are above.
#[derive(Debug, Default)]
pub struct Capacities {
    above: BTreeMap<&'static str, u8>,
}

impl Capacities {
    /// Takes how full a map is, and answers with what is to be told.
    pub fn look(&mut self, map: &'static str, used: u64, capacity: u64) -> Option<CapacityEvent> {
        let is_above = |percent: u8| {
            u128::from(used) * 100 >= u128::from(capacity) * u128::from(percent) && capacity > 0
        };
        let before = self.above.get(map).copied().unwrap_or_default();
        let of_mark = |mark: &u8| is_above(if *mark <= before { mark - SLACK } else { *mark });
        let above_percent = MARKS.into_iter().find(of_mark).unwrap_or_default();
        self.above.insert(map, above_percent);
        let event = || CapacityEvent { map: map.to_owned(), used, capacity, above_percent };
        (above_percent != before).then(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_told_of_once_on_either_way() {
        let mut capacities = Capacities::default();
        let mut told = Vec::new();
        for used in [10, 79, 80, 81, 79, 76, 94, 95, 100, 91, 89, 80, 75, 74, 80, 20] {
            told.extend(capacities.look("pins", used, 100).map(|event| (used, event.above_percent)));
        }
        assert_eq!(told, [(80, 80), (95, 95), (89, 80), (74, 0), (80, 80), (20, 0)]);
    }

    #[test]
    fn a_map_without_room_is_not_full() {
        assert_eq!(Capacities::default().look("pins", 0, 0), None);
    }

    #[test]
    fn maps_are_apart() {
        let mut capacities = Capacities::default();
        assert!(capacities.look("pins", 99, 100).is_some_and(|event| event.above_percent == 95));
        assert!(capacities.look("slots", 85, 100).is_some_and(|event| event.above_percent == 80));
        assert!(capacities.look("pins", 99, 100).is_none());
    }
}
